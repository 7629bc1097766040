package camera

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/mixer"
)

// upstream receives the media of a camera. In the server it is the camera's [room.Member].
type upstream interface {
	WriteVideo(layer int, p mixer.Packet)
	WriteAudio(p mixer.Packet)
}

// overlap is how long the old stream is still pulled after the first keyframe of the new one. In this time the mixer
// changes to the new stream. The room may also want the old one again.
const overlap = time.Second

// unseenHold is how long a camera's stream stays the wanted one when no tile shows the camera any more. A view that shows
// its pages in turn needs the stream again soon.
const unseenHold = 30 * time.Second

// wantedStream says which stream of a camera the room wants.
type wantedStream struct {
	layer  int
	unseen time.Time // when demand reported that no tile shows the camera; zero: the stream stays wanted
}

// expired tells whether unseenHold has passed since unseen.
func (w wantedStream) expired() bool {
	return !w.unseen.IsZero() && time.Since(w.unseen) >= unseenHold
}

// streams pulls the stream of a camera that the room wants. Layer 0 is the main stream, layer 1 the sub-stream, if there
// is one. When another stream is wanted, the old one is pulled until the new one has delivered a keyframe, and for the
// time overlap after that. While the wanted stream is broken, the other one is pulled in its place.
type streams struct {
	cfg   Config
	log   *slog.Logger
	out   upstream
	audio audio
	open  func(url string) (Feed, error)

	wanted atomic.Pointer[wantedStream]
	woken  chan struct{} // receives a value when wanted or the state of a pull has changed

	pulls []*pull // by layer; the slice never changes

	// Used by run only.
	old        *pull            // the pull that run stops when stopOld fires; nil if none
	stopOld    <-chan time.Time // nil if old is nil
	expire     <-chan time.Time // fires when wanted expires; nil if wanted.unseen is zero
	goroutines sync.WaitGroup   // of the pulls
}

// newStreams returns the streams of the camera cfg. run starts them.
func newStreams(cfg Config, out upstream, open openFeed, log *slog.Logger) *streams {
	s := &streams{cfg: cfg, log: log, out: out, audio: audio{out: out, epoch: time.Now()}, woken: make(chan struct{}, 1)}
	s.open = func(url string) (Feed, error) {
		in, err := cfg.parse(url)
		if err != nil {
			return nil, err
		}
		return in.open(open, log)
	}
	for i, url := range cfg.urls() {
		s.pulls = append(s.pulls, &pull{streams: s, layer: i, url: url, refresh: make(chan struct{}, 1)})
	}
	s.wanted.Store(&wantedStream{layer: s.cheapest()}) // until the first call of demand
	return s
}

// cheapest returns the layer of the smallest stream.
func (s *streams) cheapest() int { return len(s.pulls) - 1 }

// refresh requests a keyframe of all streams. It never blocks.
func (s *streams) refresh() {
	for _, p := range s.pulls {
		select {
		case p.refresh <- struct{}{}:
		default:
		}
	}
}

// demand changes which stream is wanted. If no tile shows the camera any more, the wanted stream stays the same for
// unseenHold. After that it is the cheapest stream. That is pulled all the time, so that a tile can show the camera at
// once. demand never blocks. Only one goroutine may call it at a time.
func (s *streams) demand(d mixer.Demand) {
	next := wantedStream{layer: min(max(d.Layer, 0), s.cheapest())}
	if d.Width == 0 || d.Height == 0 {
		next = wantedStream{s.wanted.Load().layer, time.Now()}
	}
	s.wanted.Store(&next)
	s.wake()
}

// wake makes run check what is wanted. It never blocks.
func (s *streams) wake() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

// run pulls the wanted stream until ctx ends. Before it returns it waits for all goroutines that it started.
func (s *streams) run(ctx context.Context) {
	defer s.goroutines.Wait()
	for {
		s.settle(ctx)
		select {
		case <-ctx.Done():
			return
		case <-s.woken:
		case <-s.stopOld:
			s.old.stop()
		case <-s.expire:
			if now := s.wanted.Load(); now.expired() {
				s.wanted.CompareAndSwap(now, &wantedStream{layer: s.cheapest()})
			}
		}
	}
}

