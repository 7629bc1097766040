// Package mixertest is for tests only. It starts engines with real codecs and decodes the packets that they deliver. It also has
// the conformance suite for engines: every engine that speaks the seam with a hub has to pass the suite.
package mixertest

import (
	"log/slog"

	"azulejo/mixer"
	"azulejo/mixer/engine"
	"azulejo/mixer/hub"
)

// Start makes an engine in this process. Tests pass it where a hub.Start is expected.
func Start(cfg mixer.Config, emit func(mixer.Event), log *slog.Logger) (hub.Engine, error) {
	return engine.New(cfg, emit, log)
}
