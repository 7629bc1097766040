package engine

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/mixer"
)

// Sink consumes a rendition. WritePacket is called from the encoder's goroutine and must not block nor
// call into the mixer; p may be kept.
type Sink interface {
	WritePacket(p mixer.Packet)
}

// LayoutSink is a Sink that is told what the pictures show: right before the first packet whose picture
// shows it, from the same goroutine, under the same rules as WritePacket. pts is that packet's.
type LayoutSink interface {
	Sink
	WriteLayout(l *mixer.Layout, pts time.Duration)
}

// Subscription is one sink and what it consumes. It may be moved from one rendition to another: the old one
// goes on until the new one has a key packet.
type Subscription struct {
	sink    Sink
	keep    bool       // of what it watches
	layouts LayoutSink // sink, if it wants to know
	depart  func(*leg) // ends a leg without waiting for it
	change  func(mixer.Watching) error
	forget  func()

	mu     sync.Mutex
	now    *leg // that is delivered; nil before the first key packet
	next   *leg // that waits for its key packet; nil for none
	closed bool
	layout *mixer.Layout // the sink was told last
	rungs  []mixer.Rung  // of what is watched
	last   time.Duration

	// Of pictures; under the mixer's leading.
	watches mixer.Watching
	key     pictureKey
}

// leg ties a subscription to one rendition.
type leg struct {
	sub   *Subscription
	on    rendition
	leave func() // removes the leg, and ends a rendition that has no other; it may wait for the encoder
}

func newSubscription(s Sink, depart func(*leg)) *Subscription {
	sub := &Subscription{sink: s, depart: depart, last: -1 << 62}
	sub.layouts, _ = s.(LayoutSink)
	return sub
}

// RequestKeyframe asks for a key picture soon; requests of all sinks are answered together.
func (s *Subscription) RequestKeyframe() {
	s.mu.Lock()
	l := s.next
	if l == nil {
		l = s.now
	}
	s.mu.Unlock()
	if l != nil {
		l.on.refresh()
	}
}

// Change makes a subscription to pictures watch something else, from a key picture of that on; until then
// the old goes on. Codec, Also and Profile of w are ignored: they stay. After an error nothing has changed. Sound is
// codec.ErrUnsupported, after Close it is codec.ErrClosed.
func (s *Subscription) Change(w mixer.Watching) error {
	if s.change == nil {
		return fmt.Errorf("change a subscription to sound: %w", mixer.ErrUnsupported)
	}
	if s.isClosed() {
		return fmt.Errorf("change a subscription: %w", mixer.ErrClosed)
	}
	return s.change(w)
}

func (s *Subscription) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Rendition describes what the subscription gets, or waits for.
func (s *Subscription) Rendition() mixer.RenditionStats {
	s.mu.Lock()
	l := s.now
	if l == nil {
		l = s.next
	}
	s.mu.Unlock()
	if l == nil {
		return mixer.RenditionStats{}
	}
	return l.on.stats()
}

// Rungs are the sizes that what is watched, or waited for, can be had in now, largest first: fewer while the machine
// is overloaded. Nobody writes to them. Sound has none.
func (s *Subscription) Rungs() []mixer.Rung {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rungs
}

func (s *Subscription) offer(rungs []mixer.Rung) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rungs = rungs
}

// move makes l the next leg, unless what it leads to is delivered already; one that waited until now is left.
func (s *Subscription) move(l *leg) {
	s.mu.Lock()
	old := s.next
	stays := s.closed || s.now != nil && s.now.on == l.on
	s.next = nil
	if !stays {
		s.next = l
	}
	s.mu.Unlock()
	if stays {
		s.depart(l)
	} else {
		l.on.refresh()
	}
	if old != nil {
		s.depart(old)
	}
}

// Close ends the subscription. When it returns no more packets come. It may be called twice, but not
// from WritePacket.
func (s *Subscription) Close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	legs := []*leg{s.now, s.next}
	s.now, s.next, s.closed = nil, nil, true
	s.mu.Unlock()
	for _, l := range legs {
		if l != nil {
			l.leave()
		}
	}
	if s.forget != nil {
		s.forget()
	}
}

// deliver hands p to the sink, from the first key packet on. The lock is held meanwhile: it is what lets
// Close promise silence, and WritePacket does not block. shows is what a picture shows; nil for sound.
func (l *leg) deliver(p mixer.Packet, shows *mixer.Layout) {
	s := l.sub
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return
	case l == s.next && p.Key:
		if s.now != nil {
			s.depart(s.now)
		}
		s.now, s.next = l, nil
		s.layout = nil // told again: the pictures may have another size
	case l != s.now:
		return
	}
	if p.PTS <= s.last { // two encoders at the same tick
		p.PTS = s.last + time.Millisecond
	}
	s.last = p.PTS
	if s.layouts != nil && shows != nil && shows != s.layout {
		s.layout = shows
		s.layouts.WriteLayout(shows, p.PTS)
	}
	s.sink.WritePacket(p)
}

// fanout is the sinks of one rendition. Whoever delivers never waits for whoever joins or leaves.
type fanout struct {
	list atomic.Pointer[[]*leg]
}

// all returns the legs, which the caller must not change.
func (f *fanout) all() []*leg {
	if p := f.list.Load(); p != nil {
		return *p
	}
	return nil
}

// add and drop replace the list; their callers hold the lock of the renditions.
func (f *fanout) add(l *leg) {
	next := append(slices.Clone(f.all()), l)
	f.list.Store(&next)
}

func (f *fanout) drop(l *leg) {
	next := slices.DeleteFunc(slices.Clone(f.all()), func(o *leg) bool { return o == l })
	f.list.Store(&next)
}

// kept tells whether one of the sinks is a recording.
func (f *fanout) kept() bool {
	return slices.ContainsFunc(f.all(), func(l *leg) bool { return l.sub.keep })
}

func (f *fanout) deliver(packets []mixer.Packet, shows *mixer.Layout) {
	for _, l := range f.all() {
		for _, p := range packets {
			l.deliver(p, shows)
		}
	}
}
