package hub

import (
	"context"
	"fmt"
	"sync"
	"time"

	"azulejo/mixer"
)

// Sink consumes the packets of a subscription. One goroutine at a time calls WritePacket. WritePacket must not block and must
// not call into the hub. It may keep p.
type Sink interface {
	WritePacket(p Packet)
}

// LayoutSink is a Sink that also gets the layouts of its video. The goroutine that calls WritePacket with the first packet of a
// layout calls WriteLayout right before. pts is the PTS of that packet. WriteLayout must not change layout.
type LayoutSink interface {
	Sink
	WriteLayout(layout *mixer.Layout, pts time.Duration)
}

// beforeAll is the last PTS of a subscription that has got no packet. It is lower than the PTS of any packet.
const beforeAll = time.Duration(-1 << 62)

// VideoSubscription connects one sink to a rendition. When the subscription moves to another rendition, the sink gets packets of
// the old rendition until the new rendition has a keyframe.
type VideoSubscription struct {
	hub     *Hub
	id      mixer.SubscriptionID
	sink    Sink
	layouts LayoutSink // the same sink if it is a LayoutSink, otherwise nil

	mu       sync.Mutex
	current  *rendition   // the rendition that the sink gets; nil before the first keyframe
	next     *rendition   // the rendition that replaces current at next's next keyframe; nil if there is none
	replaced []*rendition // earlier values of current that have not been released yet
	closed   bool
	layout   *mixer.Layout // the layout that the sink got last
	rungs    []mixer.Rung
	lastPTS  time.Duration // PTS of the newest packet
}

// Watch gives sink the video of a view as H264 or VP8, from a keyframe on, until the subscription is closed.
// Subscriptions to equal video share one encoder. The error for an unknown name is mixer.ErrNoView.
func (h *Hub) Watch(ctx context.Context, w mixer.Watching, sink Sink) (*VideoSubscription, error) {
	s := &VideoSubscription{hub: h, id: mixer.SubscriptionID(h.ids.Add(1)), sink: sink, lastPTS: beforeAll}
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

// Change moves the subscription to other video. The sink gets the old video until the new video has a keyframe. Codec, Also,
// Profile and Keep of w are ignored. After an error the subscription keeps its video. But if ctx ended, the engine may still
// make the change. After Close the error is mixer.ErrClosed.
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

// RequestKeyframe requests a keyframe of the rendition. One keyframe answers the requests of all its sinks.
func (s *VideoSubscription) RequestKeyframe() {
	if r := s.newest(); r != nil {
		r.refresh()
	}
}

// newest returns the rendition that the subscription waits for. If there is none, it returns the current rendition. The result
// is nil before the first assignment.
func (s *VideoSubscription) newest() *rendition {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next != nil {
		return s.next
	}
	return s.current
}

// Rendition describes the rendition that the sink gets. Before the first keyframe, it describes the rendition that the sink
// waits for.
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

// Rungs returns the sizes that the watched video is available in now, the largest first. While the machine is overloaded, the
// largest size is missing. The caller must not change the slice.
func (s *VideoSubscription) Rungs() []mixer.Rung {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rungs
}

// move makes r the next rendition. If r is the current rendition, there is no next rendition then. The rendition that was next
// before is released. waits reports whether the subscription waits for a keyframe of r.
func (s *VideoSubscription) move(r *rendition, rungs []mixer.Rung) (waits bool) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return false
	}
	oldNext := s.next
	s.rungs, s.next = rungs, r
	if s.current == r {
		s.next = nil
	}
	waits = s.next != nil
	s.mu.Unlock()
	if oldNext != nil && oldNext != r {
		s.leave(oldNext)
	}
	return waits
}

// deliver hands a packet p of r to the sink if r is the current rendition. If r is the next rendition and p is a keyframe, r
// becomes current first. moved reports whether r has replaced another rendition. The caller must then call leaveReplaced.
// deliver holds s.mu while it calls the sink, so that the sink gets no packet after Close.
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
		s.layout = nil // so that the sink gets the layout again: the video may have another size
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

// leaveReplaced releases the renditions in s.replaced.
func (s *VideoSubscription) leaveReplaced() {
	s.mu.Lock()
	replaced := s.replaced
	s.replaced = nil
	s.mu.Unlock()
	for _, r := range replaced {
		s.leave(r)
	}
}

// leave releases r. If the engine has assigned r again meanwhile, the subscription waits for a keyframe of r. Then leave requests
// that keyframe instead.
func (s *VideoSubscription) leave(r *rendition) {
	if r.update(s) {
		r.refresh()
		return
	}
	s.hub.engine.Send(mixer.Leave{Subscription: s.id, Rendition: r.id})
}

// uses reports whether the subscription gets r or waits for a keyframe of r.
func (s *VideoSubscription) uses(r *rendition) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current == r || s.next == r
}

// Close ends the subscription. The sink gets no packet after Close has returned. Close may be called twice, and on a nil
// subscription, but not from WritePacket.
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
