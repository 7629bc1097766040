package camera

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/mixer"
)

// upstream is the camera's place in a room.
type upstream interface {
	PutLayer(layer int, p mixer.Packet)
	PutAudio(p mixer.Packet)
}

// overlap is how long the old stream goes on beside the new one after that has brought a key picture: time for
// the mixer to change over, and for wishes that are taken back.
const overlap = time.Second

// patience is how long a stream is pulled on that nobody sees any more: where pages take turns it is wanted again soon.
const patience = 30 * time.Second

// wish is which stream the room wants, and since when nobody sees it; zero: somebody does.
type wish struct {
	layer  int
	unseen time.Time
}

func (w wish) rests() bool { return !w.unseen.IsZero() && time.Since(w.unseen) >= patience }

// streams pulls that stream of a camera which the room wants: layer 0 is the main one, layer 1, if there is one,
// the sub-stream. The one that was pulled goes on until the other is there; while the one that is wanted is
// broken, the other stands in for it.
type streams struct {
	cfg   Config
	log   *slog.Logger
	out   upstream
	sound sound
	open  func(url string) (feed, error)

	wanted atomic.Pointer[wish]
	woken  chan struct{} // something changed

	// Owned by run.
	pulls   []*pull // by layer
	leaving *pull   // ends when leave is ready
	leave   <-chan time.Time
	rest    <-chan time.Time // then the cheapest will do
	work    sync.WaitGroup
}

func newStreams(cfg Config, out upstream, log *slog.Logger) *streams {
	s := &streams{
		cfg: cfg, log: log, out: out, sound: sound{out: out, epoch: time.Now()}, open: cfg.open, woken: make(chan struct{}, 1),
	}
	for i, url := range cfg.urls() {
		s.pulls = append(s.pulls, &pull{streams: s, layer: i, url: url, refresh: make(chan struct{}, 1)})
	}
	s.wanted.Store(&wish{layer: s.cheapest()}) // until somebody says otherwise
	return s
}

func (s *streams) cheapest() int { return len(s.pulls) - 1 }

// refresh asks all streams for a key picture. It never blocks.
func (s *streams) refresh() {
	for _, p := range s.pulls {
		select {
		case p.refresh <- struct{}{}:
		default:
		}
	}
}

// demand changes what is wanted; what nobody sees is soon pulled as cheaply as possible, to be there at once. It
// never blocks, and is called by one at a time.
func (s *streams) demand(d mixer.Demand) {
	next := wish{layer: min(max(d.Layer, 0), s.cheapest())}
	if d.Width == 0 || d.Height == 0 {
		next = wish{s.wanted.Load().layer, time.Now()}
	}
	s.wanted.Store(&next)
	s.wake()
}

func (s *streams) wake() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

// run pulls until ctx ends, and waits for all it has begun.
func (s *streams) run(ctx context.Context) {
	defer s.work.Wait()
	for {
		s.settle(ctx)
		select {
		case <-ctx.Done():
			return
		case <-s.woken:
		case <-s.leave:
			s.leaving.end()
		case <-s.rest:
			if now := s.wanted.Load(); now.rests() {
				s.wanted.CompareAndSwap(now, &wish{layer: s.cheapest()})
			}
		}
	}
}

// settle begins what is needed and lets what is not needed leave.
func (s *streams) settle(ctx context.Context) {
	wanted := s.wanted.Load()
	s.rest = nil
	if !wanted.unseen.IsZero() {
		s.rest = time.After(time.Until(wanted.unseen.Add(patience)))
	}
	want := s.pulls[wanted.layer]
	want.begin(ctx)
	if len(s.pulls) == 1 {
		return
	}
	other := s.pulls[1-want.layer]
	switch state := want.state.Load(); {
	case state == flowing && other.pulled():
		if s.leaving != other {
			s.leaving, s.leave = other, time.After(overlap)
		}
		return
	case state == broken:
		other.begin(ctx)
	}
	s.leaving, s.leave = nil, nil
}

// What a pull is doing.
const (
	off     int32 = iota
	opening       // no key picture yet
	flowing       // there was one
	broken        // tries again after a pause
	ending
)

// pull is one stream: off, or a goroutine that plays it again and again.
type pull struct {
	*streams
	layer   int
	url     string
	refresh chan struct{}
	state   atomic.Int32
	cancel  context.CancelFunc // owned by streams.run
}

func (p *pull) pulled() bool {
	state := p.state.Load()
	return state != off && state != ending
}

// begin does nothing unless the stream is off. One that is ending wakes streams.run when it has.
func (p *pull) begin(ctx context.Context) {
	if !p.state.CompareAndSwap(off, opening) {
		return
	}
	ctx, p.cancel = context.WithCancel(ctx)
	p.work.Go(func() {
		p.play(ctx)
		p.state.Store(off)
		p.wake()
	})
}

// end does not wait.
func (p *pull) end() {
	p.state.Store(ending)
	p.cancel()
}

// play runs the feed, again and again, until ctx ends.
func (p *pull) play(ctx context.Context) {
	log := p.log
	if len(p.pulls) > 1 {
		log = log.With("layer", p.layer)
	}
	for try := 0; ctx.Err() == nil; try++ {
		began := time.Now()
		err := p.once(ctx)
		if time.Since(began) > time.Minute {
			try = 0
		}
		p.become(ctx, broken)
		pause(ctx, log, try, err)
	}
}

// once plays until the feed breaks or ctx ends.
func (p *pull) once(ctx context.Context) error {
	f, err := p.open(p.url)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // its sound is over
	return f.run(ctx, &outlet{pull: p, ctx: ctx}, p.refresh)
}

// become says how the stream is doing; one that ends does not matter any more.
func (p *pull) become(ctx context.Context, state int32) {
	if now := p.state.Load(); ctx.Err() == nil && now != ending && p.state.CompareAndSwap(now, state) {
		p.wake()
	}
}

// outlet is where one run of a feed puts its media.
type outlet struct {
	*pull
	ctx   context.Context // of the run
	begun bool            // owned by the feed's goroutine of pictures
}

// PutVideo takes a picture of the stream.
func (o *outlet) PutVideo(p mixer.Packet) {
	o.out.PutLayer(o.layer, p)
	if p.Key && !o.begun {
		o.begun = true
		o.become(o.ctx, flowing)
	}
}

// PutAudio takes a sound of the stream.
func (o *outlet) PutAudio(p mixer.Packet) {
	if o.cfg.Audio {
		o.sound.put(o, p)
	}
}
