package peer

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/mixer"
	"azulejo/mixer/hub"
)

// viewing is what the viewer wants to see and, while media flow, the subscription that brings it.
type viewing struct {
	mu   sync.Mutex             // held while the mixer is asked: the last wish is the one that counts
	want mixer.Watching         // by the client
	sub  *hub.VideoSubscription // nil before and after media flow

	ladder   ladder        // of a client that leaves the rung to us
	down, up atomic.Uint64 // how often it was led to a smaller and to a larger one
}

// begin subscribes in the format that was negotiated.
func (v *viewing) begin(ctx context.Context, mix Mixer, to *binding, sink hub.Sink) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	w := v.led(v.want)
	w.Codec, w.Also, w.Profile = to.id, to.also(), to.profile
	sub, err := mix.Watch(ctx, w, sink)
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

// led is a wish at the rung that the network carries, unless the client asks for one.
func (v *viewing) led(w mixer.Watching) mixer.Watching {
	if w.Auto() && v.ladder.most != 0 {
		w.Rung = fmt.Sprintf("%dp", v.ladder.most)
	}
	return w
}

// change replaces the wish; after an error the old one stays. Another picture comes at the rung that the one before
// was led to; a client that asked for a rung and leaves it to us again begins at the largest.
func (v *viewing) change(ctx context.Context, w mixer.Watching) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.sub != nil {
		if err := v.move(ctx, v.led(w)); err != nil {
			return fmt.Errorf("change to %s: %w", nameOf(w), err)
		}
	}
	v.want = w
	if w.Auto() {
		v.ladder.restart()
	} else {
		v.ladder = ladder{}
	}
	return nil
}

// changeWithin is how long a change of the subscription may take.
const changeWithin = 5 * time.Second

// move changes the subscription; v.mu is held.
func (v *viewing) move(ctx context.Context, w mixer.Watching) error {
	ctx, cancel := context.WithTimeout(ctx, changeWithin)
	defer cancel()
	return v.sub.Change(ctx, w)
}

// hear takes what the viewer reports, and leads it to the rung that follows.
func (v *viewing) hear(ctx context.Context, n notice) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.sub == nil || !v.want.Auto() {
		return nil
	}
	before, now := v.ladder.most, v.sub.Rendition()
	if !v.ladder.report(n, v.sub.Rungs(), now) {
		return nil
	}
	if err := v.move(ctx, v.led(v.want)); err != nil {
		err = fmt.Errorf("lead from %dx%d to %dp: %w", now.Width, now.Height, v.ladder.most, err)
		v.ladder = ladder{most: before}
		return err
	}
	if v.ladder.fell {
		v.down.Add(1)
	} else {
		v.up.Add(1)
	}
	return nil
}

// limit takes how many bits a second the viewer says that it can receive.
func (v *viewing) limit(at time.Time, bits float64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ladder.remb(at, bits)
}

// reroute tells that packets go another way now, on which something was lost.
func (v *viewing) reroute() {
	v.mu.Lock()
	v.ladder.reroute()
	v.mu.Unlock()
	v.refresh()
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
func (s *videoSink) WritePacket(p hub.Packet) {
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
