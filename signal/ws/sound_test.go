package ws_test

import (
	"sync"
	"testing"

	"azulejo/codec"
	"azulejo/mixer/pcm"
	"azulejo/signal/client"
	"azulejo/signal/signaltest"
	"azulejo/signal/signaltest/await"
)

// ear decodes what a client hears and keeps the last second.
type ear struct {
	t       *testing.T
	mu      sync.Mutex
	decoder *codec.AudioDecoder
	heard   []int16
}

const second = codec.SampleRate * codec.Channels

func newEar(t *testing.T) *ear {
	t.Helper()
	d, err := codec.NewAudioDecoder(codec.Opus, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return &ear{t: t, decoder: d}
}

// put is a client's OnAudio.
func (e *ear) put(p codec.Packet) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var err error
	if e.heard, err = e.decoder.Decode(e.heard, p); err != nil {
		e.t.Errorf("decode the sound: %v", err)
	}
	if extra := len(e.heard) - second; extra > 0 {
		e.heard = e.heard[extra:]
	}
}

func (e *ear) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = nil
}

// levels are the strengths of tones in the last second, in dB; nil before there is one.
func (e *ear) levels(tones []float64) []float64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.heard) < second {
		return nil
	}
	var all []float64
	for _, hz := range tones {
		all = append(all, pcm.Goertzel(e.heard, codec.SampleRate, hz))
	}
	return all
}

// apart is how much stronger the weakest of the wanted tones is than tone i, in dB; with i of -1
// the floor is -60 dB.
func apart(levels []float64, i int) float64 {
	if levels == nil {
		return -100
	}
	weakest, own := 0.0, -60.0
	for k, l := range levels {
		if k == i {
			own = l
		} else {
			weakest = min(weakest, l)
		}
	}
	return weakest - own
}

// TestMixMinus: three publishers of tones hear each other and not themselves; a viewer hears all.
func TestMixMinus(t *testing.T) {
	s := serve(t, setup{})
	tones := []float64{440, 1000, 2300}
	var ears []*ear
	for _, hz := range tones {
		e := newEar(t)
		ears = append(ears, e)
		c := s.dial(t, client.Config{Name: "tone", PublishAudio: true, View: true, OnAudio: e.put})
		signaltest.Play(t, signaltest.Tone(t, hz), c.PutAudio)
	}
	viewer := newEar(t)
	s.dial(t, client.Config{View: true, OnAudio: viewer.put})
	await.Until(t, "the viewer hears all three", func() bool { return apart(viewer.levels(tones), -1) >= 30 })
	t.Logf("viewer hears %.0f dB", viewer.levels(tones))
	for i, e := range ears {
		e.forget() // all three sound from here on
		await.Until(t, "a publisher hears a second", func() bool { return e.levels(tones) != nil })
		levels := e.levels(tones)
		t.Logf("publisher of %v Hz hears %.0f dB", tones[i], levels)
		if apart(levels, i) < 30 || min(levels[(i+1)%3], levels[(i+2)%3]) < -30 {
			t.Errorf("publisher of %v Hz hears %.0f dB; want itself 30 dB below the others", tones[i], levels)
		}
	}
}
