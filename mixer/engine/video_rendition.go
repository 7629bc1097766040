package engine

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/codec"
	"azulejo/codec/pack"
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

// videoRendition is one encoder of a view in a goroutine of its own, shared by all subscriptions to it.
type videoRendition struct {
	engine  *Engine
	id      mixer.RenditionID
	key     videoKey
	view    *view
	log     *slog.Logger
	encoder *codec.VideoEncoder
	scaler  *codec.Scaler // from the canvas to the rung; nil when they are of one size

	shots chan shot  // one at most: the newest counts
	pass  *passOffer // nil: a source's packets are never sent instead
	quit  chan struct{}
	done  sync.WaitGroup

	held    map[*subscriber]struct{} // by whom; owned by the control loop
	started bool                     // it gets canvases; owned by the control loop
	holders atomic.Int32             // len(held)
	keepers atomic.Int32             // recordings among them

	wanted  atomic.Bool // a keyframe was requested
	skipped atomic.Uint64
	meter   mixer.Meter

	layoutMu sync.Mutex
	layout   *mixer.Layout // sent last

	// Owned by the view's ticker.
	fed        bool
	fedStretch time.Duration
	fedAt      time.Duration

	// Owned by run.
	lastKey time.Duration // of the last keyframe
	gop     int64         // number of the GOP of the last frame
	stretch time.Duration // of the last frame
	opened  bool
	steer   steering
}

// newVideoRendition opens the encoder. It gets canvases from start on. It takes over one hold of the view.
func newVideoRendition(m *Engine, key videoKey, v *view) (*videoRendition, error) {
	cfg := m.cfg
	r := &videoRendition{
		engine: m, id: mixer.RenditionID(m.ids.Add(1)), key: key, view: v, log: v.log.With("codec", key.id, "h", key.size.H),
		steer: steering{best: cfg.QualityOf(key.id), now: cfg.QualityOf(key.id), most: int(float64(cfg.MaxBitrate(key.size)) * cfg.GOP.Seconds())},
		shots: make(chan shot, 1), quit: make(chan struct{}), held: map[*subscriber]struct{}{},
	}
	if key.profile != 0 {
		r.pass = &passOffer{rendition: r}
	}
	if err := r.open(); err != nil {
		r.free()
		return nil, err
	}
	r.done.Go(r.run)
	return r, nil
}

func (r *videoRendition) open() (err error) {
	cfg := r.engine.cfg
	canvas := mixer.Size{W: r.view.spec.Width, H: r.view.spec.Height}
	r.encoder, err = codec.NewVideoEncoder(codec.VideoConfig{
		Codec: r.key.id, Width: r.key.size.W, Height: r.key.size.H, FPS: r.view.spec.FPS,
		Bitrate: cfg.MaxBitrate(r.key.size), Quality: cfg.QualityOf(r.key.id), Preset: cfg.Preset,
	})
	if err != nil || r.key.size == canvas {
		return err
	}
	r.scaler, err = codec.NewScaler()
	return err
}

func (r *videoRendition) free() {
	r.encoder.Close()
	r.scaler.Close()
}

// start attaches the rendition to its view, once.
func (r *videoRendition) start() {
	if !r.started {
		r.started = true
		r.view.attach(r)
	}
}

// enter and exit count who holds the rendition.
func (r *videoRendition) enter(s *subscriber) {
	if _, known := r.held[s]; known {
		return
	}
	r.held[s] = struct{}{}
	r.holders.Add(1)
	if s.watches.Keep {
		r.keepers.Add(1)
	}
}

func (r *videoRendition) exit(s *subscriber) {
	if _, known := r.held[s]; !known {
		return
	}
	delete(r.held, s)
	r.holders.Add(-1)
	if s.watches.Keep {
		r.keepers.Add(-1)
	}
}

func (r *videoRendition) info() mixer.RenditionInfo {
	return mixer.RenditionInfo{
		View: r.key.view, Codec: r.key.id, Also: r.key.also, Size: r.key.size, Profile: r.key.profile, Exact: r.key.exact,
	}
}

// refresh asks for a keyframe.
func (r *videoRendition) refresh() {
	r.wanted.Store(true)
	r.pass.refresh()
}

// begun is when the stretch of pictures that pts belongs to began, which has a key picture first: a GOP, or many
// of them where nobody records.
func (r *videoRendition) begun(pts time.Duration) time.Duration {
	if r.keepers.Load() > 0 {
		return pts.Truncate(r.engine.cfg.GOP)
	}
	return pts.Truncate(viewerGOPs * r.engine.cfg.GOP)
}

