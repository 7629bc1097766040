package engine

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/codec"
	"azulejo/codec/repeat"
	"azulejo/mixer"
)

// videoQueue is how many packets may wait for a decoder: about two seconds. When it is full, all of them
// are dropped and decoding goes on at the next key picture: the newest counts.
const videoQueue = 64

// refreshEvery is the least time between two requests for a key picture.
const refreshEvery = time.Second

// videoIn decodes one source's pictures into its slot in a goroutine of its own.
type videoIn struct {
	source    *Source
	maxPixels int
	log       *slog.Logger
	packets   chan layered
	poked     chan struct{} // the demand has changed
	quit      chan struct{}
	overflow  atomic.Bool // packets were dropped; hold the picture until a key one
	done      sync.WaitGroup

	layers    []layer
	now, next atomic.Int32 // the layers that are used and wanted
	uses      atomic.Pointer[use]
	still     atomic.Bool // hardly anything moves
	sleeping  atomic.Bool // nobody sees the picture; run writes it

	meter            mixer.Meter
	dropped, invalid atomic.Uint64
	repeated         atomic.Uint64 // pictures that were never decoded: they looked like the one before
	shape            atomic.Pointer[shape]

	asking sync.Mutex
	asked  time.Time // when a key picture was requested last; under asking

	// Owned by run.
	sync     lipSync
	timer    *time.Timer
	decoder  *codec.VideoDecoder
	cutouts  []codec.Cutout // that are seen of the pictures
	id       mixer.Codec
	holding  bool // wait for a key picture
	told     mixer.Demand
	kept     []mixer.Packet // that were not decoded yet; decoding can go on with them
	weight   int            // bytes of kept
	slept    time.Time      // when the last change of sleeping was
	detector repeat.Detector
	prompt   bool // the last packet's picture came at once; the decoder holds none back
	filter   loopFilter
	motion   float64 // bits a pixel of late pictures that are not key ones
}

// layered is a packet of one layer.
type layered struct {
	layer int
	came  time.Time
	due   time.Time // when it is to be shown; zero before run has it
	mixer.Packet
}

// shape is what the decoder last saw.
type shape struct {
	id   mixer.Codec
	size mixer.Size
}

func newVideoIn(source *Source, maxPixels int, log *slog.Logger) *videoIn {
	v := &videoIn{
		source: source, maxPixels: maxPixels, log: log, layers: make([]layer, source.cfg.Layers),
		packets: make(chan layered, videoQueue), poked: make(chan struct{}, 1), quit: make(chan struct{}), holding: true,
	}
	v.uses.Store(&use{})
	v.next.Store(int32(source.cfg.Layers - 1))
	v.now.Store(v.next.Load())
	v.sleeping.Store(true)
	v.told = mixer.Demand{Layer: source.cfg.Layers - 1}
	v.done.Go(v.run)
	return v
}

// put never blocks. Of layers that are not used only key packets matter: they tell the size.
func (v *videoIn) put(n int, p mixer.Packet) {
	now := time.Now()
	v.layers[n].seen.Store(now.UnixNano())
	if int32(n) != v.now.Load() && int32(n) != v.next.Load() && !p.Key {
		if v.layers[v.now.Load()].silent(now) {
			v.poke()
		}
		return
	}
	v.meter.Add(len(p.Data))
	select {
	case v.packets <- layered{layer: n, came: now, Packet: p}:
	default:
		v.overflow.Store(true)
		v.dropped.Add(1)
	}
}

// demand says what the picture is used for from now on.
func (v *videoIn) demand(u use) {
	if old := v.uses.Swap(&u); *old != u {
		v.poke()
	}
}

func (v *videoIn) poke() {
	select {
	case v.poked <- struct{}{}:
	default:
	}
}

// demanded tells whether anybody sees or records the picture; the decoder follows a moment later.
func (v *videoIn) demanded() bool { return v.uses.Load().decode }

// calm tells whether hardly anything moves in the picture.
func (v *videoIn) calm() bool { return v.still.Load() }

// close ends the decoder and waits for it; what is put later is never decoded.
func (v *videoIn) close() {
	close(v.quit)
	v.done.Wait()
}

func (v *videoIn) run() {
	defer func() { v.decoder.Close() }()
	v.timer = time.NewTimer(0)
	defer v.timer.Stop()
	trouble, well := newLogOnce(v.log, "picture")
	for {
		select {
		case <-v.quit:
			return
		case <-v.poked:
			v.reconsider()
		case p := <-v.packets:
			if !v.hold(&p) {
				return
			}
			if err := v.take(p); err != nil {
				v.fail()
				trouble(err)
			} else if !v.holding {
				well()
			}
		}
	}
}

// take uses one packet.
func (v *videoIn) take(p layered) error {
	if v.overflow.Swap(false) {
		v.dropped.Add(1)
		v.empty()
		return nil
	}
	if p.Key {
		v.layers[p.layer].learn(p.Packet)
	}
	v.reconsider()
	if !v.turn(p) {
		return nil
	}
	repeats := v.repeats(p.Packet)
	if v.sleeping.Load() {
		v.keep(p.Packet)
		return nil
	}
	if repeats {
		return v.postpone(p.Packet)
	}
	v.catchUp(p.Packet)
	if !v.ready(p.Packet) {
		v.dropped.Add(1)
		return nil
	}
	v.watch(p.Packet)
	return v.decode(p.Packet, true)
}

