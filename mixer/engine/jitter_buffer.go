package engine

import (
	"time"

	"azulejo/mixer"
	"azulejo/mixer/engine/pcm"
)

// How long audio waits after the arrival of the packets with the shortest transit.
const (
	audioLatency  = 40 * time.Millisecond  // on a calm network; the timestamps of the renditions compensate it
	audioMost     = 180 * time.Millisecond // on the worst network
	audioLimit    = 200 * time.Millisecond // audio that waits longer is dropped, the oldest first
	audioSlack    = 10 * time.Millisecond  // in addition to lateness and a block
	timestampJump = 500 * time.Millisecond // a larger error of timestamps is a new start of the sender
)

// How the delay is steered.
const (
	steerAbove = 10 * time.Millisecond // a smaller error is left alone
	steerForce = 60 * time.Millisecond // a larger error is corrected even where it could be heard
	steerEvery = 60 * time.Millisecond
)

// roundTime is by how much timestamps and lengths may differ through rounding.
const roundTime = 2 * time.Millisecond

// jitterBuffer is the queue between one source's decoder and the mix. It delays audio by as much as the network's
// jitter needs. It changes the delay by leaving out or repeating single periods of the audio, which also follows the
// drift of the sender's clock. It fills gaps with a guess that fades.
//
// All times are durations on our clock. The sender's timestamps become such times by adding shift, which changes only
// when they jump. Not for concurrent use.
type jitterBuffer struct {
	arrivals   arrivals
	queue      []int16
	end        time.Duration // of the queue, on the sender's clock plus shift
	shift      time.Duration
	started    bool
	lastCame   time.Duration // when the last packet came
	lastLength time.Duration // of the last packet
	sincePause int           // packets since the last pause
	lastDelay  time.Duration // of the audio that was played last
	minDelay   time.Duration // the least delay, because the video comes late

	starved bool // the queue ran empty, and a guess is played
	guess   pcm.Extrapolator
	past    [pcm.Past * pcm.Channels]int16
	steered time.Duration // when the delay was steered last
}

func newJitterBuffer() *jitterBuffer { return &jitterBuffer{starved: true} }

// durationOf is the duration of that many interleaved samples.
func durationOf(samples int) time.Duration {
	return time.Duration(samples/mixer.Channels) * time.Second / mixer.SampleRate
}

// samplesIn is the number of interleaved samples that last d.
func samplesIn(d time.Duration) int {
	return int(d*mixer.SampleRate/time.Second) * mixer.Channels
}

// target is how long audio should wait.
func (b *jitterBuffer) target() time.Duration {
	return min(max(blockTime+b.arrivals.lateness()+audioSlack, audioLatency, b.minDelay), audioMost)
}

// delay is how long the oldest sample of the queue has waited, beyond the floor of arrivals.
func (b *jitterBuffer) delay(now time.Duration) time.Duration {
	return now - (b.end - durationOf(len(b.queue))) - b.arrivals.floor()
}

// place is the time of a timestamp on our clock. A jump of timestamps, after a sleep or from a new sender, is removed:
// such a packet counts as being in time.
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

// missing is how much audio is missing between the end of the queue and a packet that has come.
func (b *jitterBuffer) missing(now, pts time.Duration) time.Duration {
	return max(b.place(now, pts)-b.end, 0)
}

// push appends the audio of a packet, after the audio that was recovered of a loss before it. Both are copied.
func (b *jitterBuffer) push(now, pts time.Duration, recovered, samples []int16) {
	at := b.place(now, pts)
	b.arrivals.add(now, at-durationOf(len(recovered)), durationOf(len(recovered)+len(samples)))
	at -= durationOf(len(recovered))
	var seam []int16
	if gap := at - b.end; gap <= roundTime || b.falseGap(now, gap) {
		b.shift -= gap
		at -= gap
	} else {
		seam = b.bridge(gap)
	}
	joint := len(b.queue)
	b.queue = append(append(b.queue, recovered...), samples...)
	pcm.CrossFade(b.queue[joint:], seam, pcm.Overlap)
	b.end = at + durationOf(len(b.queue)-joint)
	b.lastCame, b.lastLength = now, durationOf(len(samples))
	b.sincePause++
	b.limit()
}

// falseGap reports whether the timestamps claim a short pause that did not happen. A clock rate that was signalled
// wrongly causes such a gap at every packet. Then less time has passed than the last packet and half of the gap.
func (b *jitterBuffer) falseGap(now, gap time.Duration) bool {
	return gap < 3*blockTime && now-b.lastCame < b.lastLength+gap/2
}

