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

// selection is the view that the client selected, and the subscription to that view while media flow.
type selection struct {
	mu     sync.Mutex             // held during each call to the mixer, so that calls take effect in their order
	wanted mixer.Watching         // what the client selected
	sub    *hub.VideoSubscription // nil before and after media flow, and for a client that receives no video

	rungs              rungController // chooses the rung of a client with rung "auto"
	movedDown, movedUp atomic.Uint64  // moves to a smaller and to a larger rung
}

// subscribe subscribes sink to the selected view, with the negotiated codecs and profile.
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

// nameOf describes the view for error texts.
func nameOf(w mixer.Watching) string {
	if w.View != nil {
		return "a view of its own"
	}
	return cmp.Or(w.Name, mixer.MainView)
}

// atRung returns w with the rung that the controller chose, unless the client selected a rung.
func (s *selection) atRung(w mixer.Watching) mixer.Watching {
	if w.Auto() && s.rungs.lines != 0 {
		w.Rung = fmt.Sprintf("%dp", s.rungs.lines)
	}
	return w
}

// change selects another view. After an error nothing has changed. With rung "auto" the new view starts at the rung that
// the controller has chosen. A client that changes from a fixed rung to "auto" starts at the largest rung.
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

// changeTimeout is how long the mixer may take to change a subscription.
const changeTimeout = 5 * time.Second

// resubscribe changes the subscription to w. s.mu is held, and a subscription exists.
func (s *selection) resubscribe(ctx context.Context, w mixer.Watching) error {
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	return s.sub.Change(ctx, w)
}

// onReport passes a receiver report to the rung controller, and moves the viewer if the controller has chosen another rung.
// After an error the viewer keeps its rung.
func (s *selection) onReport(ctx context.Context, r receiverReport) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sub == nil || !s.wanted.Auto() {
		return nil
	}
	before, sent := s.rungs.lines, s.sub.Rendition()
	if !s.rungs.onReport(r, s.sub.Rungs(), sent) {
		return nil
	}
	if err := s.resubscribe(ctx, s.atRung(s.wanted)); err != nil {
		err = fmt.Errorf("lead from %dx%d to %dp: %w", sent.Width, sent.Height, s.rungs.lines, err)
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

// onREMB passes the bitrate of a REMB, in bits a second, to the rung controller.
func (s *selection) onREMB(received time.Time, bitrate float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rungs.setREMB(received, bitrate)
}

// onReconnect is called when the connection is up, for the first time or again. It resets the rung controller, because the
// network path may have changed. It requests a keyframe, because packets were lost.
func (s *selection) onReconnect() {
	s.mu.Lock()
	s.rungs.pathChanged()
	s.mu.Unlock()
	s.requestKeyframe()
}

// unsubscribe closes the subscription, if there is one. After unsubscribe the sink gets no packets.
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

// rendition describes the video that is sent now. It is false without a subscription.
func (s *selection) rendition() (mixer.RenditionStats, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sub == nil {
		return mixer.RenditionStats{}, false
	}
	return s.sub.Rendition(), true
}

// videoSink is the hub.LayoutSink that pushes video into the queue of a downstream. After it has dropped a packet, it drops
// all packets up to the next keyframe.
type videoSink struct {
	d       *downstream
	binding *binding

	mu      sync.Mutex
	waiting bool          // a packet was dropped, and no keyframe has been queued since
	layout  *mixer.Layout // the layout of the next frame; nil: unchanged
}

// WriteLayout keeps the layout for the next frame that is queued.
func (s *videoSink) WriteLayout(layout *mixer.Layout, _ time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.layout = layout
}

// WritePacket queues a packet, or drops it if the queue is full. It never blocks.
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
