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

// keyframeEvery is the least time from any keyframe to the next keyframe on request.
const keyframeEvery = 500 * time.Millisecond

// frameEvery is the longest time between two frames. After this time a frame is encoded even if nothing has changed in the view.
const frameEvery = time.Second

// viewerGOPs is the number of GOPs in a stretch while no recording holds the rendition. Then few scheduled keyframes are needed,
// because viewers request keyframes. If little moves, one keyframe takes as many bits as several seconds of other frames.
const viewerGOPs = 15

// canvasFrame is a canvas to encode, with its layout. The receiver of a canvasFrame owns the frame.
type canvasFrame struct {
	frame  *codec.Frame
	layout *mixer.Layout
}

// videoRendition encodes a view in one codec and one size, for all subscriptions that hold the rendition. Its goroutine executes
// run.
type videoRendition struct {
	engine  *Engine
	id      mixer.RenditionID
	key     videoKey
	view    *view
	log     *slog.Logger
	encoder *codec.VideoEncoder
	scaler  *codec.Scaler // scales the canvas to the rung; nil if both have the same size

	canvases    chan canvasFrame  // holds at most one canvas, the newest
	passthrough *passthroughOffer // nil: passthrough is never offered
	quit        chan struct{}
	done        sync.WaitGroup

	holders     map[*subscriber]struct{} // owned by the control loop
	started     bool                     // the rendition is attached to its view; owned by the control loop
	holderCount atomic.Int32             // len(holders)
	keepers     atomic.Int32             // number of holders that are recordings

	keyRequested atomic.Bool   // a keyframe is requested
	skipped      atomic.Uint64 // canvases that were replaced before they were encoded
	meter        mixer.Meter

	layoutMu   sync.Mutex
	lastLayout *mixer.Layout // the layout that was sent last

	// Owned by the view's ticker. They describe the last canvas that was submitted.
	submitted        bool          // false before the first canvas
	submittedStretch time.Duration // start of the stretch of the canvas
	submittedAt      time.Duration // PTS of the canvas

	// Owned by run.
	lastKey time.Duration // PTS of the last keyframe
	encoded bool          // at least one frame was encoded
	gop     int64         // number of the last frame's GOP
	stretch time.Duration // start of the last frame's stretch
	steer   steering
}

// newVideoRendition opens the encoder of a rendition. The caller holds v. If there is no error, this hold becomes the rendition's,
// and close releases it. The rendition gets canvases after start.
func newVideoRendition(m *Engine, key videoKey, v *view) (*videoRendition, error) {
	cfg := m.cfg
	r := &videoRendition{
		engine: m, id: mixer.RenditionID(m.ids.Add(1)), key: key, view: v, log: v.log.With("codec", key.codec, "h", key.size.H),
		steer: steering{
			best: cfg.QualityOf(key.codec), current: cfg.QualityOf(key.codec),
			maxBits: int(float64(cfg.MaxBitrate(key.size)) * cfg.GOP.Seconds()),
		},
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
		Codec: r.key.codec, Width: r.key.size.W, Height: r.key.size.H, FPS: r.view.spec.FPS,
		Bitrate: cfg.MaxBitrate(r.key.size), Quality: cfg.QualityOf(r.key.codec), Preset: cfg.Preset,
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

// start attaches the rendition to its view. Only the first call has an effect.
func (r *videoRendition) start() {
	if !r.started {
		r.started = true
		r.view.attach(r)
	}
}

// addHolder adds s to the holders, if s is not a holder yet.
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

// removeHolder removes s from the holders, if s is a holder.
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
		View: r.key.view, Codec: r.key.codec, Also: r.key.also, Size: r.key.size, Profile: r.key.profile, Exact: r.key.exact,
	}
}

// requestKeyframe requests a keyframe from the encoder. If a source is offered for passthrough, it also requests a keyframe from
// the source.
func (r *videoRendition) requestKeyframe() {
	r.keyRequested.Store(true)
	r.passthrough.requestKeyframe()
}

// stretchStart returns the start of the stretch that pts lies in. A stretch starts with a keyframe. A stretch is one GOP long if
// a recording holds the rendition, and viewerGOPs GOPs otherwise.
func (r *videoRendition) stretchStart(pts time.Duration) time.Duration {
	if r.keepers.Load() > 0 {
		return pts.Truncate(r.engine.cfg.GOP)
	}
	return pts.Truncate(viewerGOPs * r.engine.cfg.GOP)
}

