package mixertest

import (
	"sync"
	"testing"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/engine/pcm"
)

// second is the number of samples in one second of decoded audio, of both channels together.
const second = mixer.SampleRate * mixer.Channels

// Listener decodes the Opus packets that a client receives, and keeps the last second of samples. Its methods may be called from
// any goroutine. After the test has ended they do nothing.
type Listener struct {
	t testing.TB

	mu      sync.Mutex
	closed  bool // the test has ended; packets that still arrive are ignored
	decoder *codec.AudioDecoder
	samples []int16 // interleaved, at most one second
}

// NewListener makes a Listener without samples. The end of the test closes it.
func NewListener(t testing.TB) *Listener {
	t.Helper()
	d, err := codec.NewAudioDecoder(mixer.Opus, nil)
	if err != nil {
		t.Fatal(err)
	}
	l := &Listener{t: t, decoder: d}
	t.Cleanup(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.closed = true
		d.Close()
	})
	return l
}

// Decode decodes the next packet of audio. It fails the test if the packet cannot be decoded.
func (l *Listener) Decode(p mixer.Packet) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	var err error
	if l.samples, err = l.decoder.Decode(l.samples, p); err != nil {
		l.t.Errorf("decode audio: %v", err)
	}
	if extra := len(l.samples) - second; extra > 0 {
		l.samples = l.samples[extra:]
	}
}

// Forget drops the samples. Levels then returns nil until another second has been decoded.
func (l *Listener) Forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.samples = nil
}

// Levels returns the level of each tone in the last second, in dBFS. tones are frequencies in Hz. The result is nil before a
// second has been decoded.
func (l *Listener) Levels(tones []float64) []float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.samples) < second {
		return nil
	}
	var all []float64
	for _, hz := range tones {
		all = append(all, pcm.Goertzel(l.samples, mixer.SampleRate, hz))
	}
	return all
}
