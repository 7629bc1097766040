package mixertest

import (
	"context"
	"testing"

	"azulejo/mixer"
	"azulejo/mixer/hub"
)

// Stats returns a snapshot of the room of h. It fails the test if there is none.
func Stats(t testing.TB, h *hub.Hub) mixer.Stats {
	t.Helper()
	st, err := h.Stats(context.Background())
	if err != nil {
		t.Fatalf("stats: %v", err)
	}
	return st
}

// Source returns a snapshot of one source of h. It is zero if h has no source with that id.
func Source(t testing.TB, h *hub.Hub, id mixer.SourceID) mixer.SourceStats {
	t.Helper()
	for _, s := range Stats(t, h).Sources {
		if s.Source == id {
			return s
		}
	}
	return mixer.SourceStats{}
}
