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

// selection is the view that the client selected and, while media flow, the subscription to it.
type selection struct {
	mu     sync.Mutex             // held during each call to the mixer, so that the last change wins
	wanted mixer.Watching         // by the client
	sub    *hub.VideoSubscription // nil before and after media flow

	rungs              rungController // chooses the rung of a client with rung "auto"
	movedDown, movedUp atomic.Uint64  // moves to a smaller and to a larger rung
}

// subscribe subscribes in the format that was negotiated.
func (s *selection) subscribe(ctx context.Context, mix Mixer, b *binding, sink hub.Sink) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.atRung(s.wanted)
	w.Codec, w.Also, w.Profile = b.codec, b.passthroughCodec(), b.profile
	sub, err := mix.Watch(ctx, w, sink)
	if err != nil {
		return fmt.Errorf("watch %s as %s: %w", nameOf(w), w.Codec, err)
	}
	s.sub = sub
	return nil
}

func nameOf(w mixer.Watching) string {
	if w.View != nil {
		return "a view of its own"
	}
	return cmp.Or(w.Name, mixer.MainView)
}

// atRung fills in the rung of the controller, unless the client selected one.
func (s *selection) atRung(w mixer.Watching) mixer.Watching {
	if w.Auto() && s.rungs.lines != 0 {
		w.Rung = fmt.Sprintf("%dp", s.rungs.lines)
	}
	return w
}

// change selects another view; after an error the old one stays. The other view starts at the rung that the controller
// had chosen. A client that returns from a fixed rung to "auto" starts at the largest.
func (s *selection) change(ctx context.Context, w mixer.Watching) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sub != nil {
		if err := s.resubscribe(ctx, s.atRung(w)); err != nil {
			return fmt.Errorf("change to %s: %w", nameOf(w), err)
		}
	}
	s.wanted = w
	if w.Auto() {
		s.rungs.viewChanged()
	} else {
		s.rungs = rungController{}
	}
	return nil
}

// changeTimeout is how long a change of the subscription may take.
const changeTimeout = 5 * time.Second

// resubscribe changes the subscription; s.mu is held.
func (s *selection) resubscribe(ctx context.Context, w mixer.Watching) error {
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	return s.sub.Change(ctx, w)
}

// onReport gives a receiver report to the rung controller, and moves the viewer to another rung if it says so.
func (s *selection) onReport(ctx context.Context, r receiverReport) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sub == nil || !s.wanted.Auto() {
		return nil
	}
	before, now := s.rungs.lines, s.sub.Rendition()
	if !s.rungs.onReport(r, s.sub.Rungs(), now) {
		return nil
	}
	if err := s.resubscribe(ctx, s.atRung(s.wanted)); err != nil {
		err = fmt.Errorf("lead from %dx%d to %dp: %w", now.Width, now.Height, s.rungs.lines, err)
		s.rungs = rungController{lines: before}
		return err
	}
	if s.rungs.fell {
		s.movedDown.Add(1)
	} else {
		s.movedUp.Add(1)
	}
	return nil
}

// onREMB stores the bits a second that the viewer says it can receive.
func (s *selection) onREMB(at time.Time, bits float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rungs.setREMB(at, bits)
}

// onReconnect is called when the connection is up, again or for the first time. The network path may be another, and
// packets were lost.
func (s *selection) onReconnect() {
	s.mu.Lock()
	s.rungs.pathChanged()
	s.mu.Unlock()
	s.requestKeyframe()
}

// unsubscribe closes the subscription. No packets come after it.
func (s *selection) unsubscribe() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sub.Close()
	s.sub = nil
}

func (s *selection) requestKeyframe() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sub != nil {
		s.sub.RequestKeyframe()
	}
}

func (s *selection) rendition() (mixer.RenditionStats, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sub == nil {
		return mixer.RenditionStats{}, false
	}
	return s.sub.Rendition(), true
}

// videoSink pushes video into the queue, from the encoder's goroutine. After a drop it waits for a keyframe.
type videoSink struct {
	d       *downstream
	binding *binding

	mu      sync.Mutex
	waiting bool          // for a keyframe, after a drop
	layout  *mixer.Layout // of the next frame; nil: unchanged
}

// WriteLayout keeps l for the next frame that is queued, which shows it.
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
	case s.d.queue <- queuedPacket{s.binding, p, s.layout}:
		s.waiting, s.layout = false, nil
	default:
		s.waiting = true
		s.d.dropped.Add(1)
	}
}