// due tells whether the canvas at pts is to be encoded: when it has changed, when a stretch begins, when a key
// picture is wanted, when packets were passed on until now, and once a second. Only the view's ticker calls it.
func (r *videoRendition) due(pts time.Duration, changed bool) bool {
	stretch := r.begun(pts)
	if !changed && r.fed && stretch == r.fedStretch && pts-r.fedAt < pictureEvery && !r.wanted.Load() && !r.pass.over() {
		return false
	}
	r.fed, r.fedStretch, r.fedAt = true, stretch, pts
	return true
}

// put takes over s. It never blocks: a canvas that the encoder has not come for is replaced, and its time
// taken over if it was to begin a GOP. Only the view's ticker calls it, also once after close.
func (r *videoRendition) put(s shot) {
	if old, ok := r.take(); ok {
		if old.frame.PTS%r.engine.cfg.GOP == 0 {
			s.frame.PTS = old.frame.PTS
		}
		old.frame.Close()
		r.skipped.Add(1)
		r.engine.governor.encoderLate()
	}
	r.shots <- s // there is room: only the ticker puts
	select {
	case <-r.quit:
		r.drain()
	default:
	}
}

// take returns the canvas that waits, false when there is none.
func (r *videoRendition) take() (shot, bool) {
	select {
	case s := <-r.shots:
		return s, true
	default:
		return shot{}, false
	}
}

func (r *videoRendition) drain() {
	if s, ok := r.take(); ok {
		s.frame.Close()
	}
}

func (r *videoRendition) run() {
	trouble, well := newLogOnce(r.log, "rendition")
	for {
		select {
		case <-r.quit:
			return
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
func (r *videoRendition) show(s shot) error {
	defer s.frame.Close()
	if r.pass.active() {
		return nil
	}
	began := time.Now()
	packets, err := r.encode(s.frame)
	if err != nil {
		return err
	}
	r.deliver(packets, s.shows)
	r.engine.governor.encoded(time.Since(began), r.view.period())
	return nil
}

// encode makes a key picture at the first canvas of each stretch, and when one is wanted and the last is long
// enough ago.
func (r *videoRendition) encode(f *codec.Frame) ([]mixer.Packet, error) {
	pts := f.PTS
	gop, stretch := int64(pts/r.engine.cfg.GOP), r.begun(pts)
	key := !r.opened || stretch > r.stretch || r.pass.ended() || r.wanted.Load() && pts-r.lastKey >= keyEvery
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

// deliver sends packets, cut into RTP payloads once for all, and the layout if it is new.
func (r *videoRendition) deliver(packets []mixer.Packet, shows *mixer.Layout) {
	for i, p := range packets {
		r.meter.Add(len(p.Data))
		packets[i].Boundaries = pack.Cut(p.Codec, p.Data)
	}
	if len(packets) > 0 {
		r.engine.emit(mixer.Delivery{Rendition: r.id, Packets: packets, Layout: r.newLayout(shows)})
	}
}

// describe sends a layout that no packet of the encoder goes with: while a source's packets are sent instead.
func (r *videoRendition) describe(shows *mixer.Layout) {
	if l := r.newLayout(shows); l != nil {
		r.engine.emit(mixer.Delivery{Rendition: r.id, Layout: l})
	}
}

// newLayout is shows, or nil if that was sent last.
func (r *videoRendition) newLayout(shows *mixer.Layout) *mixer.Layout {
	r.layoutMu.Lock()
	defer r.layoutMu.Unlock()
	if shows == nil || shows == r.layout {
		return nil
	}
	r.layout = shows
	return shows
}

// close ends the encoder and waits for it; the view ends with its last rendition.
func (r *videoRendition) close() {
	close(r.quit)
	r.done.Wait()
	r.view.detach(r)
	r.engine.release(r.view)
	r.drain()
	r.free()
}

func (r *videoRendition) stats() mixer.RenditionStats {
	rate := r.meter.Read()
	return mixer.RenditionStats{
		ID: r.id, View: r.key.view, Codec: r.key.id, Width: r.key.size.W, Height: r.key.size.H, FPS: rate.PerSecond,
		Bitrate: rate.Bits, Sinks: int(r.holders.Load()), Skipped: r.skipped.Load(), Passed: r.pass.active(),
	}
}
