package signaltest

import (
	"sync"
	"testing"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/engine/pcm"
)

// second is how many values a second of sound has.
const second = mixer.SampleRate * mixer.Channels

// Ear decodes the Opus that a client hears and keeps the last second, until the test ends. Its methods may be called from
// any goroutine, and do nothing after that.
type Ear struct {
	t testing.TB

	mu      sync.Mutex
	closed  bool // the last packets may still be on their way
	decoder *codec.AudioDecoder
	heard   []int16
}

// NewEar makes one that has heard nothing.
func NewEar(t testing.TB) *Ear {
	t.Helper()
	d, err := codec.NewAudioDecoder(mixer.Opus, nil)
	if err != nil {
		t.Fatal(err)
	}
	e := &Ear{t: t, decoder: d}
	t.Cleanup(func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.closed = true
		d.Close()
	})
	return e
}

// Put takes the next packet of sound.
func (e *Ear) Put(p mixer.Packet) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	var err error
	if e.heard, err = e.decoder.Decode(e.heard, p); err != nil {
		e.t.Errorf("decode the sound: %v", err)
	}
	if extra := len(e.heard) - second; extra > 0 {
		e.heard = e.heard[extra:]
	}
}

// Forget makes it listen for another second.
func (e *Ear) Forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = nil
}

// Levels are the strengths of tones in the last second, in dB; nil before there is one.
func (e *Ear) Levels(tones []float64) []float64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.heard) < second {
		return nil
	}
	var all []float64
	for _, hz := range tones {
		all = append(all, pcm.Goertzel(e.heard, mixer.SampleRate, hz))
	}
	return all
}
