package hub

import (
	"context"
	"fmt"
	"sync"
	"time"

	"azulejo/mixer"
)

// Sink consumes the packets of a subscription. WritePacket is called by one goroutine at a time. It must not block and
// must not call into the hub. It may keep p.
type Sink interface {
	WritePacket(p Packet)
}

// LayoutSink is a Sink that also gets the layouts of its video. WriteLayout is called right before WritePacket gets the
// first packet with this layout, by the same goroutine. pts is the PTS of that packet. WriteLayout must not change l.
type LayoutSink interface {
	Sink
	WriteLayout(l *mixer.Layout, pts time.Duration)
}

// VideoSubscription connects one sink to the rendition whose packets it gets. When the subscription moves to another
// rendition, the sink gets packets of the old one until the new one has a keyframe.
type VideoSubscription struct {
	hub     *Hub
	id      mixer.SubscriptionID
	sink    Sink
	layouts LayoutSink // the same sink if it is a LayoutSink, otherwise nil

	mu       sync.Mutex
	current  *rendition   // the rendition that the sink gets; nil before the first keyframe
	next     *rendition   // the rendition that replaces current at its next keyframe; nil if there is none
	replaced []*rendition // the renditions that were current before and are to be left
	closed   bool
	layout   *mixer.Layout // the layout that the sink got last
	rungs    []mixer.Rung
	lastPTS  time.Duration // of the newest packet
}

// Watch gives sink the video of a view as H264 or VP8, from a keyframe on, until the subscription is closed.
// Subscriptions to equal video share one encoder. The error for an unknown name is mixer.ErrNoView.
func (h *Hub) Watch(ctx context.Context, w mixer.Watching, sink Sink) (*VideoSubscription, error) {
	s := &VideoSubscription{hub: h, id: mixer.SubscriptionID(h.ids.Add(1)), sink: sink, lastPTS: -1 << 62}
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

// Change makes the subscription watch other video, from a keyframe of that video on. Until then the sink gets the old
// video. Codec, Also, Profile and Keep of w are ignored. After an error nothing has changed, except that the engine may
// still make the change after an error of ctx. After Close the error is mixer.ErrClosed.
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

// RequestKeyframe requests a keyframe. One keyframe answers the requests of all sinks.
func (s *VideoSubscription) RequestKeyframe() {
	if r := s.newest(); r != nil {
		r.refresh()
	}
}

// newest returns the rendition that the subscription waits for. If it waits for none, newest returns the current one,
// which is nil before the first.
func (s *VideoSubscription) newest() *rendition {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next != nil {
		return s.next
	}
	return s.current
}

// Rendition describes the rendition that the sink gets, or before its first keyframe the one that it waits for.
func (s *VideoSubscription) Rendition() mixer.RenditionStats {
	s.mu.Lock()
	r := s.current
	if r == nil {
		r = s.next
	}
	s.mu.Unlock()
	if r == nil {
		return mixer.RenditionStats{}
	}
	return r.stats()
}

// Rungs returns the sizes that the watched video is available in now, the largest first. There are fewer while the
// machine is overloaded. The caller must not change the slice.
func (s *VideoSubscription) Rungs() []mixer.Rung {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rungs
}

// move makes r the next rendition, unless the sink gets it already. The rendition that was next until now is left. The
// result tells whether the subscription waits for a keyframe of r.
func (s *VideoSubscription) move(r *rendition, rungs []mixer.Rung) (waits bool) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return false
	}
	waited := s.next
	s.rungs, s.next = rungs, r
	if s.current == r {
		s.next = nil
	}
	waits = s.next != nil
	s.mu.Unlock()
	if waited != nil && waited != r {
		s.leave(waited)
	}
	return waits
}

// deliver hands a packet p of r to the sink, if r is current. If r is next and p is a keyframe, r becomes current
// first. moved tells whether r replaced another rendition, which is to be left. deliver holds s.mu, so that the sink
// gets no packet after Close.
func (s *VideoSubscription) deliver(r *rendition, p Packet, layout *mixer.Layout) (moved bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return false
	case r == s.next && p.Key:
		if moved = s.current != nil; moved {
			s.replaced = append(s.replaced, s.current)
		}
		s.current, s.next = r, nil
		s.layout = nil // the layout is sent again: the video may have another size
	case r != s.current:
		return false
	}
	if p.PTS <= s.lastPTS { // both renditions had a packet at this tick
		p.PTS = s.lastPTS + time.Millisecond
	}
	s.lastPTS = p.PTS
	if s.layouts != nil && layout != nil && layout != s.layout {
		s.layout = layout
		s.layouts.WriteLayout(layout, p.PTS)
	}
	s.sink.WritePacket(p)
	return moved
}

// leaveReplaced releases the renditions that were replaced.
func (s *VideoSubscription) leaveReplaced() {
	s.mu.Lock()
	replaced := s.replaced
	s.replaced = nil
	s.mu.Unlock()
	for _, r := range replaced {
		s.leave(r)
	}
}

// leave releases a rendition. If the rendition has been assigned anew meanwhile, leave requests a keyframe of it
// instead, for which the subscription waits.
func (s *VideoSubscription) leave(r *rendition) {
	if r.update(s) {
		r.refresh()
		return
	}
	s.hub.engine.Send(mixer.Leave{Subscription: s.id, Rendition: r.id})
}

// uses tells whether the subscription gets r or waits for it.
func (s *VideoSubscription) uses(r *rendition) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current == r || s.next == r
}

// Close ends the subscription. The sink gets no packet after Close has returned. Close may be called twice, and on nil,
// but not from WritePacket.
func (s *VideoSubscription) Close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	wasClosed, all := s.closed, append(s.replaced, s.current, s.next)
	s.current, s.next, s.replaced, s.closed = nil, nil, nil, true
	s.mu.Unlock()
	if wasClosed {
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
