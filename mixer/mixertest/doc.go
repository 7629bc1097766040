// Package mixertest is for tests only. It starts engines with real codecs, and decodes what they deliver. It has the
// conformance suite that every implementation of an engine behind the seam has to pass.
package mixertest

import (
	"log/slog"

	"azulejo/mixer"
	"azulejo/mixer/engine"
	"azulejo/mixer/hub"
)

// Start starts an engine in this process. It is a [hub.Start].
func Start(cfg mixer.Config, emit func(mixer.Event), log *slog.Logger) (hub.Engine, error) {
	return engine.New(cfg, emit, log)
}
