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

// A source whose audio stays below audibleLevel, in dBFS, for audibleHold adds nothing to the mix.
const (
	audibleLevel = -60
	audibleHold  = time.Second
)

// audioQueue is how many packets may wait for a decoder.
const audioQueue = 32

// audioInput decodes one source's audio into a jitter buffer, in a goroutine of its own. The mix pulls blocks from it.
type audioInput struct {
	log      *slog.Logger
	born     time.Time // the zero of all arrival times
	packets  chan mixer.Packet
	quit     chan struct{}
	done     sync.WaitGroup
	muted    atomic.Bool
	speaking atomic.Bool // written by the audio ticker
	invalid  atomic.Uint64

	mu        sync.Mutex
	buffer    *jitterBuffer
	byCapture transit.Floor // by the sender's wall clock
	level     float64       // of the newest block, in dBFS
	id        mixer.Codec
	audible   time.Time // when a block was last above audibleLevel
	videoAt   time.Time // when a video packet last set how long audio has to wait for its video

	// Owned by the audio ticker.
	block []int16 // the newest block, lent to the mix
	gain  float32 // at the end of the last block
	heard int64   // the last tick that had audible audio
}

func newAudioInput(log *slog.Logger) *audioInput {
	a := &audioInput{
		log: log, born: time.Now(), packets: make(chan mixer.Packet, audioQueue), quit: make(chan struct{}),
		buffer: newJitterBuffer(), block: make([]int16, blockLength), level: pcm.Floor, heard: -mixMinusHold,
	}
	a.done.Go(a.run)
	return a
}

// enqueue queues a packet. It never blocks: a packet that finds no room is dropped and heard as a short gap.
func (a *audioInput) enqueue(p mixer.Packet) {
	select {
	case a.packets <- p:
	default:
		a.invalid.Add(1)
	}
}

// close stops the decoder and waits for it. Packets that are queued later are never decoded.
func (a *audioInput) close() {
	close(a.quit)
	a.done.Wait()
}

// next waits for a packet. The result is false if the source was closed.
func (a *audioInput) next() (mixer.Packet, bool) {
	select {
	case <-a.quit:
		return mixer.Packet{}, false
	case p := <-a.packets:
		return p, true
	}
}

func (a *audioInput) run() {
	var decoder audioDecoder
	defer decoder.close()
	logFailure, logRecovery := newFailureLog(a.log, "sound")
	for p, ok := a.next(); ok; p, ok = a.next() {
		if a.muted.Load() {
			continue // nobody would hear it
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

// missing is how much audio should have come before p.
func (a *audioInput) missing(p mixer.Packet, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.buffer.missing(a.arrival(now), p.PTS)
}

// push copies the audio that was restored before p and the audio of p into the jitter buffer.
func (a *audioInput) push(p mixer.Packet, restored, samples []int16, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.id = p.Codec
	came := a.arrival(now)
	if p.Captured != 0 {
		a.byCapture.Add(came, came-p.Captured)
	}
	a.buffer.push(came, p.PTS, restored, samples)
}

// pull returns the block that is to be heard at now, or nil if there is nothing to hear. The block is valid until the
// next call. When the source is muted or unmuted, the block fades. Only the audio ticker calls pull.
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

// fade moves the gain to its new value within one block, and reports whether anything is left to hear.
func (a *audioInput) fade(now time.Time) bool {
	from, to := a.gain, float32(0)
	if a.level >= audibleLevel {
		if now.Sub(a.audible) > audibleHold && !a.muted.Load() {
			from = 1 // the audio before was too quiet to click, and the start of a word is not cut off
		}
		a.audible = now
	}
	if now.Sub(a.audible) <= audibleHold {
		to = 1
	}
	if a.muted.Load() {
		to, a.level = 0, pcm.Floor
	}
	pcm.Gain(a.block, from, to)
	a.gain = to
	return from != 0 || to != 0
}

// status returns the codec, and the level of the newest block in dBFS.
func (a *audioInput) status() (mixer.Codec, float64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.id, a.level
}

// arrival is t as the time of an arrival: since the input was made.
func (a *audioInput) arrival(t time.Time) time.Duration { return t.Sub(a.born) }

// videoLead is by how much video would be shown before its audio is heard if it was not delayed. video is the transit
// of the video by the sender's clock. A negative lead delays the audio instead. The lead is zero if no audio is heard.
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

// skew is by how much later audio arrives than video that was captured at the same moment. Without sender reports, both
// are assumed to leave the sender at once: then audio is later by the length of its packet.
func (a *audioInput) skew(video transit.Floor) time.Duration {
	if a.byCapture.Known() && video.Known() {
		if skew := a.byCapture.Value() - video.Value(); skew.Abs() <= syncMost {
			return skew
		}
	}
	return blockTime
}