// due reports whether the canvas with the given PTS has to be encoded. This is so if the canvas has changed, if a stretch starts,
// if a keyframe is requested, if passthrough has ended, or if the last canvas was submitted frameEvery ago. If the result is
// true, the caller must submit the canvas. Only the view's ticker calls due.
func (r *videoRendition) due(pts time.Duration, changed bool) bool {
	stretch := r.stretchStart(pts)
	if !changed && r.submitted && stretch == r.submittedStretch && pts-r.submittedAt < frameEvery && !r.keyRequested.Load() && !r.passthrough.keyframeDue() {
		return false
	}
	r.submitted, r.submittedStretch, r.submittedAt = true, stretch, pts
	return true
}

// submit passes the canvas c to the encoder, and takes ownership of c.frame. It never blocks. If the canvas before c still waits
// for the encoder, c replaces that canvas. If the replaced canvas has the PTS of a GOP start, c gets the same PTS. Only the
// view's ticker calls submit. One call may come after close.
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

// withdraw removes the canvas that waits for the encoder, and returns it. The second result is false if no canvas waits.
func (r *videoRendition) withdraw() (canvasFrame, bool) {
	select {
	case c := <-r.canvases:
		return c, true
	default:
		return canvasFrame{}, false
	}
}

// drain drops the canvas that waits for the encoder, if any.
func (r *videoRendition) drain() {
	if c, ok := r.withdraw(); ok {
		c.frame.Close()
	}
}

// run encodes canvases until close.
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

// process encodes a canvas and delivers the packets. During passthrough it drops the canvas: the canvas was submitted before
// passthrough started.
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

// encode encodes f. The first frame of each stretch and the first frame after passthrough become keyframes. So does the first
// frame after a request, if the last keyframe is at least keyframeEvery ago.
func (r *videoRendition) encode(f *codec.Frame) ([]mixer.Packet, error) {
	pts := f.PTS
	gop, stretch := int64(pts/r.engine.cfg.GOP), r.stretchStart(pts)
	key := !r.encoded || stretch > r.stretch || r.passthrough.clearKeyframeDue() || r.keyRequested.Load() && pts-r.lastKey >= keyframeEvery
	if key {
		r.keyRequested.Store(false)
		r.lastKey = pts
	}
	if r.encoded && gop != r.gop && r.key.codec == mixer.H264 {
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

// deliver cuts packets into RTP payloads, once for all subscriptions, and emits them. If the layout is new, the same event has
// the layout.
func (r *videoRendition) deliver(packets []mixer.Packet, layout *mixer.Layout) {
	for i, p := range packets {
		r.meter.Add(len(p.Data))
		packets[i].Boundaries = pack.Cut(p.Codec, p.Data)
	}
	if len(packets) > 0 {
		r.engine.emit(mixer.Delivery{Rendition: r.id, Packets: packets, Layout: r.newLayout(layout)})
	}
}

// sendLayout emits layout without packets, if layout is new. It is used for passthrough, when there are no packets from the
// encoder.
func (r *videoRendition) sendLayout(layout *mixer.Layout) {
	if next := r.newLayout(layout); next != nil {
		r.engine.emit(mixer.Delivery{Rendition: r.id, Layout: next})
	}
}

// newLayout returns layout, or nil if layout was sent last. The caller must send the result.
func (r *videoRendition) newLayout(layout *mixer.Layout) *mixer.Layout {
	r.layoutMu.Lock()
	defer r.layoutMu.Unlock()
	if layout == nil || layout == r.lastLayout {
		return nil
	}
	r.lastLayout = layout
	return layout
}

// close stops run, waits for it, and frees the encoder. It releases the view, which stops with its last rendition.
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
		ID: r.id, View: r.key.view, Codec: r.key.codec, Width: r.key.size.W, Height: r.key.size.H, FPS: rate.PerSecond,
		Bitrate: rate.Bits, Sinks: int(r.holderCount.Load()), Skipped: r.skipped.Load(), Passed: r.passthrough.active(),
	}
}
