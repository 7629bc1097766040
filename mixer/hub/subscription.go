package hub

import (
	"context"
	"fmt"
	"sync"
	"time"

	"azulejo/mixer"
)

// Sink consumes a rendition. WritePacket is called by one goroutine at a time, must not block, and must not call into
// the hub. p may be kept.
type Sink interface {
	WritePacket(p Packet)
}

// LayoutSink is a Sink that is told what the video shows: right before the first packet that shows it, from the same
// goroutine. pts is that packet's. Nobody writes to l.
type LayoutSink interface {
	Sink
	WriteLayout(l *mixer.Layout, pts time.Duration)
}

// VideoSubscription is one sink and the video that it gets. When it moves to another rendition it stays with the old one
// until the new one has a keyframe.
type VideoSubscription struct {
	hub     *Hub
	id      mixer.SubscriptionID
	sink    Sink
	layouts LayoutSink // sink, if it wants layouts

	mu     sync.Mutex
	now    *rendition   // that is delivered; nil before the first keyframe
	next   *rendition   // that waits for its keyframe; nil for none
	old    []*rendition // that were delivered before and are to be left
	closed bool
	layout *mixer.Layout // the sink was told last
	rungs  []mixer.Rung
	last   time.Duration // PTS of the newest packet
}

// Watch gives sink the video of a view as H264 or VP8, from a keyframe on, until the subscription is closed. All who
// watch the same share one encoder. The error for an unknown name is mixer.ErrNoView.
func (h *Hub) Watch(ctx context.Context, w mixer.Watching, sink Sink) (*VideoSubscription, error) {
	s := &VideoSubscription{hub: h, id: mixer.SubscriptionID(h.ids.Add(1)), sink: sink, last: -1 << 62}
	s.layouts, _ = sink.(LayoutSink)
	h.mu.Lock()
	h.videoSubs[s.id] = s
	h.mu.Unlock()
	_, err := h.ask(ctx, func(id mixer.RequestID) mixer.Command {
		return mixer.Watch{Request: id, Subscription: s.id, Watching: w}
	})
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Change makes the subscription watch something else, from a keyframe of that on; until then the old video goes on.
// Codec, Also, Profile and Keep of w are ignored. After an error nothing has changed, unless it is that of ctx. After
// Close it is mixer.ErrClosed.
func (s *VideoSubscription) Change(ctx context.Context, w mixer.Watching) error {
	if s.isClosed() {
		return fmt.Errorf("change a subscription: %w", mixer.ErrClosed)
	}
	_, err := s.hub.ask(ctx, func(id mixer.RequestID) mixer.Command {
		return mixer.Change{Request: id, Subscription: s.id, Watching: w}
	})
	return err
}

func (s *VideoSubscription) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// RequestKeyframe asks for a keyframe soon; the requests of all sinks are answered together.
func (s *VideoSubscription) RequestKeyframe() {
	s.mu.Lock()
	r := s.next
	if r == nil {
		r = s.now
	}
	s.mu.Unlock()
	if r != nil {
		r.refresh()
	}
}

// Rendition describes what the subscription gets, or waits for.
func (s *VideoSubscription) Rendition() mixer.RenditionStats {
	s.mu.Lock()
	r := s.now
	if r == nil {
		r = s.next
	}
	s.mu.Unlock()
	if r == nil {
		return mixer.RenditionStats{}
	}
	return r.stats()
}

// Rungs are the sizes in which the watched video can be had now, largest first: fewer while the machine is overloaded.
// Nobody writes to them.
func (s *VideoSubscription) Rungs() []mixer.Rung {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rungs
}

// move makes r the next rendition, unless it is delivered already. The one that waited until now is left. It tells whether
// the subscription waits for a keyframe.
func (s *VideoSubscription) move(r *rendition, rungs []mixer.Rung) (waits bool) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return false
	}
	waited := s.next
	s.rungs, s.next = rungs, r
	if s.now == r {
		s.next = nil
	}
	waits = s.next == r
	s.mu.Unlock()
	if waited != nil && waited != r {
		s.leave(waited)
	}
	return waits
}

// deliver hands p to the sink, from the first keyframe of r on. It tells whether another rendition is to be left. The lock
// is held meanwhile: that lets Close promise silence.
func (s *VideoSubscription) deliver(r *rendition, p Packet, layout *mixer.Layout) (moved bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return false
	case r == s.next && p.Key:
		if moved = s.now != nil; moved {
			s.old = append(s.old, s.now)
		}
		s.now, s.next = r, nil
		s.layout = nil // told again: the video may have another size
	case r != s.now:
		return false
	}
	if p.PTS <= s.last { // packets of two renditions at the same tick
		p.PTS = s.last + time.Millisecond
	}
	s.last = p.PTS
	if s.layouts != nil && layout != nil && layout != s.layout {
		s.layout = layout
		s.layouts.WriteLayout(layout, p.PTS)
	}
	s.sink.WritePacket(p)
	return moved
}

// leaveOld gives up the renditions that were replaced.
func (s *VideoSubscription) leaveOld() {
	s.mu.Lock()
	old := s.old
	s.old = nil
	s.mu.Unlock()
	for _, r := range old {
		s.leave(r)
	}
}

// uses tells whether r is delivered, or waits for its keyframe.
func (s *VideoSubscription) uses(r *rendition) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return r == s.now || r == s.next
}

// leave gives r up. If the engine has assigned r again meanwhile, the subscription waits for a keyframe of r, which it
// did not get because the engine thought that r was delivered.
func (s *VideoSubscription) leave(r *rendition) {
	if r.update(s) {
		r.refresh()
		return
	}
	s.hub.engine.Send(mixer.Leave{Subscription: s.id, Rendition: r.id})
}

// Close ends the subscription. When it returns no more packets come. It may be called twice and on nil, but not from
// WritePacket.
func (s *VideoSubscription) Close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	was, all := s.closed, append(s.old, s.now, s.next)
	s.now, s.next, s.old, s.closed = nil, nil, nil, true
	s.mu.Unlock()
	if was {
		return
	}
	for _, r := range all {
		if r != nil {
			r.update(s)
		}
	}
	s.hub.mu.Lock()
	delete(s.hub.videoSubs, s.id)
	s.hub.mu.Unlock()
	s.hub.engine.Send(mixer.Unsubscribe{Subscription: s.id})
}
