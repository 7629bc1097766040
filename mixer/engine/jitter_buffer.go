package engine

import (
	"time"

	"azulejo/mixer"
	"azulejo/mixer/engine/pcm"
)

// The delay of audio by the jitter buffer. The delay counts from the arrival of a packet whose transit is the transit floor.
const (
	audioLatency  = 40 * time.Millisecond  // the least delay, on a calm network; the timestamps of the renditions compensate it
	audioMost     = 180 * time.Millisecond // the greatest delay that target returns
	audioLimit    = 200 * time.Millisecond // when more audio than this is in the queue, the oldest is dropped
	audioSlack    = 10 * time.Millisecond  // added to the delay as a reserve
	timestampJump = 500 * time.Millisecond // a larger error of a timestamp means that the timestamps have jumped
)

// How the delay is corrected towards the target.
const (
	steerAbove = 10 * time.Millisecond // an error of the delay up to this is not corrected
	steerForce = 60 * time.Millisecond // a larger error of the delay is corrected even where the correction may be audible
	steerEvery = 60 * time.Millisecond // the shortest time between two corrections
)

// roundTime is the largest gap between the timestamps of two packets, beyond the length of their audio, that counts as rounding.
const roundTime = 2 * time.Millisecond

// jitterBuffer is the queue between one source's decoder and the mix. It delays audio just enough that the jitter of the network
// causes no gaps. It changes the delay by removing or repeating single periods of the waveform. This also compensates the drift
// of the sender's clock. It fills gaps with extrapolated audio that fades out.
//
// The times at which packets are received and audio is played are on our clock. Timestamps are on the sender's clock, plus shift.
// shift changes only when the timestamps jump, and when push removes a rounding error or a false gap. Not for concurrent use.
type jitterBuffer struct {
	arrivals   arrivals
	queue      []int16       // decoded samples that wait to be played, interleaved
	end        time.Duration // timestamp of the end of the queue, with shift added
	shift      time.Duration // is added to the sender's timestamps
	started    bool          // a packet has come
	lastCame   time.Duration // when the last packet was received
	lastLength time.Duration // length of the audio of the last packet
	sincePause int           // number of packets since the last pause
	lastDelay  time.Duration // delay of the audio that was played last
	minDelay   time.Duration // the least delay that target returns; set by audioInput, so that audio waits for late video

	starved      bool // the queue ran empty, and extrapolated audio or silence is played
	extrapolator pcm.Extrapolator
	past         [pcm.Past * pcm.Channels]int16 // the newest samples that were played
	steered      time.Duration                  // when the delay was last corrected
}

func newJitterBuffer() *jitterBuffer { return &jitterBuffer{starved: true} }

// durationOf returns the duration of a number of interleaved samples.
func durationOf(samples int) time.Duration {
	return time.Duration(samples/mixer.Channels) * time.Second / mixer.SampleRate
}

// samplesIn returns the number of interleaved samples in d.
func samplesIn(d time.Duration) int {
	return int(d*mixer.SampleRate/time.Second) * mixer.Channels
}

// target returns the delay to aim at. It is long enough for the jitter of the network, at least audioLatency and minDelay, and at
// most audioMost.
func (b *jitterBuffer) target() time.Duration {
	return min(max(blockTime+b.arrivals.lateness()+audioSlack, audioLatency, b.minDelay), audioMost)
}

// delay returns the delay of the oldest sample of the queue, if this sample is played at playTime. The delay counts from the
// time at which the sample would have come if its transit was the transit floor.
func (b *jitterBuffer) delay(playTime time.Duration) time.Duration {
	return playTime - (b.end - durationOf(len(b.queue))) - b.arrivals.floor()
}

// shifted returns the PTS of a packet plus shift. received is when the packet came. If the timestamps have jumped, shifted first
// changes shift, so that the transit of this packet is the transit floor. Timestamps jump when the sender was suspended, or when
// another sender follows.
func (b *jitterBuffer) shifted(received, pts time.Duration) time.Duration {
	start := pts + b.shift
	if !b.started {
		b.started, b.end = true, start
		b.arrivals.add(received, start, 0)
	}
	if late := received - start - b.arrivals.floor(); late.Abs() > timestampJump {
		b.shift += late
		start += late
	}
	return start
}

