package engine

import (
	"cmp"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// keyEvery is the least time between two key pictures that were asked for.
const keyEvery = 500 * time.Millisecond

// pictureEvery is the longest time without a picture, however still the view is.
const pictureEvery = time.Second

// viewerGOPs is how many GOPs pass without a key picture where nobody records: viewers ask for one when they
// need it, and each costs as much as seconds of a quiet wall.
const viewerGOPs = 15

// shot is a canvas on its way to an encoder, and what it shows. The receiver owns the frame.
type shot struct {
	frame *codec.Frame
	shows *mixer.Layout
}

// picture is a rendition of a view: one encoder in a goroutine of its own, shared by all its sinks.
type picture struct {
	key     pictureKey
	view    *view
	cfg     mixer.Config
	log     *slog.Logger
	encoder *codec.VideoEncoder
	scaler  *codec.Scaler // from the canvas to the rung; nil when they are of one size
	ended   func()        // leaves the view

	shots chan shot // one at most: the newest counts
	relay relay
	quit  chan struct{}
	done  sync.WaitGroup
	sinks fanout

	wanted  atomic.Bool // somebody asked for a key picture
	skipped atomic.Uint64
	meter   mixer.Meter

	// Owned by the view's ticker.
	fed        bool
	fedStretch time.Duration
	fedAt      time.Duration

	// Owned by run.
	lastKey time.Duration // of the last key picture
	gop     int64         // number of the GOP of the last picture
	stretch time.Duration // of the last picture
	opened  bool
	steer   steering
	last    time.Duration // of the last packet
}

func newPicture(key pictureKey, v *view, cfg mixer.Config, log *slog.Logger) (*picture, error) {
	r := &picture{
		key: key, view: v, cfg: cfg, log: log.With("codec", key.id, "h", key.size.H),
		steer: steering{best: cfg.QualityOf(key.id), now: cfg.QualityOf(key.id), most: int(float64(cfg.MaxBitrate(key.size)) * cfg.GOP.Seconds())},
		shots: make(chan shot, 1), relay: newRelay(key), quit: make(chan struct{}),
	}
	if err := r.open(); err != nil {
		r.free()
		return nil, err
	}
	r.done.Go(r.run)
	return r, nil
}

func (r *picture) open() (err error) {
	canvas := mixer.Size{W: r.view.spec.Width, H: r.view.spec.Height}
	r.encoder, err = codec.NewVideoEncoder(codec.VideoConfig{
		Codec: r.key.id, Width: r.key.size.W, Height: r.key.size.H, FPS: r.view.spec.FPS,
		Bitrate: r.cfg.MaxBitrate(r.key.size), Quality: r.cfg.QualityOf(r.key.id), Preset: r.cfg.Preset,
	})
	if err != nil || r.key.size == canvas {
		return err
	}
	r.scaler, err = codec.NewScaler()
	return err
}

func (r *picture) free() {
	r.encoder.Close()
	r.scaler.Close()
}

// refresh asks for a key picture.
func (r *picture) refresh() {
	r.wanted.Store(true)
	r.relay.refresh()
}

// begun is when the stretch of pictures that pts belongs to began, which has a key picture first: a GOP, or many
// of them where nobody records.
func (r *picture) begun(pts time.Duration) time.Duration {
	if r.sinks.kept() {
		return pts.Truncate(r.cfg.GOP)
	}
	return pts.Truncate(viewerGOPs * r.cfg.GOP)
}

// due tells whether the canvas at pts is to be encoded: when it has changed, when a stretch begins, when a key
// picture is wanted, when packets were passed on until now, and once a second. Only the view's ticker calls it.
func (r *picture) due(pts time.Duration, changed bool) bool {
	stretch := r.begun(pts)
	if !changed && r.fed && stretch == r.fedStretch && pts-r.fedAt < pictureEvery && !r.wanted.Load() && !r.relay.over.Load() {
		return false
	}
	r.fed, r.fedStretch, r.fedAt = true, stretch, pts
	return true
}

// put takes over s. It never blocks: a canvas that the encoder has not come for is replaced, and its time
// taken over if it was to begin a GOP. Only the view's ticker calls it, also once after close.
func (r *picture) put(s shot) {
	if old, ok := r.take(); ok {
		if old.frame.PTS%r.cfg.GOP == 0 {
			s.frame.PTS = old.frame.PTS
		}
		old.frame.Close()
		r.skipped.Add(1)
		r.view.mixer.governor.encoderLate()
	}
	r.shots <- s // there is room: only the ticker puts
	select {
	case <-r.quit:
		r.drain()
	default:
	}
}

// take returns the canvas that waits, false when there is none.
func (r *picture) take() (shot, bool) {
	select {
	case s := <-r.shots:
		return s, true
	default:
		return shot{}, false
	}
}

func (r *picture) drain() {
	if s, ok := r.take(); ok {
		s.frame.Close()
	}
}

func (r *picture) run() {
	trouble, well := newLogOnce(r.log, "rendition")
	for {
		select {
		case <-r.quit:
			return
		case p := <-r.relay.packets:
			r.pass(p)
		case s := <-r.shots:
			if err := r.show(s); err != nil {
				trouble(err)
				continue
			}
			well()
		}
	}
}

// show encodes a canvas, unless packets are passed on: one that was put before they came is none of theirs.
func (r *picture) show(s shot) error {
	defer s.frame.Close()
	if r.relay.active() {
		return nil
	}
	began := time.Now()
	packets, err := r.encode(s.frame)
	if err != nil {
		return err
	}
	r.deliver(packets, s.shows)
	r.view.mixer.governor.encoded(time.Since(began), r.view.period())
	return nil
}

// encode makes a key picture at the first canvas of each stretch, and when one is wanted and the last is long
// enough ago.
func (r *picture) encode(f *codec.Frame) ([]mixer.Packet, error) {
	pts := f.PTS
	if r.opened && pts <= r.last {
		return nil, nil // packets that were passed on went on until now
	}
	gop, stretch := int64(pts/r.cfg.GOP), r.begun(pts)
	key := !r.opened || stretch > r.stretch || r.relay.ended() || r.wanted.Load() && pts-r.lastKey >= keyEvery
	if key {
		r.wanted.Store(false)
		r.lastKey = pts
	}
	if r.opened && gop != r.gop && r.key.id == mixer.H264 {
		if err := r.encoder.SetQuality(r.steer.next()); err != nil {
			return nil, err
		}
	}
	r.opened, r.gop, r.stretch = true, gop, stretch
	if r.scaler != nil {
		small, err := r.scaler.Cut(f, codec.Cutout{Width: r.key.size.W, Height: r.key.size.H})
		if err != nil {
			return nil, err
		}
		defer small.Close()
		f = small
	}
	packets, err := r.encoder.Encode(f, pts, key)
	for _, p := range packets {
		r.steer.bits += 8 * len(p.Data)
	}
	return packets, err
}

// deliver hands packets to all sinks, ready to be cut into RTP payloads once for all.
func (r *picture) deliver(packets []mixer.Packet, shows *mixer.Layout) {
	for i, p := range packets {
		r.meter.Add(len(p.Data))
		r.last = p.PTS
		packets[i].Payloads = cutOnce(p)
	}
	r.sinks.deliver(packets, shows)
}

// close ends the encoder and waits for it; the view goes with its last rendition.
func (r *picture) close() {
	close(r.quit)
	r.done.Wait()
	r.relay.stop(r)
	r.ended()
	r.drain()
	r.free()
}

func (r *picture) audience() *fanout { return &r.sinks }

func (r *picture) stats() mixer.RenditionStats {
	rate, passed := r.meter.Read(), r.relay.passes.Load()
	is := *cmp.Or(passed, &shape{r.key.id, r.key.size})
	return mixer.RenditionStats{
		View: r.key.view, Codec: is.id, Width: is.size.W, Height: is.size.H,
		FPS: rate.PerSecond, Bitrate: rate.Bits, Sinks: len(r.sinks.all()), Skipped: r.skipped.Load(), Passed: passed != nil,
	}
}
