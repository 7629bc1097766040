package mixertest

import (
	"sync"
	"testing"

	"azulejo/mixer/hub"
)

// Conformance is the test suite that every engine has to pass. start makes the engines. The suite uses real encoders, real
// decoders and real time. All cases run at the same time, except for overload, which needs the whole machine. The caller checks
// that no goroutines are left.
func Conformance(t *testing.T, start hub.Start) {
	t.Cleanup(func() { CheckFrames(t) })
	t.Run("cases", func(t *testing.T) {
		var work sync.WaitGroup // t.Parallel would run fewer cases at a time; most cases only wait
		defer work.Wait()
		for name, test := range map[string]func(*testing.T, hub.Start){
			"video as H264":           videoAsH264,
			"video as VP8":            videoAsVP8,
			"one encoder for all":     oneEncoder,
			"change":                  change,
			"errors":                  requestErrors,
			"there and back":          thereAndBack,
			"errors of commands":      commandErrors,
			"named views":             namedViews,
			"muted and away":          mutedAndAway,
			"demand":                  demand,
			"simulcast layers":        simulcastLayers,
			"mix-minus":               mixMinus,
			"audio moves between":     audioMoves,
			"audio that is included":  soloAudio,
			"conditions":              conditions,
			"passthrough":             passthrough,
			"passthrough of VP8":      passthroughOfVP8,
			"a test pattern":          testPattern,
			"a feed that breaks":      brokenFeed,
			"the end":                 theEnd,
			"order of events":         orderOfEvents,
			"what is changed after":   sharesNoMemory,
			"keyframes on request":    keyframesOnRequest,
			"a source that is closed": sourceCloses,
		} {
			work.Go(func() { t.Run(name, func(t *testing.T) { test(t, start) }) })
		}
	})
	t.Run("overload", func(t *testing.T) { overload(t, start) })
}