// missing returns how much audio is missing between the end of the queue and a packet with the given PTS.
func (b *jitterBuffer) missing(received, pts time.Duration) time.Duration {
	return max(b.shifted(received, pts)-b.end, 0)
}

// push appends recovered and samples to the queue, and copies both. samples is the audio of a packet with the given PTS. recovered
// is audio that was lost before the packet and was restored. received is when the packet came.
func (b *jitterBuffer) push(received, pts time.Duration, recovered, samples []int16) {
	start := b.shifted(received, pts)
	start -= durationOf(len(recovered))
	b.arrivals.add(received, start, durationOf(len(recovered)+len(samples)))
	var continuation []int16
	if gap := start - b.end; gap <= roundTime || b.falseGap(received, gap) {
		b.shift -= gap
		start -= gap
	} else {
		continuation = b.bridge(gap)
	}
	joint := len(b.queue)
	b.queue = append(append(b.queue, recovered...), samples...)
	pcm.CrossFade(b.queue[joint:], continuation, pcm.Overlap)
	b.end = start + durationOf(len(b.queue)-joint)
	b.lastCame, b.lastLength = received, durationOf(len(samples))
	b.sincePause++
	b.limit()
}

// falseGapMost is how many times the length of a packet a false gap may have. A camera that signals AAC of 44.1 kHz as AAC of
// 8 kHz causes gaps of 4.5 times this length.
const falseGapMost = 5

// falseGap reports whether a short gap between timestamps is false, so that no audio is missing. A wrongly signalled clock rate
// causes a false gap before every packet. The gap is false if the time since the last packet is shorter than the audio of that
// packet plus half of the gap.
func (b *jitterBuffer) falseGap(received, gap time.Duration) bool {
	return gap < max(3*blockTime, falseGapMost*b.lastLength) && received-b.lastCame < b.lastLength+gap/2
}

// bridge fills a gap at the end of the queue with extrapolated audio. It returns the continuation of this audio. The caller fades
// from the continuation to the next packet. If the buffer is starved and its queue is empty, bridge fills nothing, and the pause
// that is being played lasts until the next packet is due.
func (b *jitterBuffer) bridge(gap time.Duration) (continuation []int16) {
	if b.starved && len(b.queue) == 0 {
		b.sincePause = 0
		return nil
	}
	var extrapolator pcm.Extrapolator
	extrapolator.Start(append(b.past[:len(b.past):len(b.past)], b.queue...))
	n := samplesIn(min(gap, audioLimit))
	fill := make([]int16, n+pcm.Overlap*pcm.Channels)
	extrapolator.Next(fill)
	b.queue = append(b.queue, fill[:n]...)
	return fill[n:]
}

// limit drops the oldest audio of a queue that is longer than audioLimit. The rest is as long as the target.
func (b *jitterBuffer) limit() {
	if durationOf(len(b.queue)) > audioLimit {
		b.trim(samplesIn(b.target()))
	}
}

// trim drops all samples except the newest n. It fades from the first samples that are dropped to the first that are kept.
func (b *jitterBuffer) trim(n int) {
	rest := b.queue[len(b.queue)-n:]
	pcm.CrossFade(rest, b.queue, pcm.Overlap)
	b.queue = b.queue[:copy(b.queue, rest)]
}

// pull fills block with the audio that is played from playTime on. It returns false if the buffer has nothing to play. Then the
// block is silence.
func (b *jitterBuffer) pull(playTime time.Duration, block []int16) bool {
	if b.starved && b.extrapolator.Done() && len(b.queue) == 0 {
		clear(block)
		clear(b.past[:])
		return false
	}
	n, idle := 0, b.starved && b.extrapolator.Done()
	if b.starved {
		n = b.resume(playTime, block)
	} else {
		b.steer(playTime)
		b.lastDelay = b.delay(playTime)
	}
	idle = idle && b.starved
	if !b.starved {
		n += b.read(block[n:])
	}
	b.remember(block[:n])
	if n < len(block) {
		b.starved = true
		b.extrapolator.Start(b.past[:])
		b.extrapolator.Next(block[n:])
		b.remember(block[n:])
	}
	return !idle
}

