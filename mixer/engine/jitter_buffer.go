package engine

import (
	"time"

	"azulejo/mixer"
	"azulejo/mixer/engine/pcm"
)

// The delay of audio by the jitter buffer. It counts from the arrival of packets whose transit is the transit floor.
const (
	audioLatency  = 40 * time.Millisecond  // the delay on a calm network; the timestamps of the renditions compensate it
	audioMost     = 180 * time.Millisecond // the delay on the worst network
	audioLimit    = 200 * time.Millisecond // when more audio than this waits, the oldest is dropped
	audioSlack    = 10 * time.Millisecond  // part of the delay, in addition to the lateness of arrivals and one block
	timestampJump = 500 * time.Millisecond // a larger error of timestamps means that the sender restarted
)

// How the delay is steered.
const (
	steerAbove = 10 * time.Millisecond // a smaller error of the delay is not corrected
	steerForce = 60 * time.Millisecond // a larger error of the delay is corrected even where the correction may be audible
	steerEvery = 60 * time.Millisecond // the shortest time between two corrections
)

// roundTime is the largest difference between timestamps and lengths of audio that counts as rounding.
const roundTime = 2 * time.Millisecond

// jitterBuffer is the queue between one source's decoder and the mix. It delays audio so long that the jitter of the
// network causes no gaps. It changes the delay by removing or repeating single periods of the waveform. This also
// compensates the drift of the sender's clock. It fills gaps with extrapolated audio that fades.
//
// All times are durations on our clock. The buffer converts the sender's timestamps by adding shift, which changes only
// when the timestamps jump, and when push removes a rounding error or a false gap. Not for concurrent use.
type jitterBuffer struct {
	arrivals   arrivals
	queue      []int16
	end        time.Duration // timestamp of the end of the queue, plus shift
	shift      time.Duration // is added to the sender's timestamps
	started    bool          // a packet has come
	lastCame   time.Duration // when the last packet came
	lastLength time.Duration // length of the audio of the last packet
	sincePause int           // number of packets since the last pause
	lastDelay  time.Duration // delay of the audio that was played last
	minDelay   time.Duration // the least delay; it is set while the video of the source comes later than its audio

	starved      bool // the queue ran empty, and extrapolated audio or silence is played
	extrapolator pcm.Extrapolator
	past         [pcm.Past * pcm.Channels]int16 // the newest samples that were played
	steered      time.Duration                  // when the delay was corrected last
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

// target returns the delay that the jitter of the network and minDelay need.
func (b *jitterBuffer) target() time.Duration {
	return min(max(blockTime+b.arrivals.lateness()+audioSlack, audioLatency, b.minDelay), audioMost)
}

// delay returns the delay of the oldest sample of the queue, if it is played at now. The delay counts from the time at
// which the sample would have come with the transit floor.
func (b *jitterBuffer) delay(now time.Duration) time.Duration {
	return now - (b.end - durationOf(len(b.queue))) - b.arrivals.floor()
}

// place converts the PTS of a packet that has come at now to a time on our clock. If the timestamps have jumped,
// because the sender slept or is a new one, place changes shift so that this packet is in time.
func (b *jitterBuffer) place(now, pts time.Duration) time.Duration {
	at := pts + b.shift
	if !b.started {
		b.started, b.end = true, at
		b.arrivals.add(now, at, 0)
	}
	if late := now - at - b.arrivals.floor(); late.Abs() > timestampJump {
		b.shift += late
		at += late
	}
	return at
}

// missing returns how much audio is missing between the end of the queue and a packet that has come at now.
func (b *jitterBuffer) missing(now, pts time.Duration) time.Duration {
	return max(b.place(now, pts)-b.end, 0)
}

// push appends recovered and samples to the queue. samples is the audio of a packet. recovered is audio that was lost
// before the packet and was restored. Both are copied.
func (b *jitterBuffer) push(now, pts time.Duration, recovered, samples []int16) {
	at := b.place(now, pts)
	b.arrivals.add(now, at-durationOf(len(recovered)), durationOf(len(recovered)+len(samples)))
	at -= durationOf(len(recovered))
	var continuation []int16
	if gap := at - b.end; gap <= roundTime || b.falseGap(now, gap) {
		b.shift -= gap
		at -= gap
	} else {
		continuation = b.bridge(gap)
	}
	joint := len(b.queue)
	b.queue = append(append(b.queue, recovered...), samples...)
	pcm.CrossFade(b.queue[joint:], continuation, pcm.Overlap)
	b.end = at + durationOf(len(b.queue)-joint)
	b.lastCame, b.lastLength = now, durationOf(len(samples))
	b.sincePause++
	b.limit()
}

// falseGapMost is how many times the length of a packet a false gap may have. A camera that signals AAC of 44.1 kHz as AAC of
// 8 kHz causes gaps of 4.5 times this length.
const falseGapMost = 5

// falseGap reports whether the timestamps contain a short gap that did not happen. A clock rate that was signalled
// wrongly causes such a gap before every packet. The gap is false if the time since the last packet is shorter than the
// audio of that packet plus half of the gap.
func (b *jitterBuffer) falseGap(now, gap time.Duration) bool {
	return gap < max(3*blockTime, falseGapMost*b.lastLength) && now-b.lastCame < b.lastLength+gap/2
}

// bridge fills a gap at the end of the queue with extrapolated audio. It returns the continuation of this audio, from
// which the caller fades to the next packet. If the queue is empty and starved, bridge does not fill the gap, which
// makes the pause longer.
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

// limit drops the oldest audio of a queue that is longer than audioLimit, so that the queue becomes as long as the target.
func (b *jitterBuffer) limit() {
	if durationOf(len(b.queue)) > audioLimit {
		b.trim(samplesIn(b.target()))
	}
}

// trim drops all samples but the newest n. It fades from the first samples that it drops to the first that it keeps.
func (b *jitterBuffer) trim(n int) {
	rest := b.queue[len(b.queue)-n:]
	pcm.CrossFade(rest, b.queue, pcm.Overlap)
	b.queue = b.queue[:copy(b.queue, rest)]
}

// pull fills block with the audio that is played at now. It returns false if the buffer has nothing to play and the
// block is silence.
func (b *jitterBuffer) pull(now time.Duration, block []int16) bool {
	if b.starved && b.extrapolator.Done() && len(b.queue) == 0 {
		clear(block)
		clear(b.past[:])
		return false
	}
	n, idle := 0, b.starved && b.extrapolator.Done()
	if b.starved {
		n = b.resume(now, block)
	} else {
		b.steer(now)
		b.lastDelay = b.delay(now)
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

// remember keeps the newest samples that were played, for the extrapolator.
func (b *jitterBuffer) remember(played []int16) {
	if n := len(played); n < len(b.past) {
		copy(b.past[copy(b.past[:], b.past[n:]):], played)
	} else {
		copy(b.past[:], played[n-len(b.past):])
	}
}

// resume fills block with extrapolated audio up to the sample at which the queue may be played, and returns the number
// of samples that it filled. If this is less than the block, the buffer is not starved any more.
func (b *jitterBuffer) resume(now time.Duration, block []int16) int {
	wait := b.wait(now)
	if wait >= len(block) {
		b.extrapolator.Next(block)
		return len(block)
	}
	if b.extrapolator.Done() && wait < 0 { // after silence, audio can be removed inaudibly
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

// quietLevel is a level in dBFS. A single packet below it, after a pause, is comfort noise of a sender that is
// otherwise silent.
const quietLevel = -50

// wait returns how many samples must be extrapolated before the queue may be played. The result is negative if the
// queue should have been played earlier. While extrapolated audio is audible, the queue is played as soon as its delay
// is audioLatency.
func (b *jitterBuffer) wait(now time.Duration) int {
	if len(b.queue) == 0 {
		return blockLength
	}
	delay := b.delay(now)
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

// steer corrects the delay towards the target, by removing or repeating one period at the beginning of the queue. The
// larger the error of the delay, the less similar the two ends of the period have to be.
func (b *jitterBuffer) steer(now time.Duration) {
	excess := b.delay(now) - b.target()
	if excess.Abs() <= steerAbove || now-b.steered < steerEvery || len(b.queue) < pcm.SpliceReach*pcm.Channels {
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
	b.steered = now
}

// splice finds by how much the beginning of the queue can be made shorter or longer inaudibly. For quiet audio, which can
// be changed by any length, splice returns change, up to pcm.MaxLag.
func (b *jitterBuffer) splice(change time.Duration) pcm.Splice {
	if pcm.Level(b.queue[:pcm.SpliceReach*pcm.Channels]) < quietLevel {
		return pcm.Splice{Lag: min(samplesIn(change)/pcm.Channels, pcm.MaxLag), Similarity: 1}
	}
	return pcm.FindSplice(b.queue)
}
