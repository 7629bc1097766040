package hub

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"azulejo/mixer"
)

// maxAhead is the largest number of ticks that wait for a missing earlier tick. Ticks can come out of order while a
// subscription moves from one encoder to another.
const maxAhead = 5

// audioRendition is one running audio encoder of the engine, and the subscriptions that have a route to it.
type audioRendition struct {
	mu   sync.Mutex
	subs []*AudioSubscription // copy-on-write, so that its elements may be read without mu
}

// AudioSubscription connects one sink to a mix: the common mix, without the source that the subscription excludes, and with the
// Solo source that it includes. The engine moves the subscription from one mix to the other at a tick. The sink gets the packets in the order of
// ticks.
type AudioSubscription struct {
	hub  *Hub
	id   mixer.SubscriptionID
	sink Sink

	mu      sync.Mutex
	routes  []route       // the newest last; at most two
	ahead   []audioTick   // ticks that wait for a missing earlier tick, in ascending order
	next    int64         // the tick that the sink gets next; zero before the first tick
	lastPTS time.Duration // of the newest packet
	closed  bool
}

// route assigns a subscription to a rendition from one tick on.
type route struct {
	rendition *audioRendition
	first     int64 // the first tick whose packets the subscription gets from the rendition
}

// audioTick holds the packets that an encoder made of tick n. It may have no packets.
type audioTick struct {
	n       int64
	packets []Packet
}

// Listen gives sink the audio of all sources except exclude and Solo sources, as Opus or AAC, until the subscription is closed. If
// exclude is zero, no source is left out.
func (h *Hub) Listen(ctx context.Context, codec mixer.Codec, exclude mixer.SourceID, sink Sink) (*AudioSubscription, error) {
	s := &AudioSubscription{hub: h, id: mixer.SubscriptionID(h.ids.Add(1)), sink: sink, lastPTS: beforeAll}
	h.mu.Lock()
	h.audioSubs[s.id] = s
	h.mu.Unlock()
	_, err := h.ask(ctx, func(id mixer.RequestID) mixer.Command {
		return mixer.Listen{Request: id, Subscription: s.id, Codec: codec, Exclude: exclude}
	})
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Include adds the audio of a Solo source to the mix of the subscription, in place of the source that was included before. Zero
// includes none. It does not block, and has no effect on AAC.
func (s *AudioSubscription) Include(source mixer.SourceID) {
	s.hub.engine.Send(mixer.Include{Subscription: s.id, Source: source})
}

// route handles Routed: it gives a subscription a new route.
func (h *Hub) route(e mixer.Routed) {
	h.mu.Lock()
	sub := h.audioSubs[e.Subscription]
	r := h.audios[e.Rendition]
	if r == nil {
		r = &audioRendition{}
		h.audios[e.Rendition] = r
	}
	h.mu.Unlock()
	if sub == nil {
		return
	}
	r.add(sub)
	if unused := sub.addRoute(route{r, e.Tick}); unused != nil {
		unused.drop(sub)
	}
}

func (r *audioRendition) add(s *AudioSubscription) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.subs, s) {
		r.subs = append(slices.Clone(r.subs), s)
	}
}

func (r *audioRendition) drop(s *AudioSubscription) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.subs = slices.DeleteFunc(slices.Clone(r.subs), func(o *AudioSubscription) bool { return o == s })
}

// deliver hands the packets of one tick to the subscriptions of r.
func (r *audioRendition) deliver(d mixer.Delivery) {
	r.mu.Lock()
	subs := r.subs
	r.mu.Unlock()
	shared := make([]Packet, len(d.Packets))
	for i, p := range d.Packets {
		shared[i] = NewPacket(p)
	}
	for _, s := range subs {
		s.deliver(r, d.Tick, shared)
	}
}

// addRoute adds a route. If there are three routes then, it drops the oldest one. It returns the rendition that s has no
// route to any more, or nil.
func (s *AudioSubscription) addRoute(next route) (unused *audioRendition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return next.rendition
	}
	s.routes = append(s.routes, next)
	if len(s.routes) <= 2 {
		return nil
	}
	unused = s.routes[0].rendition
	s.routes = slices.Delete(s.routes, 0, 1)
	if slices.ContainsFunc(s.routes, func(r route) bool { return r.rendition == unused }) {
		return nil
	}
	return unused
}

// routedTo reports whether the subscription gets tick n from r. The newest route that has begun at tick n decides. s.mu is
// held.
func (s *AudioSubscription) routedTo(r *audioRendition, n int64) bool {
	for _, candidate := range slices.Backward(s.routes) {
		if candidate.first <= n {
			return candidate.rendition == r
		}
	}
	return false
}

// deliver hands the packets of tick n to the sink, in the order of ticks. If a tick is missing, later ticks wait for it.
// When more than maxAhead ticks wait, the missing tick is skipped.
func (s *AudioSubscription) deliver(r *audioRendition, n int64, packets []Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || !s.routedTo(r, n) {
		return
	}
	s.ahead = append(s.ahead, audioTick{n, packets})
	slices.SortFunc(s.ahead, func(a, b audioTick) int { return cmp.Compare(a.n, b.n) })
	for len(s.ahead) > 0 && (s.next == 0 || s.ahead[0].n <= s.next || len(s.ahead) > maxAhead) {
		tick := s.ahead[0]
		s.ahead = slices.Delete(s.ahead, 0, 1)
		if tick.n >= s.next {
			s.next = tick.n + 1
			s.write(tick.packets)
		}
	}
}

// write hands packets to the sink. A packet whose PTS is not above that of the packet before gets a PTS 1 ms above it. s.mu
// is held.
func (s *AudioSubscription) write(packets []Packet) {
	for _, p := range packets {
		if p.PTS <= s.lastPTS {
			p.PTS = s.lastPTS + time.Millisecond
		}
		s.lastPTS = p.PTS
		s.sink.WritePacket(p)
	}
}

// Close ends the subscription. The sink gets no packet after Close has returned. Close may be called twice, and on a nil
// subscription, but not from WritePacket.
func (s *AudioSubscription) Close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	wasClosed, routes := s.closed, s.routes
	s.routes, s.ahead, s.closed = nil, nil, true
	s.mu.Unlock()
	if wasClosed {
		return
	}
	for _, r := range routes {
		r.rendition.drop(s)
	}
	s.hub.mu.Lock()
	delete(s.hub.audioSubs, s.id)
	s.hub.mu.Unlock()
	s.hub.engine.Send(mixer.Unsubscribe{Subscription: s.id})
}