// read moves the oldest samples of the queue into block, and returns their number.
func (b *jitterBuffer) read(block []int16) int {
	n := copy(block, b.queue)
	b.queue = b.queue[:copy(b.queue, b.queue[n:])]
	return n
}

// remember updates past by samples that are played.
func (b *jitterBuffer) remember(played []int16) {
	if n := len(played); n < len(b.past) {
		copy(b.past[copy(b.past[:], b.past[n:]):], played)
	} else {
		copy(b.past[:], played[n-len(b.past):])
	}
}

// resume fills block with extrapolated audio up to the sample from which on the queue may be played. It returns the number of
// samples that it filled. If the queue may be played within this block, the buffer is not starved any more.
func (b *jitterBuffer) resume(playTime time.Duration, block []int16) int {
	wait := b.wait(playTime)
	if wait >= len(block) {
		b.extrapolator.Next(block)
		return len(block)
	}
	if b.extrapolator.Done() && wait < 0 { // after silence, the removal of audio is inaudible
		if n := max(samplesIn(b.target()), len(b.queue)+wait); n < len(b.queue) {
			b.queue = b.queue[:copy(b.queue, b.queue[len(b.queue)-n:])]
		}
	}
	wait = max(wait, 0)
	b.extrapolator.Next(block[:wait])
	var continuation [pcm.Overlap * pcm.Channels]int16
	b.extrapolator.Next(continuation[:])
	pcm.CrossFade(b.queue, continuation[:], pcm.Overlap)
	b.starved = false
	return wait
}

// quietLevel is a level in dBFS. Audio below it can be shortened or lengthened inaudibly. A single packet below it, after a pause,
// is comfort noise of a sender that is otherwise silent.
const quietLevel = -50

// wait returns how many samples must be extrapolated from playTime on before the queue may be played. The result is negative if
// the queue should have been played earlier. While extrapolated audio is audible, the queue may be played when its delay is
// audioLatency. In silence, it may be played when its delay is the target, and a single packet of comfort noise is not played.
func (b *jitterBuffer) wait(playTime time.Duration) int {
	if len(b.queue) == 0 {
		return blockLength
	}
	delay := b.delay(playTime)
	if !b.extrapolator.Done() {
		return samplesIn(audioLatency - delay)
	}
	if b.sincePause < 2 && pcm.Level(b.queue) < quietLevel {
		if delay > audioLimit {
			b.queue = b.queue[:0]
		}
		return blockLength
	}
	return samplesIn(b.target() - delay)
}

// steer corrects the delay towards the target, by removing or repeating one period at the beginning of the queue. The larger the
// error of the delay, the less similar the audio at both ends of the period has to be.
func (b *jitterBuffer) steer(playTime time.Duration) {
	excess := b.delay(playTime) - b.target()
	if excess.Abs() <= steerAbove || playTime-b.steered < steerEvery || len(b.queue) < pcm.SpliceReach*pcm.Channels {
		return
	}
	s := b.splice(excess.Abs())
	if s.Similarity < 1-float64(excess.Abs())/float64(steerForce) {
		return
	}
	switch {
	case excess < 0:
		b.queue = s.Lengthen(b.queue)
	case len(b.queue)-s.Lag*pcm.Channels >= blockLength:
		b.queue = s.Shorten(b.queue)
	default:
		return
	}
	b.steered = playTime
}

// splice finds a length by which the beginning of the queue can be made shorter or longer inaudibly. Quiet audio can be changed
// by any length, so its length is change, at most pcm.MaxLag.
func (b *jitterBuffer) splice(change time.Duration) pcm.Splice {
	if pcm.Level(b.queue[:pcm.SpliceReach*pcm.Channels]) < quietLevel {
		return pcm.Splice{Lag: min(samplesIn(change)/pcm.Channels, pcm.MaxLag), Similarity: 1}
	}
	return pcm.FindSplice(b.queue)
}
