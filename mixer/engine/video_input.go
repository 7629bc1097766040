package engine

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/codec"
	"azulejo/codec/repeat"
	"azulejo/mixer"
)

// videoQueue is the number of packets that may wait for a decoder: about two seconds of video. If the queue is full, all
// packets in it are dropped, and decoding continues at the next keyframe. So the video does not lag behind.
const videoQueue = 64

// videoInputConfig holds what a videoInput needs of its source.
type videoInputConfig struct {
	layers    int // number of layers, at least 1
	maxPixels int // greatest size of a frame in pixels; 0: no limit
	log       *slog.Logger
	slot      *frameSlot  // gets the decoded frames
	audio     audioTiming // timing of the source's audio, for lip sync
	// cutouts returns the cutouts that tiles need of the frame f.
	cutouts func(f *codec.Frame) []codec.Cutout
	// The functions below must not block. Only the input's goroutine calls demanded and delayed. Any goroutine may call
	// requestKeyframe.
	requestKeyframe func()              // asks the sender for a keyframe; called at most once per refreshEvery
	demanded        func(mixer.Demand)  // gets each new demand
	delayed         func(time.Duration) // gets each new delay of lip sync
}

// videoInput decodes the video of one source into the source's slot. Its goroutine executes run.
type videoInput struct {
	cfg      videoInputConfig
	packets  chan layerPacket
	changed  chan struct{} // holds one value after the demand has changed
	quit     chan struct{}
	done     sync.WaitGroup
	overflow atomic.Bool // the queue was full, so the packets in it must be dropped

	layers   layerChoice
	uses     atomic.Pointer[videoUse] // how all tiles together use the video
	sleeping atomic.Bool              // the video is asleep: packets are kept and not decoded; written by run
	motion   motionMeter
	gate     keyframeGate
	decoder  videoDecoder

	obstacle         obstacle                            // why packets give no frames
	tooLarge         atomic.Pointer[mixer.TooLargeError] // the last frame that was too large; nil: none was
	meter            mixer.Meter                         // counts the packets that come
	dropped, invalid atomic.Uint64
	repeated         atomic.Uint64 // frames that repeat the frame before and were never decoded

	// Owned by run.
	sync         lipSync
	timer        *time.Timer
	filter       loopFilter
	announced    mixer.Demand // the demand that was last passed to cfg.demanded
	asleep       sleepBuffer  // packets that are kept while sleeping; empty otherwise
	sleepChanged time.Time    // when the video last fell asleep or woke
	postponed    repeatBuffer // packets of repeats; empty while sleeping
	detector     repeat.Detector
	copies       bool   // the last packet of the layer in use is a repeat
	equal        bool   // the last packet of the layer in use has the same data as the packet before
	previous     []byte // data of the last packet of the layer in use; nil after a change of the layer
}

// layerPacket is a packet of one layer.
type layerPacket struct {
	layer   int
	arrived time.Time
	due     time.Time // when the packet's frame is to be shown; zero before waitUntilDue
	mixer.Packet
}

func newVideoInput(cfg videoInputConfig) *videoInput {
	v := &videoInput{
		cfg:     cfg,
		packets: make(chan layerPacket, videoQueue), changed: make(chan struct{}, 1), quit: make(chan struct{}),
		gate:      keyframeGate{requests: keyframeRequests{send: cfg.requestKeyframe}, closed: true},
		decoder:   videoDecoder{maxPixels: cfg.maxPixels, cutouts: cfg.cutouts},
		sync:      newLipSync(cfg.audio, cfg.layers, cfg.delayed),
		announced: mixer.Demand{Layer: cfg.layers - 1},
	}
	v.layers.reset(cfg.layers, time.Now())
	v.uses.Store(&videoUse{})
	v.sleeping.Store(true)
	v.done.Go(v.run)
	return v
}

// enqueue queues a packet of layer n. It never blocks. If the layer is neither in use nor wanted, only packets of keyframes are
// queued, because they tell the size of the layer's frames. All other packets of the layer are discarded.
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
	case v.packets <- layerPacket{layer: n, arrived: now, Packet: p}:
	default:
		v.overflow.Store(true)
		v.dropped.Add(1)
	}
}

// demand sets how all tiles together use the video from now on.
func (v *videoInput) demand(u videoUse) {
	if old := v.uses.Swap(&u); *old != u {
		v.notifyChange()
	}
}

// notifyChange makes run call followDemand.
func (v *videoInput) notifyChange() {
	select {
	case v.changed <- struct{}{}:
	default:
	}
}

// demanded reports whether any view composes the video. run starts and stops decoding a moment later.
func (v *videoInput) demanded() bool { return v.uses.Load().decode }

// calm reports whether hardly anything moves in the video.
func (v *videoInput) calm() bool { return v.motion.low.Load() }

// requestKeyframe asks the sender for a keyframe, unless one was requested within refreshEvery. Safe for concurrent use.
func (v *videoInput) requestKeyframe() { v.gate.requests.request() }

// close stops run and waits for it. Packets that are queued later are never decoded.
func (v *videoInput) close() {
	close(v.quit)
	v.done.Wait()
}

// run processes packets, and changes of the demand, until close.
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
			frames := v.decoder.frames
			err := v.process(p)
			v.judge(p, frames)
			if err != nil {
				v.fail(p.Packet, err)
				logFailure(err)
			} else if !v.gate.closed {
				logRecovery()
			}
		}
	}
}

