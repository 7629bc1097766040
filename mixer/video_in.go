package mixer

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/codec"
)

// videoQueue is how many packets may wait for a decoder: about two seconds. When it is full, all of them
// are dropped and decoding goes on at the next key picture: the newest counts.
const videoQueue = 64

// refreshEvery is the least time between two requests for a key picture.
const refreshEvery = time.Second

// videoIn decodes one source's pictures into its slot in a goroutine of its own.
type videoIn struct {
	slot      *Slot
	refresh   func()
	maxPixels int
	log       *slog.Logger
	packets   chan codec.Packet
	quit      chan struct{}
	overflow  atomic.Bool // packets were dropped; hold the picture until a key one
	done      sync.WaitGroup

	meter            meter
	dropped, invalid atomic.Uint64
	shape            atomic.Pointer[shape]

	// Owned by run.
	decoder *codec.VideoDecoder
	id      codec.ID
	holding bool // wait for a key picture
	asked   time.Time
}

// shape is what the decoder last saw.
type shape struct {
	id            codec.ID
	width, height int
}

func newVideoIn(slot *Slot, refresh func(), maxPixels int, log *slog.Logger) *videoIn {
	v := &videoIn{slot: slot, refresh: refresh, maxPixels: maxPixels, log: log, packets: make(chan codec.Packet, videoQueue), quit: make(chan struct{}), holding: true}
	v.done.Go(v.run)
	return v
}

// put never blocks.
func (v *videoIn) put(p codec.Packet) {
	v.meter.add(len(p.Data))
	select {
	case v.packets <- p:
	default:
		v.overflow.Store(true)
		v.dropped.Add(1)
	}
}

// close ends the decoder and waits for it; what is put later is never decoded.
func (v *videoIn) close() {
	close(v.quit)
	v.done.Wait()
}

// next waits for a packet; false means that the source was closed.
func (v *videoIn) next() (codec.Packet, bool) {
	select {
	case <-v.quit:
		return codec.Packet{}, false
	case p := <-v.packets:
		return p, true
	}
}

func (v *videoIn) run() {
	defer func() { v.decoder.Close() }()
	trouble, well := newLogOnce(v.log, "picture")
	for p, ok := v.next(); ok; p, ok = v.next() {
		if v.overflow.Swap(false) {
			v.dropped.Add(1)
			v.empty()
			continue
		}
		if !v.ready(p) {
			v.dropped.Add(1)
			continue
		}
		if err := v.decode(p); err != nil {
			v.invalid.Add(1)
			v.holding = true
			v.ask()
			trouble(err)
			continue
		}
		well()
	}
}

// empty drops what waits.
func (v *videoIn) empty() {
	for range len(v.packets) {
		<-v.packets
		v.dropped.Add(1)
	}
	v.holding = true
	v.ask()
}

// ready tells whether p can be decoded: after a loss the last good picture stays until a key one.
func (v *videoIn) ready(p codec.Packet) bool {
	if p.Lost || p.Codec != v.id {
		v.holding = true
	}
	if !p.Key && v.holding {
		v.ask()
		return false
	}
	v.holding = false
	return true
}

// ask requests a key picture unless one was requested just now.
func (v *videoIn) ask() {
	if now := time.Now(); now.Sub(v.asked) >= refreshEvery {
		v.asked = now
		v.refresh()
	}
}

func (v *videoIn) decode(p codec.Packet) error {
	if p.Codec != v.id {
		v.decoder.Close()
		v.decoder, v.id = nil, ""
		d, err := codec.NewVideoDecoder(p.Codec, v.maxPixels)
		if err != nil {
			return err
		}
		v.decoder, v.id = d, p.Codec
	}
	frames, err := v.decoder.Decode(p)
	for _, f := range frames {
		v.show(f)
	}
	return err
}

// show takes over f.
func (v *videoIn) show(f *codec.Frame) {
	v.shape.Store(&shape{v.id, f.Width(), f.Height()})
	v.slot.Put(f)
}

func (v *videoIn) stats() SourceStats {
	r := v.meter.read()
	s := SourceStats{FPS: r.PerSecond, Bitrate: r.Bits, Dropped: v.dropped.Load(), Invalid: v.invalid.Load()}
	if sh := v.shape.Load(); sh != nil {
		s.VideoCodec, s.Width, s.Height = sh.id, sh.width, sh.height
	}
	return s
}