// settle starts the wanted stream, and also the other one if the wanted one is broken. Once the wanted stream delivers,
// settle schedules the stop of the other one.
func (s *streams) settle(ctx context.Context) {
	wanted := s.wanted.Load()
	s.expire = nil
	if !wanted.unseen.IsZero() {
		s.expire = time.After(time.Until(wanted.unseen.Add(unseenHold)))
	}
	want := s.pulls[wanted.layer]
	want.start(ctx)
	if len(s.pulls) == 1 {
		return
	}
	other := s.pulls[1-want.layer]
	switch state := want.state.Load(); {
	case state == flowing && other.active():
		if s.old != other {
			s.old, s.stopOld = other, time.After(overlap)
		}
		return
	case state == broken:
		other.start(ctx)
	}
	s.old, s.stopOld = nil, nil
}

// The states of a pull.
const (
	off      int32 = iota
	opening        // started; no keyframe has arrived since
	flowing        // a keyframe has arrived
	broken         // the feed broke, and no keyframe has arrived since; the next try follows after a pause
	stopping       // the goroutine is about to end
)

// pull pulls one stream. Unless it is off, it has a goroutine, which runs the stream's feed and runs it again when it
// breaks.
type pull struct {
	*streams
	layer   int
	url     string
	refresh chan struct{}
	state   atomic.Int32       // off, opening, flowing, broken or stopping
	cancel  context.CancelFunc // ends the goroutine; used by streams.run only
}

// active tells whether the stream is pulled and is not being stopped.
func (p *pull) active() bool {
	state := p.state.Load()
	return state != off && state != stopping
}

// start starts the pull if it is off. Otherwise it does nothing. A pull that is stopping wakes streams.run once it is
// off, and run can then start it.
func (p *pull) start(ctx context.Context) {
	if !p.state.CompareAndSwap(off, opening) {
		return
	}
	ctx, p.cancel = context.WithCancel(ctx)
	p.goroutines.Go(func() {
		p.play(ctx)
		p.state.Store(off)
		p.wake()
	})
}

// stop makes the pull's goroutine end. It does not wait for that.
func (p *pull) stop() {
	p.state.Store(stopping)
	p.cancel()
}

// play runs the feed, with a pause after each run, until ctx ends. After a run of more than a minute the pauses are short
// again.
func (p *pull) play(ctx context.Context) {
	log := p.log
	if len(p.pulls) > 1 {
		log = log.With("layer", p.layer)
	}
	for try := 0; ctx.Err() == nil; try++ {
		started := time.Now()
		err := p.runFeed(ctx)
		if time.Since(started) > time.Minute {
			try = 0
		}
		p.setState(ctx, broken)
		pause(ctx, log, try, err)
	}
}

// runFeed opens the feed and runs it until it breaks or ctx ends.
func (p *pull) runFeed(ctx context.Context) error {
	f, err := p.open(p.url)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // tells audio that another stream's outlet may become the owner
	o := &outlet{pull: p, ctx: ctx}
	return f.Run(ctx, o.write, p.refresh)
}

// setState changes the state, unless the pull is being stopped, and wakes streams.run.
func (p *pull) setState(ctx context.Context, state int32) {
	if now := p.state.Load(); ctx.Err() == nil && now != stopping && p.state.CompareAndSwap(now, state) {
		p.wake()
	}
}

// outlet passes the packets of a feed to the room. Each call of runFeed makes one.
type outlet struct {
	*pull
	ctx     context.Context // ends when runFeed returns
	started bool            // a keyframe has arrived; used only by the goroutine that writes video
}

// write passes p to the room. It drops audio if the camera's audio is not mixed.
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
		o.setState(o.ctx, flowing)
	}
}
