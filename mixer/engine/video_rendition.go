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

// keyframeEvery is the least time between two requested keyframes.
const keyframeEvery = 500 * time.Millisecond

// frameEvery is the longest time between two frames, even if nothing changes in the view.
const frameEvery = time.Second

// viewerGOPs is how many GOPs a stretch has if no recording holds the rendition. Viewers request keyframes when they need
// one. Each keyframe takes as many bits as seconds of a quiet wall.
const viewerGOPs = 15

// canvasFrame is a canvas for an encoder, and its layout. The receiver owns the frame.
type canvasFrame struct {
	frame  *codec.Frame
	layout *mixer.Layout
}

// videoRendition is one encoder of a view in a goroutine of its own, shared by all subscriptions to it. That goroutine
// runs run.
type videoRendition struct {
	engine  *Engine
	id      mixer.RenditionID
	key     videoKey
	view    *view
	log     *slog.Logger
	encoder *codec.VideoEncoder
	scaler  *codec.Scaler // from the canvas to the rung; nil if both have the same size

	canvases    chan canvasFrame  // holds at most one, the newest
	passthrough *passthroughOffer // nil: never offered
	quit        chan struct{}
	done        sync.WaitGroup

	holders     map[*subscriber]struct{} // owned by the control loop
	started     bool                     // attached to its view; owned by the control loop
	holderCount atomic.Int32             // len(holders)
	keepers     atomic.Int32             // recordings among the holders

	keyRequested atomic.Bool
	skipped      atomic.Uint64
	meter        mixer.Meter

	layoutMu   sync.Mutex
	lastLayout *mixer.Layout // sent last

	// Owned by the view's ticker. They describe the last canvas that was submitted.
	submitted        bool // there was one
	submittedStretch time.Duration
	submittedAt      time.Duration

	// Owned by run.
	lastKey time.Duration // PTS of the last keyframe
	encoded bool          // a frame was encoded
	gop     int64         // number of the GOP of the last frame
	stretch time.Duration // start of the stretch of the last frame
	steer   steering
}

