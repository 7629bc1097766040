package stomp

import (
	"testing"
	"time"

	"github.com/pion/webrtc/v4/pkg/media"

	"azulejo/mixer"
	"azulejo/mixer/mixertest"
	"azulejo/signal/signaltest"
	"azulejo/signal/signaltest/await"
)

// sings makes a caller that sends a tone until the test ends, and listens.
func sings(t *testing.T, hz float64) *caller {
	t.Helper()
	c, _ := newCaller(t, nil)
	c.ear = mixertest.NewListener(t)
	track := c.speak()
	signaltest.Play(t, mixertest.Tone(t, hz), func(p mixer.Packet) error {
		return track.WriteSample(media.Sample{Data: p.Data, Duration: p.Duration}) // lost before the connection is established
	})
	return c
}

// TestMixMinus: each of two clients hears the tone of the other and not its own. One client offers, the other answers.
func TestMixMinus(t *testing.T) {
	s := serve(t, setup{stomp: Config{CallAfter: 200 * time.Millisecond}})
	tones := []float64{440, 1000}
	offers, called := sings(t, tones[0]), sings(t, tones[1])
	x := s.sockJS(t)
	x.connect()
	x.joins(offers, "a", "yard")
	other := s.sockJS(t)
	other.connect()
	other.subscribeAs("b", "yard")
	other.isCalled(s, called, "b")
	for i, c := range []*caller{offers, called} {
		await.Until(t, "a singer hears the other one", func() bool {
			levels := c.ear.Levels(tones)
			return levels != nil && levels[1-i] > -30
		})
	}
	for i, c := range []*caller{offers, called} {
		c.ear.Forget() // both sound from here on
		var levels []float64
		await.Until(t, "a singer hears the other one for a second", func() bool {
			levels = c.ear.Levels(tones)
			return levels != nil && levels[1-i] > -30
		})
		t.Logf("the singer of %v Hz hears %.0f dB", tones[i], levels)
		if levels[i] > levels[1-i]-30 {
			t.Errorf("the singer of %v Hz hears %.0f dB of %v Hz; want itself 30 dB below the other", tones[i], levels, tones)
		}
	}
}