// bridge fills a gap at the end of the queue with a guess. It returns how the guess goes on, from which the next packet
// is faded in. While nothing is played, no gap is filled: the pause only becomes longer.
func (b *jitterBuffer) bridge(gap time.Duration) (seam []int16) {
	if b.starved && len(b.queue) == 0 {
		b.sincePause = 0
		return nil
	}
	var guess pcm.Extrapolator
	guess.Start(append(b.past[:len(b.past):len(b.past)], b.queue...))
	n := samplesIn(min(gap, audioLimit))
	fill := make([]int16, n+pcm.Overlap*pcm.Channels)
	guess.Next(fill)
	b.queue = append(b.queue, fill[:n]...)
	return fill[n:]
}

// limit drops the oldest audio down to the target when more than audioLimit waits.
func (b *jitterBuffer) limit() {
	if durationOf(len(b.queue)) > audioLimit {
		b.trim(samplesIn(b.target()))
	}
}

// trim drops all but the newest n samples. It fades from the first dropped samples to the first that stay.
func (b *jitterBuffer) trim(n int) {
	rest := b.queue[len(b.queue)-n:]
	pcm.CrossFade(rest, b.queue, pcm.Overlap)
	b.queue = b.queue[:copy(b.queue, rest)]
}

// pull fills block with the audio to be heard at now, and reports whether it is more than silence of an empty buffer.
func (b *jitterBuffer) pull(now time.Duration, block []int16) bool {
	if b.starved && b.guess.Done() && len(b.queue) == 0 {
		clear(block)
		clear(b.past[:])
		return false
	}
	n, quiet := 0, b.starved && b.guess.Done()
	if b.starved {
		n = b.resume(now, block)
	} else {
		b.steer(now)
		b.lastDelay = b.delay(now)
	}
	quiet = quiet && b.starved
	if !b.starved {
		n += b.read(block[n:])
	}
	b.remember(block[:n])
	if n < len(block) {
		b.starved = true
		b.guess.Start(b.past[:])
		b.guess.Next(block[n:])
		b.remember(block[n:])
	}
	return !quiet
}

// read moves the oldest samples of the queue into block, and returns how many.
func (b *jitterBuffer) read(block []int16) int {
	n := copy(block, b.queue)
	b.queue = b.queue[:copy(b.queue, b.queue[n:])]
	return n
}

// remember keeps the newest samples that were played. Guesses are made from them.
func (b *jitterBuffer) remember(played []int16) {
	if n := len(played); n < len(b.past) {
		copy(b.past[copy(b.past[:], b.past[n:]):], played)
	} else {
		copy(b.past[:], played[n-len(b.past):])
	}
}

// resume fills block with the guess until the queue may be played, and returns for how many samples.
func (b *jitterBuffer) resume(now time.Duration, block []int16) int {
	wait := b.wait(now)
	if wait >= len(block) {
		b.guess.Next(block)
		return len(block)
	}
	if b.guess.Done() && wait < 0 { // after silence, nobody hears how much is left out
		if n := max(samplesIn(b.target()), len(b.queue)+wait); n < len(b.queue) {
			b.queue = b.queue[:copy(b.queue, b.queue[len(b.queue)-n:])]
		}
	}
	wait = max(wait, 0)
	b.guess.Next(block[:wait])
	var seam [pcm.Overlap * pcm.Channels]int16
	b.guess.Next(seam[:])
	pcm.CrossFade(b.queue, seam[:], pcm.Overlap)
	b.starved = false
	return wait
}

// quietLevel, in dBFS: below it, a single packet is the comfort noise of a sender that is silent otherwise.
const quietLevel = -50

// wait is how many samples are to be guessed before the queue may be played. It is negative if the queue should have
// been played already. While a guess is heard, the queue is played as soon as its delay is audioLatency.
func (b *jitterBuffer) wait(now time.Duration) int {
	if len(b.queue) == 0 {
		return blockLength
	}
	delay := b.delay(now)
	if !b.guess.Done() {
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

// steer moves the delay towards the target.
func (b *jitterBuffer) steer(now time.Duration) {
	off := b.delay(now) - b.target()
	if off.Abs() <= steerAbove || now-b.steered < steerEvery || len(b.queue) < pcm.SpliceReach*pcm.Channels {
		return
	}
	s := b.splice(off.Abs())
	if s.Similarity < 1-float64(off.Abs())/float64(steerForce) {
		return
	}
	switch {
	case off < 0:
		b.queue = s.Lengthen(b.queue)
	case len(b.queue)-s.Lag*pcm.Channels >= blockLength:
		b.queue = s.Shorten(b.queue)
	default:
		return
	}
	b.steered = now
}

// splice finds how the beginning of the queue can be made shorter or longer. Silence can be changed by any length.
func (b *jitterBuffer) splice(off time.Duration) pcm.Splice {
	if pcm.Level(b.queue[:pcm.SpliceReach*pcm.Channels]) < quietLevel {
		return pcm.Splice{Lag: min(samplesIn(off)/pcm.Channels, pcm.MaxLag), Similarity: 1}
	}
	return pcm.FindSplice(b.queue)
}
