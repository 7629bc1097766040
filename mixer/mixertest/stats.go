package mixertest

import (
	"context"
	"testing"

	"azulejo/mixer"
	"azulejo/mixer/hub"
)

// Stats is a snapshot of a hub that must be there.
func Stats(t testing.TB, h *hub.Hub) mixer.Stats {
	t.Helper()
	st, err := h.Stats(context.Background())
	if err != nil {
		t.Fatalf("stats: %v", err)
	}
	return st
}

// Source is a snapshot of one source of it; zero if it has none with that number.
func Source(t testing.TB, h *hub.Hub, id mixer.SourceID) mixer.SourceStats {
	t.Helper()
	for _, s := range Stats(t, h).Sources {
		if s.Source == id {
			return s
		}
	}
	return mixer.SourceStats{}
}
