package engine

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"azulejo/mixer"
	"azulejo/mixer/engine/pcm"
	"azulejo/mixer/transit"
)

// The audio of all sources is mixed in blocks of this length.
const (
	blockTime   = 20 * time.Millisecond
	blockLength = mixer.SampleRate / 50 * mixer.Channels // interleaved samples in a block
)

// A source adds nothing to the mix after its audio has been below audibleLevel, in dBFS, for audibleHold.
const (
	audibleLevel = -60
	audibleHold  = time.Second
)

// audioQueue is the number of packets that may wait for a decoder.
const audioQueue = 32

// audioInput decodes one source's audio into a jitter buffer, in a goroutine of its own. The audio ticker pulls blocks from the
// jitter buffer.
type audioInput struct {
	log      *slog.Logger
	born     time.Time // when the input was made; arrival times are durations since then
	packets  chan mixer.Packet
	quit     chan struct{}
	done     sync.WaitGroup
	muted    atomic.Bool
	speaking atomic.Bool  // written by the audio ticker
	arrived  atomic.Int64 // when a packet last came, in Unix ns; zero if none has come
	invalid  atomic.Uint64

	mu        sync.Mutex
	buffer    *jitterBuffer
	byCapture transit.Floor // transit floor of the audio by Packet.Captured, the sender's wall clock
	level     float64       // level of the newest block, in dBFS
	codec     mixer.Codec   // codec of the newest packet
	audibleAt time.Time     // when a block last reached audibleLevel
	videoAt   time.Time     // when videoLead was last called, which sets buffer.minDelay

	// Owned by the audio ticker.
	block       []int16 // the newest block, lent to the mix
	gain        float32 // the gain at the end of the newest block
	lastAudible int64   // the last tick at which the source added audio to the mix
}

func newAudioInput(log *slog.Logger) *audioInput {
	a := &audioInput{
		log: log, born: time.Now(), packets: make(chan mixer.Packet, audioQueue), quit: make(chan struct{}),
		buffer: newJitterBuffer(), block: make([]int16, blockLength), level: pcm.Floor, lastAudible: -mixMinusHold,
	}
	a.done.Go(a.run)
	return a
}

// enqueue queues a packet. It never blocks. If the queue is full, because many packets came at once, the oldest packet is
// dropped: the jitter buffer would drop its audio too.
func (a *audioInput) enqueue(p mixer.Packet) {
	a.arrived.Store(time.Now().UnixNano())
	for {
		select {
		case a.packets <- p:
			return
		default:
		}
		select {
		case <-a.packets:
			a.invalid.Add(1)
		default: // the decoder was faster
		}
	}
}

// silence returns the time since a packet last came. It returns never if none has come.
func (a *audioInput) silence(now time.Time) time.Duration {
	if last := a.arrived.Load(); last != 0 {
		return now.Sub(time.Unix(0, last))
	}
	return never
}

// close stops run and waits for it. Packets that are queued later are never decoded.
func (a *audioInput) close() {
	close(a.quit)
	a.done.Wait()
}

// next waits for a packet. It returns false if the input was closed.
func (a *audioInput) next() (mixer.Packet, bool) {
	select {
	case <-a.quit:
		return mixer.Packet{}, false
	case p := <-a.packets:
		return p, true
	}
}

// run decodes the queued packets until the input is closed.
func (a *audioInput) run() {
	var decoder audioDecoder
	defer decoder.close()
	logFailure, logRecovery := newFailureLog(a.log, "sound")
	for p, ok := a.next(); ok; p, ok = a.next() {
		if a.muted.Load() {
			continue // nobody hears the packet
		}
		if err := a.decode(&decoder, p, time.Now()); err != nil {
			a.invalid.Add(1)
			logFailure(err)
			continue
		}
		logRecovery()
	}
}

