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

// videoQueue is how many packets may wait for a decoder: about two seconds of video. When the queue is full, all of
// them are dropped, and decoding continues at the next keyframe: the newest frame counts.
const videoQueue = 64

// videoInputConfig is what a videoInput needs of its source.
type videoInputConfig struct {
	layers    int // at least 1
	maxPixels int // of a frame; 0: no limit
	log       *slog.Logger
	slot      *frameSlot  // gets the decoded frames
	audio     audioTiming // for lip sync
	// cutouts returns what tiles show of a frame of the size of f.
	cutouts func(f *codec.Frame) []codec.Cutout
	// The functions below are called by the input's goroutine, and requestKeyframe by any. They must not block.
	requestKeyframe func() // at most once per refreshEvery
	demanded        func(mixer.Demand)
	delayed         func(time.Duration) // the delay of lip sync has changed
}

// videoInput decodes one source's video into its slot, in a goroutine of its own. That goroutine runs run.
type videoInput struct {
	cfg      videoInputConfig
	packets  chan layerPacket
	changed  chan struct{} // holds one value after the demand has changed
	quit     chan struct{}
	done     sync.WaitGroup
	overflow atomic.Bool // the queue was full: drop what it holds

	layers   layerChoice
	uses     atomic.Pointer[videoUse]
	sleeping atomic.Bool // nobody sees the video: packets are kept, not decoded; written by run
	motion   motionMeter
	gate     keyframeGate
	decoder  videoDecoder

	meter            mixer.Meter
	dropped, invalid atomic.Uint64
	repeated         atomic.Uint64 // frames that were never decoded, because they repeat the frame before

	// Owned by run.
	sync      lipSync
	timer     *time.Timer
	filter    loopFilter
	announced mixer.Demand // was passed to demanded last
	asleep    sleepBuffer  // empty while somebody sees the video
	asleepAt  time.Time    // when sleeping changed last
	postponed repeatBuffer // empty while nobody sees the video
	detector  repeat.Detector
}

// layerPacket is a packet of one layer.
type layerPacket struct {
	layer int
	came  time.Time
	due   time.Time // when its frame is to be shown; zero until lip sync has set it
	mixer.Packet
}

func newVideoInput(cfg videoInputConfig) *videoInput {
	v := &videoInput{
		cfg:     cfg,
		packets: make(chan layerPacket, videoQueue), changed: make(chan struct{}, 1), quit: make(chan struct{}),
		gate:      keyframeGate{requests: keyframeRequests{send: cfg.requestKeyframe}, closed: true},
		decoder:   videoDecoder{maxPixels: cfg.maxPixels, slot: cfg.slot, cutouts: cfg.cutouts},
		sync:      newLipSync(cfg.audio, cfg.layers, cfg.delayed),
		announced: mixer.Demand{Layer: cfg.layers - 1},
	}
	v.layers.reset(cfg.layers)
	v.uses.Store(&videoUse{})
	v.sleeping.Store(true)
	v.done.Go(v.run)
	return v
}

// enqueue queues a packet of layer n. It never blocks. Of layers that are not in use only key packets matter, for they
// tell the size.
func (v *videoInput) enqueue(n int, p mixer.Packet) {
	now := time.Now()
	v.layers.arrived(n, now)
	if !v.layers.uses(n) && !p.Key {
		if v.layers.stopped(now) {
			v.notifyChange()
		}
		return
	}
	v.meter.Add(len(p.Data))
	select {
	case v.packets <- layerPacket{layer: n, came: now, Packet: p}:
	default:
		v.overflow.Store(true)
		v.dropped.Add(1)
	}
}

// demand sets what the video is used for from now on.
func (v *videoInput) demand(u videoUse) {
	if old := v.uses.Swap(&u); *old != u {
		v.notifyChange()
	}
}

func (v *videoInput) notifyChange() {
	select {
	case v.changed <- struct{}{}:
	default:
	}
}

// demanded reports whether anybody sees or records the video. The decoder follows a moment later.
func (v *videoInput) demanded() bool { return v.uses.Load().decode }

// calm reports whether hardly anything moves in the video.
func (v *videoInput) calm() bool { return v.motion.low.Load() }

// requestKeyframe requests a keyframe of the sender unless one was requested just now. Safe for concurrent use.
func (v *videoInput) requestKeyframe() { v.gate.requests.request() }

// close stops the decoder and waits for it. Packets that are queued later are never decoded.
func (v *videoInput) close() {
	close(v.quit)
	v.done.Wait()
}