// newVideoRendition opens the encoder, and takes over one hold of the view. The rendition gets canvases after start.
func newVideoRendition(m *Engine, key videoKey, v *view) (*videoRendition, error) {
	cfg := m.cfg
	r := &videoRendition{
		engine: m, id: mixer.RenditionID(m.ids.Add(1)), key: key, view: v, log: v.log.With("codec", key.id, "h", key.size.H),
		steer:    steering{best: cfg.QualityOf(key.id), now: cfg.QualityOf(key.id), most: int(float64(cfg.MaxBitrate(key.size)) * cfg.GOP.Seconds())},
		canvases: make(chan canvasFrame, 1), quit: make(chan struct{}), holders: map[*subscriber]struct{}{},
	}
	if key.profile != 0 {
		r.passthrough = &passthroughOffer{rendition: r}
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

// start attaches the rendition to its view. Further calls do nothing.
func (r *videoRendition) start() {
	if !r.started {
		r.started = true
		r.view.attach(r)
	}
}

// addHolder adds a subscriber, unless it holds the rendition already.
func (r *videoRendition) addHolder(s *subscriber) {
	if _, known := r.holders[s]; known {
		return
	}
	r.holders[s] = struct{}{}
	r.holderCount.Add(1)
	if s.watches.Keep {
		r.keepers.Add(1)
	}
}

// removeHolder removes a subscriber, if it holds the rendition.
func (r *videoRendition) removeHolder(s *subscriber) {
	if _, known := r.holders[s]; !known {
		return
	}
	delete(r.holders, s)
	r.holderCount.Add(-1)
	if s.watches.Keep {
		r.keepers.Add(-1)
	}
}

func (r *videoRendition) info() mixer.RenditionInfo {
	return mixer.RenditionInfo{
		View: r.key.view, Codec: r.key.id, Also: r.key.also, Size: r.key.size, Profile: r.key.profile, Exact: r.key.exact,
	}
}

// requestKeyframe requests a keyframe of the encoder, and of the source that is offered for passthrough.
func (r *videoRendition) requestKeyframe() {
	r.keyRequested.Store(true)
	r.passthrough.requestKeyframe()
}

// stretchStart is the start of the stretch that pts belongs to. A stretch starts with a keyframe. It is one GOP, or
// viewerGOPs GOPs if no recording holds the rendition.
func (r *videoRendition) stretchStart(pts time.Duration) time.Duration {
	if r.keepers.Load() > 0 {
		return pts.Truncate(r.engine.cfg.GOP)
	}
	return pts.Truncate(viewerGOPs * r.engine.cfg.GOP)
}

// due reports whether the canvas at pts has to be encoded: if it has changed, if a stretch starts, if a keyframe is
// requested, if passthrough has ended, or if the last one is frameEvery ago. Only the view's ticker calls it.
func (r *videoRendition) due(pts time.Duration, changed bool) bool {
	stretch := r.stretchStart(pts)
	if !changed && r.submitted && stretch == r.submittedStretch && pts-r.submittedAt < frameEvery && !r.keyRequested.Load() && !r.passthrough.keyframeDue() {
		return false
	}
	r.submitted, r.submittedStretch, r.submittedAt = true, stretch, pts
	return true
}

// submit takes over c. It never blocks: c replaces a canvas that the encoder has not fetched. If that canvas would have
// started a GOP, c gets its time. Only the view's ticker calls submit; it may do so once after close.
func (r *videoRendition) submit(c canvasFrame) {
	if old, ok := r.withdraw(); ok {
		if old.frame.PTS%r.engine.cfg.GOP == 0 {
			c.frame.PTS = old.frame.PTS
		}
		old.frame.Close()
		r.skipped.Add(1)
		r.engine.governor.encoderLate()
	}
	r.canvases <- c // does not block: only the ticker sends, and the channel is empty
	select {
	case <-r.quit:
		r.drain()
	default:
	}
}

// withdraw returns the canvas that waits for the encoder. The result is false if there is none.
func (r *videoRendition) withdraw() (canvasFrame, bool) {
	select {
	case c := <-r.canvases:
		return c, true
	default:
		return canvasFrame{}, false
	}
}

func (r *videoRendition) drain() {
	if c, ok := r.withdraw(); ok {
		c.frame.Close()
	}
}

func (r *videoRendition) run() {
	logFailure, logRecovery := newFailureLog(r.log, "rendition")
	for {
		select {
		case <-r.quit:
			return
		case c := <-r.canvases:
			if err := r.process(c); err != nil {
				logFailure(err)
				continue
			}
			logRecovery()
		}
	}
}

// process encodes and delivers a canvas. A canvas that was submitted before passthrough started is dropped.
func (r *videoRendition) process(c canvasFrame) error {
	defer c.frame.Close()
	if r.passthrough.active() {
		return nil
	}
	started := time.Now()
	packets, err := r.encode(c.frame)
	if err != nil {
		return err
	}
	r.deliver(packets, c.layout)
	r.engine.governor.encoded(time.Since(started), r.view.period())
	return nil
}

// encode makes a keyframe at the first canvas of each stretch, after passthrough, and at a request if the last keyframe is
// at least keyframeEvery ago.
func (r *videoRendition) encode(f *codec.Frame) ([]mixer.Packet, error) {
	pts := f.PTS
	gop, stretch := int64(pts/r.engine.cfg.GOP), r.stretchStart(pts)
	key := !r.encoded || stretch > r.stretch || r.passthrough.clearKeyframeDue() || r.keyRequested.Load() && pts-r.lastKey >= keyframeEvery
	if key {
		r.keyRequested.Store(false)
		r.lastKey = pts
	}
	if r.encoded && gop != r.gop && r.key.id == mixer.H264 {
		if err := r.encoder.SetQuality(r.steer.next()); err != nil {
			return nil, err
		}
	}
	r.encoded, r.gop, r.stretch = true, gop, stretch
	if r.scaler != nil {
		scaled, err := r.scaler.Cut(f, codec.Cutout{Width: r.key.size.W, Height: r.key.size.H})
		if err != nil {
			return nil, err
		}
		defer scaled.Close()
		f = scaled
	}
	packets, err := r.encoder.Encode(f, pts, key)
	for _, p := range packets {
		r.steer.bits += 8 * len(p.Data)
	}
	return packets, err
}

// deliver emits packets, which are cut into RTP payloads once for all subscriptions, and the layout if it is new.
func (r *videoRendition) deliver(packets []mixer.Packet, layout *mixer.Layout) {
	for i, p := range packets {
		r.meter.Add(len(p.Data))
		packets[i].Boundaries = pack.Cut(p.Codec, p.Data)
	}
	if len(packets) > 0 {
		r.engine.emit(mixer.Delivery{Rendition: r.id, Packets: packets, Layout: r.newLayout(layout)})
	}
}

// sendLayout emits a new layout without packets, during passthrough.
func (r *videoRendition) sendLayout(layout *mixer.Layout) {
	if l := r.newLayout(layout); l != nil {
		r.engine.emit(mixer.Delivery{Rendition: r.id, Layout: l})
	}
}

// newLayout returns layout, or nil if it was sent last.
func (r *videoRendition) newLayout(layout *mixer.Layout) *mixer.Layout {
	r.layoutMu.Lock()
	defer r.layoutMu.Unlock()
	if layout == nil || layout == r.lastLayout {
		return nil
	}
	r.lastLayout = layout
	return layout
}

// close stops the encoder and waits for it. The view is stopped with its last rendition.
func (r *videoRendition) close() {
	close(r.quit)
	r.done.Wait()
	r.view.detach(r)
	r.engine.releaseView(r.view)
	r.drain()
	r.free()
}

func (r *videoRendition) stats() mixer.RenditionStats {
	rate := r.meter.Read()
	return mixer.RenditionStats{
		ID: r.id, View: r.key.view, Codec: r.key.id, Width: r.key.size.W, Height: r.key.size.H, FPS: rate.PerSecond,
		Bitrate: rate.Bits, Sinks: int(r.holderCount.Load()), Skipped: r.skipped.Load(), Passed: r.passthrough.active(),
	}
}
