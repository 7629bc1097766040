package hub

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"azulejo/mixer"
)

// mostEarly is how many ticks are held back behind a missing one. Two encoders make the ticks of a subscription while it
// moves from one to the other.
const mostEarly = 5

// audioRendition is one running encoder of audio and the subscriptions that have a route to it.
type audioRendition struct {
	mu   sync.Mutex
	subs []*AudioSubscription // replaced, never changed
}

// AudioSubscription is one sink and the mix that it hears: the common one, or one without a source. The engine routes it
// from one to the other at a tick; packets come in the order of ticks.
type AudioSubscription struct {
	hub  *Hub
	id   mixer.SubscriptionID
	sink Sink

	mu     sync.Mutex
	routes []route // the newest last; two at most
	ahead  []audioTick
	next   int64         // the tick that is due; zero before the first
	last   time.Duration // PTS of the newest packet
	closed bool
}

// route says which rendition is heard from a tick on.
type route struct {
	to   *audioRendition
	from int64
}

// audioTick is what an encoder made of one tick.
type audioTick struct {
	n       int64
	packets []Packet
}

// Listen gives sink the audio of all sources but exclude, as Opus or AAC, until the subscription is closed. Zero excludes
// none.
func (h *Hub) Listen(ctx context.Context, codec mixer.Codec, exclude mixer.SourceID, sink Sink) (*AudioSubscription, error) {
	s := &AudioSubscription{hub: h, id: mixer.SubscriptionID(h.ids.Add(1)), sink: sink, last: -1 << 62}
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

// route leads a subscription to another mix from a tick on.
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
	if gone := sub.follow(route{r, e.Tick}); gone != nil {
		gone.drop(sub)
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

// deliver hands one tick to all subscriptions that hear it here.
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

// follow notes a route, and returns the rendition that has none any more.
func (s *AudioSubscription) follow(next route) (gone *audioRendition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return next.to
	}
	s.routes = append(s.routes, next)
	if len(s.routes) <= 2 {
		return nil
	}
	gone = s.routes[0].to
	s.routes = slices.Delete(s.routes, 0, 1)
	if slices.ContainsFunc(s.routes, func(r route) bool { return r.to == gone }) {
		return nil
	}
	return gone
}

// hears tells whether the subscription hears r at tick n; s.mu is held.
func (s *AudioSubscription) hears(r *audioRendition, n int64) bool {
	for _, route := range slices.Backward(s.routes) {
		if route.from <= n {
			return route.to == r
		}
	}
	return false
}

// deliver gives the packets of tick n to the sink, in the order of ticks. It waits for a missing tick until mostEarly
// others have come.
func (s *AudioSubscription) deliver(r *audioRendition, n int64, packets []Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || !s.hears(r, n) {
		return
	}
	s.ahead = append(s.ahead, audioTick{n, packets})
	slices.SortFunc(s.ahead, func(a, b audioTick) int { return cmp.Compare(a.n, b.n) })
	for len(s.ahead) > 0 && (s.next == 0 || s.ahead[0].n <= s.next || len(s.ahead) > mostEarly) {
		tick := s.ahead[0]
		s.ahead = slices.Delete(s.ahead, 0, 1)
		if tick.n >= s.next {
			s.next = tick.n + 1
			s.write(tick.packets)
		}
	}
}

// write hands packets to the sink; their times rise. s.mu is held.
func (s *AudioSubscription) write(packets []Packet) {
	for _, p := range packets {
		if p.PTS <= s.last {
			p.PTS = s.last + time.Millisecond
		}
		s.last = p.PTS
		s.sink.WritePacket(p)
	}
}

// Close ends the subscription. When it returns no more packets come. It may be called twice and on nil, but not from
// WritePacket.
func (s *AudioSubscription) Close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	was, routes := s.closed, s.routes
	s.routes, s.ahead, s.closed = nil, nil, true
	s.mu.Unlock()
	if was {
		return
	}
	for _, r := range routes {
		r.to.drop(s)
	}
	s.hub.mu.Lock()
	delete(s.hub.audioSubs, s.id)
	s.hub.mu.Unlock()
	s.hub.engine.Send(mixer.Unsubscribe{Subscription: s.id})
}
