package mixer

import (
	"slices"
	"sync"
	"sync/atomic"

	"azulejo/codec"
)

// Sink consumes a rendition. WritePacket is called from the encoder's goroutine and must not block nor
// call into the mixer; p may be kept.
type Sink interface {
	WritePacket(p codec.Packet)
}

// Subscription is one sink on one rendition.
type Subscription struct {
	sink    Sink
	refresh func()
	leave   func(*Subscription)

	mu     sync.Mutex
	begun  bool
	closed bool
}

// RequestKeyframe asks for a key picture soon; requests of all sinks are answered together.
func (s *Subscription) RequestKeyframe() { s.refresh() }

// Close ends the subscription. When it returns no more packets come. It may be called twice, but not
// from WritePacket.
func (s *Subscription) Close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	was := s.closed
	s.closed = true
	s.mu.Unlock()
	if !was {
		s.leave(s)
	}
}

// deliver hands p to the sink, from the first key packet on. The lock is held meanwhile: it is what lets
// Close promise silence, and WritePacket does not block.
func (s *Subscription) deliver(p codec.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun = s.begun || p.Key
	if s.begun && !s.closed {
		s.sink.WritePacket(p)
	}
}

// fanout is the sinks of one rendition. Whoever delivers never waits for whoever joins or leaves.
type fanout struct {
	list atomic.Pointer[[]*Subscription]
}

// all returns the subscriptions, which the caller must not change.
func (f *fanout) all() []*Subscription {
	if p := f.list.Load(); p != nil {
		return *p
	}
	return nil
}

// add and drop replace the list; their callers hold the lock of the renditions.
func (f *fanout) add(s *Subscription) {
	next := append(slices.Clone(f.all()), s)
	f.list.Store(&next)
}

func (f *fanout) drop(s *Subscription) {
	next := slices.DeleteFunc(slices.Clone(f.all()), func(o *Subscription) bool { return o == s })
	f.list.Store(&next)
}

func (f *fanout) deliver(packets []codec.Packet) {
	for _, s := range f.all() {
		for _, p := range packets {
			s.deliver(p)
		}
	}
}