// waitUntilDue sets p.due and waits until that time. Later packets stay in the queue meanwhile. The result is false if close
// was called.
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

// process handles one packet. The packet is decoded, kept or dropped.
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
	if !v.proves(p) {
		return nil
	}
	used, switched := v.layers.admit(p)
	if !used {
		return nil
	}
	if switched {
		v.forget()
		v.cfg.slot.expectOther()
		p.Lost = true // the decoder has not got the packets of this layer before p
	}
	same := v.same(p.Packet)
	if v.sleeping.Load() {
		v.keepAsleep(p.Packet, same)
		return nil
	}
	if v.postponable(p.Packet) {
		return v.postpone(p.Packet)
	}
	v.decodePostponed(p.Packet)
	if !v.gate.admit(&p.Packet, v.decoder.codec) {
		v.dropped.Add(1)
		v.obstacle.meet(noKeyframe(), false)
		return nil
	}
	v.measureMotion(p.Packet)
	if v.equal {
		v.cfg.slot.expectOther() // a decoder may make another frame of equal data, for example by adding the same differences again
	}
	return v.decode(p.Packet, v.cfg.slot.replace)
}

// followDemand chooses the layer for the current demand, announces a new demand, and starts or stops decoding.
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
	if decode := u.decode || v.mustCheck(u); decode == v.sleeping.Load() {
		if decode {
			v.wake()
		} else {
			v.asleep.packetList = v.postponed.drain()
		}
		v.sleeping.Store(!decode)
		v.sleepChanged = time.Now()
	}
}

// mustCheck reports whether the video must be decoded although no view composes it. That is so if it is frozen and passed through,
// because only decoded frames tell that it has changed again. If a keyframe is missing, the video stays asleep until the keyframe
// comes. Otherwise the source would be lost meanwhile, and passthrough would end.
func (v *videoInput) mustCheck(u videoUse) bool {
	return u.w > 0 && v.cfg.slot.frozen() && (!v.gate.closed || len(v.asleep.packets) > 0)
}

// dropQueue drops all packets that are queued or kept, and requests a keyframe. Decoding continues at that keyframe.
func (v *videoInput) dropQueue() {
	for range len(v.packets) {
		<-v.packets
		v.dropped.Add(1)
	}
	v.gate.closed = true
	v.layers.excuse()
	v.forget()
	v.requestKeyframe()
}

// forget drops the packets that are kept. It is called when the next packet does not continue the kept packets.
func (v *videoInput) forget() {
	v.asleep.clear()
	v.postponed.clear()
	v.detector, v.previous = repeat.Detector{}, nil
}

// fail records that p could not be decoded. The last good frame is shown until the next keyframe.
func (v *videoInput) fail(p mixer.Packet, err error) {
	v.invalid.Add(1)
	v.gate.fail()
	v.meetUndecodable(p, err)
}

// noKeyframe returns the trouble of packets that wait for a keyframe.
func noKeyframe() mixer.Trouble {
	return mixer.Trouble{Reason: mixer.ReasonNoKeyframe, Detail: "video comes, but no keyframe that decoding can start at"}
}

// meetUndecodable records that p gives no frame because of err.
func (v *videoInput) meetUndecodable(p mixer.Packet, err error) {
	trouble := mixer.Trouble{Reason: mixer.ReasonDamaged, Detail: err.Error()}
	var large *mixer.TooLargeError
	if errors.As(err, &large) {
		v.tooLarge.Store(large)
		trouble = mixer.Trouble{Reason: mixer.ReasonTooLarge, Detail: large.Error()}
	}
	v.obstacle.meet(trouble, p.Key)
}

// decode decodes p. show gets the frames that p completes; nil: they are dropped.
func (v *videoInput) decode(p mixer.Packet, show func(codec.Decoded)) error {
	if err := v.decoder.open(p.Codec); err != nil {
		return err
	}
	v.chooseLoopFilter(p)
	frames, err := v.decoder.decode(p, show)
	if frames > 0 {
		v.obstacle.pass()
	} else if err == nil {
		v.obstacle.meet(mixer.Trouble{Reason: mixer.ReasonDamaged, Detail: "video comes, but the decoder makes no frames of it"}, false)
	}
	return err
}

// chooseLoopFilter makes the decoder skip the loop filter for p if tiles are so small that the difference is invisible.
func (v *videoInput) chooseLoopFilter(p mixer.Packet) {
	skip, request := v.filter.decide(p.Key, *v.uses.Load(), v.decoder.size(), time.Now())
	v.decoder.skipLoopFilter(skip)
	if request {
		v.requestKeyframe()
	}
}

// measureMotion counts p in the motion meter if the size of frames is known.
func (v *videoInput) measureMotion(p mixer.Packet) {
	if size := v.decoder.size(); size.W > 0 {
		v.motion.add(p, size)
	}
}

// stats returns the video's part of the source's statistics.
func (v *videoInput) stats() mixer.SourceStats {
	s := mixer.SourceStats{
		FPS: v.cfg.slot.frames.Read().PerSecond, Bitrate: v.meter.Read().Bits, Dropped: v.dropped.Load(), Invalid: v.invalid.Load(), Repeated: v.repeated.Load(),
		Layer: int(v.layers.current.Load()), Decoded: !v.sleeping.Load(),
	}
	if format := v.decoder.format.Load(); format != nil {
		s.VideoCodec, s.Width, s.Height = format.codec, format.size.W, format.size.H
	}
	return s
}
