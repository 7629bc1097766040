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

// audioQueue is how many packets may wait for a decoder.
const audioQueue = 32

// audioInput decodes one source's audio into a jitter buffer, in a goroutine of its own. The mix pulls blocks from it.
type audioInput struct {
	log      *slog.Logger
	born     time.Time // when the input was made; arrival times count from then
	packets  chan mixer.Packet
	quit     chan struct{}
	done     sync.WaitGroup
	muted    atomic.Bool
	speaking atomic.Bool // written by the audio ticker
	invalid  atomic.Uint64

	mu        sync.Mutex
	buffer    *jitterBuffer
	byCapture transit.Floor // transit floor by the sender's wall clock
	level     float64       // of the newest block, in dBFS
	codec     mixer.Codec   // of the newest packet
	audible   time.Time     // when a block last reached audibleLevel
	videoAt   time.Time     // when videoLead was last called; it sets how long audio has to wait for its video

	// Owned by the audio ticker.
	block       []int16 // the newest block, lent to the mix
	gain        float32 // at the end of the last block
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

// close stops the decoder and waits for it. Packets that are queued later are never decoded.
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
			continue // nobody would hear the packet
		}
		if err := a.decode(&decoder, p, time.Now()); err != nil {
			a.invalid.Add(1)
			logFailure(err)
			continue
		}
		logRecovery()
	}
}

// decode pushes the audio of p, which came at now, into the jitter buffer.
func (a *audioInput) decode(d *audioDecoder, p mixer.Packet, now time.Time) error {
	if err := d.open(p); err != nil {
		return err
	}
	restored := d.buf[:0]
	if p.Lost {
		restored = d.restore(restored, p, a.missing(p, now))
	}
	samples, err := d.decode(restored, p)
	if err != nil {
		return err
	}
	d.buf = samples
	a.push(p, samples[:len(restored)], samples[len(restored):], now)
	return nil
}

// missing returns how much audio is missing between the audio in the jitter buffer and p.
func (a *audioInput) missing(p mixer.Packet, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.buffer.missing(a.arrival(now), p.PTS)
}

// push copies the audio that was restored before p and the audio of p into the jitter buffer.
func (a *audioInput) push(p mixer.Packet, restored, samples []int16, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.codec = p.Codec
	arrived := a.arrival(now)
	if p.Captured != 0 {
		a.byCapture.Add(arrived, arrived-p.Captured)
	}
	a.buffer.push(arrived, p.PTS, restored, samples)
}

// pull returns the block that is mixed at now, or nil if the source is silent. The block is valid until the next call.
// When the source is muted or unmuted, the block fades out or in. Only the audio ticker calls pull.
func (a *audioInput) pull(now time.Time) []int16 {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.level = pcm.Floor
	if now.Sub(a.videoAt) > lostAfter {
		a.buffer.minDelay = 0 // there is no video to wait for
	}
	if a.buffer.pull(a.arrival(now), a.block) {
		a.level = pcm.Level(a.block)
	}
	if !a.fade(now) {
		return nil
	}
	return a.block
}

// fade changes the gain within the block to its new value: 1 if the source is audible, 0 if it is muted or has been
// quiet for audibleHold. It reports whether the block is more than silence.
func (a *audioInput) fade(now time.Time) bool {
	start, end := a.gain, float32(0)
	if a.level >= audibleLevel {
		if now.Sub(a.audible) > audibleHold && !a.muted.Load() {
			start = 1 // no fade: it would cut off the start of a word, and the audio before is too quiet for a click
		}
		a.audible = now
	}
	if now.Sub(a.audible) <= audibleHold {
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

// videoLead returns by how much video that is not delayed would be shown before its audio is heard. video is the
// transit floor of the video by the sender's wall clock. If the result is negative, the audio is delayed instead. The
// result is zero while the audio is muted or has been silent for longer than syncPause.
func (a *audioInput) videoLead(now time.Time, video transit.Floor) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.videoAt = now
	if a.muted.Load() || now.Sub(a.audible) > syncPause {
		a.buffer.minDelay = 0
		return 0
	}
	skew := a.skew(video) - tickWait
	a.buffer.minDelay = audioLatency - skew
	return a.buffer.lastDelay - audioLatency + skew
}

// skew returns by how much later audio arrives than video that was captured at the same moment. Without sender reports,
// the sender is assumed to send both without delay: then audio is later by the length of its packet.
func (a *audioInput) skew(video transit.Floor) time.Duration {
	if a.byCapture.Known() && video.Known() {
		if skew := a.byCapture.Value() - video.Value(); skew.Abs() <= syncMost {
			return skew
		}
	}
	return blockTime
}
