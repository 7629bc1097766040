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
	// cutouts returns the cutouts that tiles need of f.
	cutouts func(f *codec.Frame) []codec.Cutout
	// The functions below must not block. The input's goroutine calls them. requestKeyframe may be called by any goroutine.
	requestKeyframe func()              // asks the sender for a keyframe; called at most once per refreshEvery
	demanded        func(mixer.Demand)  // gets each new demand
	delayed         func(time.Duration) // gets each new delay of lip sync
}

// videoInput decodes the video of one source into the source's slot, in a goroutine of its own, which executes run.
type videoInput struct {
	cfg      videoInputConfig
	packets  chan layerPacket
	changed  chan struct{} // holds one value after the demand has changed
	quit     chan struct{}
	done     sync.WaitGroup
	overflow atomic.Bool // the queue was full, so the packets in it must be dropped

	layers   layerChoice
	uses     atomic.Pointer[videoUse] // what the video is used for by all tiles together
	sleeping atomic.Bool              // no view composes the video, so packets are kept and not decoded; written by run
	motion   motionMeter
	gate     keyframeGate
	decoder  videoDecoder

	meter            mixer.Meter
	dropped, invalid atomic.Uint64
	repeated         atomic.Uint64 // frames that repeat the frame before and were never decoded

	// Owned by run.
	sync      lipSync
	timer     *time.Timer
	filter    loopFilter
	announced mixer.Demand // the demand that was last passed to cfg.demanded
	asleep    sleepBuffer  // packets that are kept while sleeping; empty otherwise
	asleepAt  time.Time    // when sleeping last changed
	postponed repeatBuffer // packets of repeats; empty while sleeping
	detector  repeat.Detector
}

// layerPacket is a packet of one layer.
type layerPacket struct {
	layer   int
	arrived time.Time
	due     time.Time // when the packet's frame is to be shown; zero until waitUntilDue has set it
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

// enqueue queues a packet of layer n. It never blocks. Of a layer that is not in use, only key packets are queued, because
// the size of its frames can be read from them.
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

// demand sets what the video is used for from now on.
func (v *videoInput) demand(u videoUse) {
	if old := v.uses.Swap(&u); *old != u {
		v.notifyChange()
	}
}

// notifyChange wakes run, so that it follows the demand.
func (v *videoInput) notifyChange() {
	select {
	case v.changed <- struct{}{}:
	default:
	}
}

// demanded reports whether any view composes the video. The decoder follows this a moment later.
func (v *videoInput) demanded() bool { return v.uses.Load().decode }

// calm reports whether hardly anything moves in the video.
func (v *videoInput) calm() bool { return v.motion.low.Load() }

// requestKeyframe asks the sender for a keyframe, unless one was requested within refreshEvery. Safe for concurrent use.
func (v *videoInput) requestKeyframe() { v.gate.requests.request() }

// close stops the decoder and waits for it. Packets that are queued later are never decoded.
func (v *videoInput) close() {
	close(v.quit)
	v.done.Wait()
}

// run processes packets and follows the demand until close.
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

// waitUntilDue sets p.due and waits until that time. Later packets meanwhile stay in the queue. The result is false if
// close was called meanwhile.
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
	used, switched := v.layers.admit(p)
	if !used {
		return nil
	}
	if switched {
		v.forget()
		p.Lost = true // the decoder has not got the packets of this layer before p
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
	if !v.gate.admit(&p.Packet, v.decoder.id) {
		v.dropped.Add(1)
		return nil
	}
	v.measureMotion(p.Packet)
	return v.decode(p.Packet, true)
}

// followDemand follows the demand: it chooses the layer, and starts or stops decoding.
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

// dropQueue drops all queued packets and all kept ones. Decoding continues at the next keyframe, which it requests.
func (v *videoInput) dropQueue() {
	for range len(v.packets) {
		<-v.packets
		v.dropped.Add(1)
	}
	v.gate.closed = true
	v.forget()
	v.requestKeyframe()
}

// forget drops the packets that were kept. It is called before packets that do not continue the kept ones.
func (v *videoInput) forget() {
	v.asleep.clear()
	v.postponed.clear()
	v.detector = repeat.Detector{}
}

// fail counts a packet that could not be decoded. Until the next keyframe the last good frame is shown.
func (v *videoInput) fail() {
	v.invalid.Add(1)
	v.gate.fail()
}

// decode decodes p. If show is set, the frames that p completes are shown.
func (v *videoInput) decode(p mixer.Packet, show bool) error {
	if err := v.decoder.open(p.Codec); err != nil {
		return err
	}
	v.chooseLoopFilter(p)
	return v.decoder.decode(p, show)
}

// chooseLoopFilter lets the decoder skip the loop filter if the difference is too small to see.
func (v *videoInput) chooseLoopFilter(p mixer.Packet) {
	skip, request := v.filter.decide(p.Key, *v.uses.Load(), v.decoder.size(), time.Now())
	v.decoder.skipLoopFilter(skip)
	if request {
		v.requestKeyframe()
	}
}

// measureMotion counts p in the motion meter once the size of frames is known.
func (v *videoInput) measureMotion(p mixer.Packet) {
	if size := v.decoder.size(); size.W > 0 {
		v.motion.add(p, size)
	}
}

// stats returns the video's part of the source's statistics.
func (v *videoInput) stats() mixer.SourceStats {
	rate := v.meter.Read()
	s := mixer.SourceStats{
		FPS: rate.PerSecond, Bitrate: rate.Bits, Dropped: v.dropped.Load(), Invalid: v.invalid.Load(), Repeated: v.repeated.Load(),
		Layer: int(v.layers.current.Load()), Decoded: !v.sleeping.Load(),
	}
	if format := v.decoder.format.Load(); format != nil {
		s.VideoCodec, s.Width, s.Height = format.id, format.size.W, format.size.H
	}
	return s
}
