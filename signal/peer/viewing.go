package peer

import (
	"cmp"
	"fmt"
	"sync"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// viewing is what the viewer wants to see and, while media flow, the subscription that brings it.
type viewing struct {
	mu   sync.Mutex // held while the mixer is told: the last wish is the one that counts
	want mixer.Watching
	sub  *mixer.Subscription // nil before and after media flow
}

// begin subscribes in the format that was negotiated.
func (v *viewing) begin(mix *mixer.Mixer, to *binding, sink mixer.Sink) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	w := v.want
	w.Codec, w.Profiles = to.id, to.profiles
	sub, err := mix.Watch(w, sink)
	if err != nil {
		return fmt.Errorf("watch %s as %s: %w", nameOf(w), w.Codec, err)
	}
	v.sub = sub
	return nil
}

func nameOf(w mixer.Watching) string {
	if w.View != nil {
		return "a view of its own"
	}
	return cmp.Or(w.Name, mixer.MainView)
}

// change replaces the wish; after an error the old one stays.
func (v *viewing) change(w mixer.Watching) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.sub != nil {
		if err := v.sub.Change(w); err != nil {
			return fmt.Errorf("change to %s: %w", nameOf(w), err)
		}
	}
	v.want = w
	return nil
}

// end unsubscribes: no more packets come.
func (v *viewing) end() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sub.Close()
	v.sub = nil
}

func (v *viewing) refresh() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.sub != nil {
		v.sub.RequestKeyframe()
	}
}

func (v *viewing) rendition() (mixer.RenditionStats, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.sub == nil {
		return mixer.RenditionStats{}, false
	}
	return v.sub.Rendition(), true
}

// videoSink feeds the queue from the encoder's goroutine and falls back to the next key picture.
type videoSink struct {
	d  *downlink
	to *binding

	mu      sync.Mutex
	waiting bool          // for a key picture, after a drop
	layout  *mixer.Layout // shown from the next picture on; nil: nothing new
}

// WriteLayout keeps l for the picture it belongs to; one that is dropped passes it on to the next.
func (s *videoSink) WriteLayout(l *mixer.Layout, _ time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.layout = l
}

// WritePacket never blocks.
func (s *videoSink) WritePacket(p codec.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting && !p.Key {
		s.d.dropped.Add(1)
		return
	}
	select {
	case s.d.queue <- unit{s.to, p, s.layout}:
		s.waiting, s.layout = false, nil
	default:
		s.waiting = true
		s.d.dropped.Add(1)
	}
}