// decode decodes p, which was received at the given time, and pushes its audio into the jitter buffer. If packets before p were
// lost, it also pushes the audio that the decoder restores.
func (a *audioInput) decode(d *audioDecoder, p mixer.Packet, received time.Time) error {
	if err := d.open(p); err != nil {
		return err
	}
	restored := d.buf[:0]
	if p.Lost {
		restored = d.restore(restored, p, a.missing(p, received))
	}
	samples, err := d.decode(restored, p)
	if err != nil {
		return err
	}
	d.buf = samples
	a.push(p, samples[:len(restored)], samples[len(restored):], received)
	return nil
}

// missing returns how much audio is missing between the end of the jitter buffer and p.
func (a *audioInput) missing(p mixer.Packet, received time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.buffer.missing(a.arrival(received), p.PTS)
}

// push copies audio into the jitter buffer: restored, which was lost before p, and then samples, the audio of p.
func (a *audioInput) push(p mixer.Packet, restored, samples []int16, received time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.codec = p.Codec
	arrived := a.arrival(received)
	if p.Captured != 0 {
		a.byCapture.Add(arrived, arrived-p.Captured)
	}
	a.buffer.push(arrived, p.PTS, restored, samples)
}

// pull returns the block for the tick that is due at tickTime, or nil if the source is silent. The block is valid until the next
// call. When the source is muted or unmuted, the block fades out or in. Only the audio ticker calls pull.
func (a *audioInput) pull(tickTime time.Time) []int16 {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.level = pcm.Floor
	if tickTime.Sub(a.videoAt) > leastPatience {
		a.buffer.minDelay = 0 // there is no video to wait for
	}
	if a.buffer.pull(a.arrival(tickTime), a.block) {
		a.level = pcm.Level(a.block)
	}
	if !a.fade(tickTime) {
		return nil
	}
	return a.block
}

// fade changes the gain of the block from the old value to the new one. The new gain is 0 if the source is muted, or if its
// level has been below audibleLevel for audibleHold. Otherwise it is 1. The result is false if the block is silence.
func (a *audioInput) fade(tickTime time.Time) bool {
	start, end := a.gain, float32(0)
	if a.level >= audibleLevel {
		if tickTime.Sub(a.audibleAt) > audibleHold && !a.muted.Load() {
			start = 1 // a fade would cut off the start of a word; without a fade no click is heard, because the audio before is quiet
		}
		a.audibleAt = tickTime
	}
	if tickTime.Sub(a.audibleAt) <= audibleHold {
		end = 1
	}
	if a.muted.Load() {
		end, a.level = 0, pcm.Floor
	}
	pcm.Gain(a.block, start, end)
	a.gain = end
	return start != 0 || end != 0
}

// status returns the codec of the newest packet, and the level of the newest block in dBFS.
func (a *audioInput) status() (mixer.Codec, float64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.codec, a.level
}

// arrival converts t to an arrival time: the duration since the input was made.
func (a *audioInput) arrival(t time.Time) time.Duration { return t.Sub(a.born) }

// videoLead returns by how much video that is not delayed is shown before its audio is heard. videoFloor is the transit floor of
// the video by the sender's wall clock. A negative result means that such video is shown after its audio. Then videoLead makes
// the jitter buffer delay the audio. The result is zero while the audio is muted or has been silent for longer than syncPause.
func (a *audioInput) videoLead(now time.Time, videoFloor transit.Floor) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.videoAt = now
	if a.muted.Load() || now.Sub(a.audibleAt) > syncPause {
		a.buffer.minDelay = 0
		return 0
	}
	skew := a.skew(videoFloor) - tickWait
	a.buffer.minDelay = audioLatency - skew
	return a.buffer.lastDelay - audioLatency + skew
}

// skew returns by how much later audio arrives than video that was captured at the same moment. Without sender reports, and if
// the reports give more than syncMost, the sender is assumed to send both at once. Then audio is later by the length of its
// packet, because a packet is sent when its audio is complete.
func (a *audioInput) skew(videoFloor transit.Floor) time.Duration {
	if a.byCapture.Known() && videoFloor.Known() {
		if skew := a.byCapture.Value() - videoFloor.Value(); skew.Abs() <= syncMost {
			return skew
		}
	}
	return blockTime
}
