// Package mixertest is for tests alone: it starts engines with real codecs, decodes what they deliver, and holds the
// conformance suite that every implementation of the seam between a hub and its engine has to pass.
package mixertest

import (
	"log/slog"

	"azulejo/mixer"
	"azulejo/mixer/engine"
	"azulejo/mixer/hub"
)

// Start makes an engine in this process. It is a [hub.Start].
func Start(cfg mixer.Config, emit func(mixer.Event), log *slog.Logger) (hub.Engine, error) {
	return engine.New(cfg, emit, log)
}