// reconsider follows the demand: which layer, and whether to decode at all.
func (v *videoIn) reconsider() {
	u := *v.uses.Load()
	next := choose(v.layers, int(v.now.Load()), u, time.Now())
	if v.next.Swap(int32(next)) != int32(next) {
		v.layers[next].wanted = time.Now()
	}
	if int32(next) != v.now.Load() {
		v.ask()
	}
	if d := (mixer.Demand{Width: u.w, Height: u.h, Layer: next}); d != v.told {
		v.told = d
		v.source.cfg.Demanded(d)
	}
	if u.decode == v.sleeping.Load() {
		if u.decode {
			v.wake()
		}
		v.sleeping.Store(!u.decode)
		v.slept = time.Now()
	}
}

// turn tells whether p is to be used; the wanted layer takes over at its key packet.
func (v *videoIn) turn(p layered) bool {
	if int32(p.layer) == v.now.Load() {
		return true
	}
	if int32(p.layer) != v.next.Load() || !p.Key {
		return false
	}
	v.now.Store(int32(p.layer))
	v.forget()
	v.detector = repeat.Detector{}
	return true
}

// empty drops what waits.
func (v *videoIn) empty() {
	for range len(v.packets) {
		<-v.packets
		v.dropped.Add(1)
	}
	v.holding = true
	v.forget()
	v.detector = repeat.Detector{}
	v.ask()
}

// ready tells whether p can be decoded: after a loss the last good picture stays until a key one.
func (v *videoIn) ready(p mixer.Packet) bool {
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

// ask requests a key picture of the sender unless one was requested just now. Safe for concurrent use.
func (v *videoIn) ask() {
	if v.mayAsk(time.Now()) {
		v.source.cfg.Refresh()
	}
}

func (v *videoIn) mayAsk(now time.Time) bool {
	v.asking.Lock()
	defer v.asking.Unlock()
	if now.Sub(v.asked) < refreshEvery {
		return false
	}
	v.asked = now
	return true
}

// fail holds the last good picture.
func (v *videoIn) fail() {
	v.invalid.Add(1)
	v.holding = true
	v.ask()
}

// decode shows what p completes, or only decodes it.
func (v *videoIn) decode(p mixer.Packet, show bool) error {
	if p.Codec != v.id {
		v.decoder.Close()
		v.decoder, v.id = nil, ""
		d, err := codec.NewVideoDecoder(p.Codec, v.maxPixels)
		if err != nil {
			return err
		}
		v.decoder, v.id = d, p.Codec
	}
	v.spare(p)
	decoded, err := v.decoder.DecodeCutouts(p, v.seen(show))
	v.prompt = false
	for _, d := range decoded {
		f := d.Frame
		v.shape.Store(&shape{v.id, mixer.Size{W: f.Width(), H: f.Height()}})
		v.prompt = err == nil && f.PTS == p.PTS
		if !show {
			d.Close()
			continue
		}
		v.cutouts = v.source.stills.cutouts(f)
		v.source.slot.Put(d)
	}
	return err
}

// seen is what decoders are to make of a picture: what is seen of the last one.
func (v *videoIn) seen(show bool) []codec.Cutout {
	if !show {
		return nil
	}
	return v.cutouts
}

// spare skips the loop filter where nobody would see the difference.
func (v *videoIn) spare(p mixer.Packet) {
	var size mixer.Size
	if sh := v.shape.Load(); sh != nil {
		size = sh.size
	}
	skip, ask := v.filter.decide(p.Key, *v.uses.Load(), size, time.Now())
	v.decoder.SkipLoopFilter(skip)
	if ask {
		v.ask()
	}
}

// stillMotion is the bits a pixel below which a picture counts as hardly changing. Street footage of 720p15
// with traffic has 0.08, the same at night without any 0.01.
const stillMotion = 0.02

// watch measures how much moves.
func (v *videoIn) watch(p mixer.Packet) {
	sh := v.shape.Load()
	if p.Key || sh == nil {
		return
	}
	bits := float64(8*len(p.Data)) / float64(sh.size.W*sh.size.H)
	v.motion += (bits - v.motion) / 16
	v.still.Store(v.motion < stillMotion)
}

func (v *videoIn) stats() mixer.SourceStats {
	r := v.meter.Read()
	s := mixer.SourceStats{
		FPS: r.PerSecond, Bitrate: r.Bits, Dropped: v.dropped.Load(), Invalid: v.invalid.Load(), Repeated: v.repeated.Load(),
		Layer: int(v.now.Load()), Decoded: !v.sleeping.Load(),
	}
	if sh := v.shape.Load(); sh != nil {
		s.VideoCodec, s.Width, s.Height = sh.id, sh.size.W, sh.size.H
	}
	return s
}
