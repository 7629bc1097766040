package mixer

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/codec"
)

// keyEvery is the least time between two key pictures that were asked for.
const keyEvery = 500 * time.Millisecond

// RenditionStats is a snapshot of a rendition.
type RenditionStats struct {
	View    string   `json:"view"`
	Codec   codec.ID `json:"codec"`
	Width   int      `json:"w,omitempty"`
	Height  int      `json:"h,omitempty"`
	FPS     float64  `json:"fps,omitempty"` // of sound: packets a second
	Bitrate int      `json:"bitrate"`       // bits a second
	Sinks   int      `json:"sinks"`
	Skipped uint64   `json:"skipped"` // canvases or blocks that the encoder was too slow for
}

// picture is a rendition of a view: one encoder in a goroutine of its own, shared by all its sinks.
type picture struct {
	id       codec.ID
	cfg      Config
	log      *slog.Logger
	encoder  *codec.VideoEncoder
	canvases chan *codec.Frame // one at most: the newest counts
	quit     chan struct{}
	done     sync.WaitGroup
	sinks    fanout
	wanted   atomic.Bool // somebody asked for a key picture
	skipped  atomic.Uint64
	meter    meter

	// Owned by run.
	key    time.Duration // of the last key picture
	gop    int64         // number of the GOP of the last picture
	opened bool
}

func newPicture(id codec.ID, cfg Config, log *slog.Logger) (*picture, error) {
	e, err := codec.NewVideoEncoder(codec.VideoConfig{
		Codec: id, Width: cfg.Width, Height: cfg.Height, FPS: cfg.FPS, Bitrate: cfg.Bitrate, Preset: cfg.Preset,
	})
	if err != nil {
		return nil, err
	}
	r := &picture{id: id, cfg: cfg, log: log.With("codec", id), encoder: e, canvases: make(chan *codec.Frame, 1), quit: make(chan struct{})}
	r.done.Go(r.run)
	return r, nil
}

// refresh asks for a key picture.
func (r *picture) refresh() { r.wanted.Store(true) }

// put takes over f. It never blocks: a canvas that the encoder has not come for is replaced, and its time
// taken over if it was to begin a GOP. Only the view's ticker calls it, also once after close.
func (r *picture) put(f *codec.Frame) {
	if old := r.take(); old != nil {
		if old.PTS%r.cfg.GOP == 0 {
			f.PTS = old.PTS
		}
		old.Close()
		r.skipped.Add(1)
	}
	r.canvases <- f // there is room: only the ticker puts
	select {
	case <-r.quit:
		r.take().Close()
	default:
	}
}

// take returns the canvas that waits, nil when there is none.
func (r *picture) take() *codec.Frame {
	select {
	case f := <-r.canvases:
		return f
	default:
		return nil
	}
}

func (r *picture) run() {
	trouble, well := newLogOnce(r.log, "rendition")
	for {
		select {
		case <-r.quit:
			return
		case f := <-r.canvases:
			packets, err := r.encode(f)
			f.Close()
			if err != nil {
				trouble(err)
				continue
			}
			well()
			r.sinks.deliver(packets)
		}
	}
}

// encode makes a key picture at the first canvas of each GOP, and when one is wanted and the last is long
// enough ago.
func (r *picture) encode(f *codec.Frame) ([]codec.Packet, error) {
	gop := int64(f.PTS / r.cfg.GOP)
	key := !r.opened || gop != r.gop || r.wanted.Load() && f.PTS-r.key >= keyEvery
	if key {
		r.wanted.Store(false)
		r.key = f.PTS
	}
	r.opened, r.gop = true, gop
	packets, err := r.encoder.Encode(f, f.PTS, key)
	for _, p := range packets {
		r.meter.add(len(p.Data))
	}
	return packets, err
}

// close ends the encoder and waits for it.
func (r *picture) close() {
	close(r.quit)
	r.done.Wait()
	r.take().Close()
	r.encoder.Close()
}

func (r *picture) audience() *fanout { return &r.sinks }

func (r *picture) stats() RenditionStats {
	rate := r.meter.read()
	return RenditionStats{
		View: MainView, Codec: r.id, Width: r.cfg.Width, Height: r.cfg.Height,
		FPS: rate.PerSecond, Bitrate: rate.Bits, Sinks: len(r.sinks.all()), Skipped: r.skipped.Load(),
	}
}