func (v *videoInput) run() {
	defer v.decoder.close()
	v.timer = time.NewTimer(0)
	defer v.timer.Stop()
	logFailure, logRecovery := newFailureLog(v.cfg.log, "picture")
	for {
		select {
		case <-v.quit:
			return
		case <-v.changed:
			v.followDemand()
		case p := <-v.packets:
			if !v.waitUntilDue(&p) {
				return
			}
			if err := v.process(p); err != nil {
				v.fail()
				logFailure(err)
			} else if !v.gate.closed {
				logRecovery()
			}
		}
	}
}

// waitUntilDue sets when p is due, and waits until then. Packets behind it stay in the queue. The result is false if
// the source was closed meanwhile.
func (v *videoInput) waitUntilDue(p *layerPacket) bool {
	p.due = v.sync.schedule(*p)
	wait := time.Until(p.due)
	if wait <= 0 {
		return true
	}
	v.timer.Reset(wait)
	for {
		select {
		case <-v.quit:
			return false
		case <-v.changed:
			v.followDemand()
		case <-v.timer.C:
			return true
		}
	}
}

// process handles one packet: it is decoded, kept or dropped.
func (v *videoInput) process(p layerPacket) error {
	if v.overflow.Swap(false) {
		v.dropped.Add(1)
		v.dropQueue()
		return nil
	}
	if p.Key {
		v.layers.learnSize(p)
	}
	v.followDemand()
	used, switched := v.layers.admit(p)
	if !used {
		return nil
	}
	if switched {
		v.forget()
	}
	repeats := v.repeats(p.Packet)
	if v.sleeping.Load() {
		v.keepAsleep(p.Packet)
		return nil
	}
	if repeats {
		return v.postpone(p.Packet)
	}
	v.decodePostponed(p.Packet)
	if !v.gate.admit(p.Packet, v.decoder.id) {
		v.dropped.Add(1)
		return nil
	}
	v.measureMotion(p.Packet)
	return v.decode(p.Packet, true)
}

// followDemand brings the layer, and whether anything is decoded, in line with the demand.
func (v *videoInput) followDemand() {
	u := *v.uses.Load()
	wanted, switching := v.layers.choose(u, time.Now())
	if switching {
		v.requestKeyframe()
	}
	if d := (mixer.Demand{Width: u.w, Height: u.h, Layer: wanted}); d != v.announced {
		v.announced = d
		v.cfg.demanded(d)
	}
	if u.decode == v.sleeping.Load() {
		if u.decode {
			v.wake()
		} else {
			v.asleep.packetList = v.postponed.drain()
		}
		v.sleeping.Store(!u.decode)
		v.asleepAt = time.Now()
	}
}

// dropQueue drops the packets that wait, and everything that depends on them.
func (v *videoInput) dropQueue() {
	for range len(v.packets) {
		<-v.packets
		v.dropped.Add(1)
	}
	v.gate.closed = true
	v.forget()
	v.requestKeyframe()
}

// forget drops the packets that were kept: those that come are not a continuation of them.
func (v *videoInput) forget() {
	v.asleep.clear()
	v.postponed.clear()
	v.detector = repeat.Detector{}
}

// fail counts a packet that could not be decoded. The last good frame is shown until the next keyframe.
func (v *videoInput) fail() {
	v.invalid.Add(1)
	v.gate.fail()
}

// decode decodes p, and shows the frames that it completes if show is set.
func (v *videoInput) decode(p mixer.Packet, show bool) error {
	if err := v.decoder.open(p.Codec); err != nil {
		return err
	}
	v.chooseLoopFilter(p)
	return v.decoder.decode(p, show)
}

// chooseLoopFilter skips the loop filter where the difference is too small to see.
func (v *videoInput) chooseLoopFilter(p mixer.Packet) {
	skip, request := v.filter.decide(p.Key, *v.uses.Load(), v.decoder.size(), time.Now())
	v.decoder.skipLoopFilter(skip)
	if request {
		v.requestKeyframe()
	}
}

func (v *videoInput) measureMotion(p mixer.Packet) {
	if size := v.decoder.size(); size.W > 0 {
		v.motion.add(p, size)
	}
}

func (v *videoInput) stats() mixer.SourceStats {
	r := v.meter.Read()
	s := mixer.SourceStats{
		FPS: r.PerSecond, Bitrate: r.Bits, Dropped: v.dropped.Load(), Invalid: v.invalid.Load(), Repeated: v.repeated.Load(),
		Layer: int(v.layers.current.Load()), Decoded: !v.sleeping.Load(),
	}
	if sh := v.decoder.format.Load(); sh != nil {
		s.VideoCodec, s.Width, s.Height = sh.id, sh.size.W, sh.size.H
	}
	return s
}
