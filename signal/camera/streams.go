package camera

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/mixer"
)

// upstream is the camera's membership in a room.
type upstream interface {
	WriteVideo(layer int, p mixer.Packet)
	WriteAudio(p mixer.Packet)
}

// overlap is how long the old stream is pulled beside the new one after the new one's first keyframe. In this time the
// mixer changes over, and the room may change its mind.
const overlap = time.Second

// patience is how long a stream that nobody sees any more is still pulled. Where a view shows its pages in turn, the
// stream is wanted again soon.
const patience = 30 * time.Second

// wish says which stream the room wants.
type wish struct {
	layer  int
	unseen time.Time // since when nobody sees the camera; zero: somebody does
}

func (w wish) expired() bool { return !w.unseen.IsZero() && time.Since(w.unseen) >= patience }

// streams pulls the stream of a camera that the room wants: layer 0 is the main stream, layer 1 the sub-stream, if there
// is one. At a change the old stream goes on until the new one has started. While the wanted stream is broken, the other
// one replaces it.
type streams struct {
	cfg   Config
	log   *slog.Logger
	out   upstream
	audio audio
	open  func(url string) (Feed, error)

	wanted atomic.Pointer[wish]
	woken  chan struct{} // something changed

	// Owned by run.
	pulls   []*pull // by layer
	leaving *pull   // stopped when leave fires
	leave   <-chan time.Time
	expire  <-chan time.Time // fires when the wish expires
	work    sync.WaitGroup
}

func newStreams(cfg Config, out upstream, open openFeed, log *slog.Logger) *streams {
	s := &streams{cfg: cfg, log: log, out: out, audio: audio{out: out, epoch: time.Now()}, woken: make(chan struct{}, 1)}
	s.open = func(url string) (Feed, error) {
		in, err := cfg.parse(url)
		if err != nil {
			return nil, err
		}
		return in.open(open)
	}
	for i, url := range cfg.urls() {
		s.pulls = append(s.pulls, &pull{streams: s, layer: i, url: url, refresh: make(chan struct{}, 1)})
	}
	s.wanted.Store(&wish{layer: s.cheapest()}) // until the first demand
	return s
}

func (s *streams) cheapest() int { return len(s.pulls) - 1 }

// refresh asks all streams for a keyframe. It never blocks.
func (s *streams) refresh() {
	for _, p := range s.pulls {
		select {
		case p.refresh <- struct{}{}:
		default:
		}
	}
}

// demand changes which stream is wanted. A camera that nobody sees is pulled on by its cheapest stream, so that it can be
// shown at once. demand never blocks; one goroutine calls it at a time.
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

// run pulls until ctx ends, and waits for all goroutines that it started.
func (s *streams) run(ctx context.Context) {
	defer s.work.Wait()
	for {
		s.settle(ctx)
		select {
		case <-ctx.Done():
			return
		case <-s.woken:
		case <-s.leave:
			s.leaving.stop()
		case <-s.expire:
			if now := s.wanted.Load(); now.expired() {
				s.wanted.CompareAndSwap(now, &wish{layer: s.cheapest()})
			}
		}
	}
}

// settle starts the streams that are needed, and schedules the stop of one that is not.
func (s *streams) settle(ctx context.Context) {
	wanted := s.wanted.Load()
	s.expire = nil
	if !wanted.unseen.IsZero() {
		s.expire = time.After(time.Until(wanted.unseen.Add(patience)))
	}
	want := s.pulls[wanted.layer]
	want.start(ctx)
	if len(s.pulls) == 1 {
		return
	}
	other := s.pulls[1-want.layer]
	switch state := want.state.Load(); {
	case state == flowing && other.active():
		if s.leaving != other {
			s.leaving, s.leave = other, time.After(overlap)
		}
		return
	case state == broken:
		other.start(ctx)
	}
	s.leaving, s.leave = nil, nil
}

// The states of a pull.
const (
	off     int32 = iota
	opening       // no keyframe yet
	flowing       // a keyframe has come
	broken        // tries again after a pause
	stopping
)

// pull is one stream: off, or a goroutine that plays it and starts again when it breaks.
type pull struct {
	*streams
	layer   int
	url     string
	refresh chan struct{}
	state   atomic.Int32
	cancel  context.CancelFunc // owned by streams.run
}

func (p *pull) active() bool {
	state := p.state.Load()
	return state != off && state != stopping
}

// start does nothing unless the stream is off. A stream that is stopping wakes streams.run when it is off.
func (p *pull) start(ctx context.Context) {
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

// stop does not wait.
func (p *pull) stop() {
	p.state.Store(stopping)
	p.cancel()
}

// play runs the feed, again and again, until ctx ends.
func (p *pull) play(ctx context.Context) {
	log := p.log
	if len(p.pulls) > 1 {
		log = log.With("layer", p.layer)
	}
	for try := 0; ctx.Err() == nil; try++ {
		started := time.Now()
		err := p.once(ctx)
		if time.Since(started) > time.Minute {
			try = 0
		}
		p.enter(ctx, broken)
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
	defer cancel() // another stream's audio may take over
	o := &outlet{pull: p, ctx: ctx}
	return f.Run(ctx, o.write, p.refresh)
}

// enter changes the state, unless the stream is being stopped.
func (p *pull) enter(ctx context.Context, state int32) {
	if now := p.state.Load(); ctx.Err() == nil && now != stopping && p.state.CompareAndSwap(now, state) {
		p.wake()
	}
}

// outlet passes the packets of one run of a feed to the room.
type outlet struct {
	*pull
	ctx     context.Context // of the run
	started bool            // a keyframe has come; owned by the feed's goroutine for video
}

func (o *outlet) write(p mixer.Packet) {
	if !p.Codec.IsVideo() {
		if o.cfg.Audio {
			o.audio.write(o, p)
		}
		return
	}
	o.out.WriteVideo(o.layer, p)
	if p.Key && !o.started {
		o.started = true
		o.enter(o.ctx, flowing)
	}
}
