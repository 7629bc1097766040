package engine

import (
	"time"

	"azulejo/mixer"
	"azulejo/mixer/engine/pcm"
)

// How long sound waits, counted from the moment at which what is least delayed on its way arrives.
const (
	soundLatency  = 40 * time.Millisecond  // on a calm network; the renditions' timestamps take it back
	soundMost     = 180 * time.Millisecond // on the worst
	soundLimit    = 200 * time.Millisecond // what waits beyond it is dropped, the oldest first
	soundSlack    = 10 * time.Millisecond  // on top of what arrivals and a block need
	soundTimeJump = 500 * time.Millisecond // timestamps off by more begin anew
)

// How the delay is steered.
const (
	steerAbove = 10 * time.Millisecond // off the target is left alone
	steerForce = 60 * time.Millisecond // off the target is corrected even where it could be heard
	steerEvery = 60 * time.Millisecond
)

// roundTime is by how much timestamps and lengths may differ without meaning it.
const roundTime = 2 * time.Millisecond

// jitter is the queue between one source's decoder and the mix. It keeps sound for as long as the network
// makes it wait, changes that delay by leaving out or repeating single periods of the sound, which follows the
// sender's clock too, and bridges what is missing by a guess that fades.
//
// All times are durations on our clock; the sender's timestamps are brought to it by shift, which changes only
// when they jump. Not for concurrent use.
type jitter struct {
	arrivals arrivals
	queue    []int16
	end      time.Duration // of the queue, on the sender's clock plus shift
	shift    time.Duration
	begun    bool
	came     time.Duration // when the last packet did
	length   time.Duration // of the last packet
	together int           // packets since the last pause
	waited   time.Duration // how long what was played last had
	least    time.Duration // how long sound has to wait at least, because its picture comes late

	starved bool // there was nothing left to play, and a guess goes on
	guess   pcm.Extrapolator
	past    [pcm.Past * pcm.Channels]int16
	steered time.Duration
}

func newJitter() *jitter { return &jitter{starved: true} }

// lasts is for how long values sound.
func lasts(values int) time.Duration {
	return time.Duration(values/mixer.Channels) * time.Second / mixer.SampleRate
}

// values is how many sound for d.
func values(d time.Duration) int {
	return int(d*mixer.SampleRate/time.Second) * mixer.Channels
}

// target is how long sound should wait.
func (b *jitter) target() time.Duration {
	return min(max(blockTime+b.arrivals.lateness()+soundSlack, soundLatency, b.least), soundMost)
}

// delay is how long the oldest of the queue has waited, more than the floor of arrivals.
func (b *jitter) delay(now time.Duration) time.Duration {
	return now - (b.end - lasts(len(b.queue))) - b.arrivals.floor()
}

// place is when a packet is meant to be, on our clock. A jump of timestamps, after a sleep or from a new
// sender, is taken for sound that came right in time.
func (b *jitter) place(now, pts time.Duration) time.Duration {
	at := pts + b.shift
	if !b.begun {
		b.begun, b.end = true, at
		b.arrivals.add(now, at, 0)
	}
	if late := now - at - b.arrivals.floor(); late.Abs() > soundTimeJump {
		b.shift += late
		at += late
	}
	return at
}

// missing is how much there should be between the queue's end and a packet that has come.
func (b *jitter) missing(now, pts time.Duration) time.Duration {
	return max(b.place(now, pts)-b.end, 0)
}

// push queues the sound of a packet and what could be recovered of what was lost before it; both are copied.
func (b *jitter) push(now, pts time.Duration, recovered, sound []int16) {
	at := b.place(now, pts)
	b.arrivals.add(now, at-lasts(len(recovered)), lasts(len(recovered)+len(sound)))
	at -= lasts(len(recovered))
	var seam []int16
	if gap := at - b.end; gap <= roundTime || b.lies(now, gap) {
		b.shift -= gap
		at -= gap
	} else {
		seam = b.bridge(gap)
	}
	joint := len(b.queue)
	b.queue = append(append(b.queue, recovered...), sound...)
	pcm.CrossFade(b.queue[joint:], seam, pcm.Overlap)
	b.end = at + lasts(len(b.queue)-joint)
	b.came, b.length = now, lasts(len(sound))
	b.together++
	b.limit()
}

// lies tells whether timestamps claim a short pause that never was, as a clock rate that was signalled wrongly
// makes them do with every packet: then less time has passed than the packet before and half of the gap.
func (b *jitter) lies(now, gap time.Duration) bool {
	return gap < 3*blockTime && now-b.came < b.length+gap/2
}

// bridge fills a gap at the end of the queue and returns what to fade in from. What is not playing needs none:
// its pause only becomes longer.
func (b *jitter) bridge(gap time.Duration) (seam []int16) {
	if b.starved && len(b.queue) == 0 {
		b.together = 0
		return nil
	}
	var guess pcm.Extrapolator
	guess.Begin(append(b.past[:len(b.past):len(b.past)], b.queue...))
	n := values(min(gap, soundLimit))
	fill := make([]int16, n+pcm.Overlap*pcm.Channels)
	guess.Next(fill)
	b.queue = append(b.queue, fill[:n]...)
	return fill[n:]
}

// limit drops all but the newest target when more waits than ever should.
func (b *jitter) limit() {
	if lasts(len(b.queue)) > soundLimit {
		b.keep(values(b.target()))
	}
}

// keep drops the oldest but n values, fading from what would have come next to what comes instead.
func (b *jitter) keep(n int) {
	rest := b.queue[len(b.queue)-n:]
	pcm.CrossFade(rest, b.queue, pcm.Overlap)
	b.queue = b.queue[:copy(b.queue, rest)]
}

// pull fills block with what is to be heard at now and tells whether that is anything.
func (b *jitter) pull(now time.Duration, block []int16) bool {
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
		b.waited = b.delay(now)
	}
	quiet = quiet && b.starved
	if !b.starved {
		n += b.take(block[n:])
	}
	b.remember(block[:n])
	if n < len(block) {
		b.starved = true
		b.guess.Begin(b.past[:])
		b.guess.Next(block[n:])
		b.remember(block[n:])
	}
	return !quiet
}

// take moves the oldest of the queue into block.
func (b *jitter) take(block []int16) int {
	n := copy(block, b.queue)
	b.queue = b.queue[:copy(b.queue, b.queue[n:])]
	return n
}

// remember keeps the newest of what was heard, from which guesses are made.
func (b *jitter) remember(heard []int16) {
	if n := len(heard); n < len(b.past) {
		copy(b.past[copy(b.past[:], b.past[n:]):], heard)
	} else {
		copy(b.past[:], heard[n-len(b.past):])
	}
}

// resume goes on guessing in block until the queue may be played, and returns for how many values.
func (b *jitter) resume(now time.Duration, block []int16) int {
	wait := b.wait(now)
	if wait >= len(block) {
		b.guess.Next(block)
		return len(block)
	}
	if b.guess.Done() && wait < 0 { // nobody hears how much is left out
		if n := max(values(b.target()), len(b.queue)+wait); n < len(b.queue) {
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

// quietLevel is below which a packet on its own is the comfort noise of a sender that is silent otherwise.
const quietLevel = -50

// wait is how many values are to be guessed before the queue may be played; less than none when it should have
// begun already. While a guess is heard, what is there is better than what will be.
func (b *jitter) wait(now time.Duration) int {
	if len(b.queue) == 0 {
		return blockLength
	}
	delay := b.delay(now)
	if !b.guess.Done() {
		return values(soundLatency - delay)
	}
	if b.together < 2 && pcm.Level(b.queue) < quietLevel {
		if delay > soundLimit {
			b.queue = b.queue[:0]
		}
		return blockLength
	}
	return values(b.target() - delay)
}

// steer brings the delay nearer to the target.
func (b *jitter) steer(now time.Duration) {
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

// splice finds where the beginning of the queue can be made shorter or longer; silence can be so by any length.
func (b *jitter) splice(off time.Duration) pcm.Splice {
	if pcm.Level(b.queue[:pcm.SpliceReach*pcm.Channels]) < quietLevel {
		return pcm.Splice{Lag: min(values(off)/pcm.Channels, pcm.MaxLag), Similarity: 1}
	}
	return pcm.FindSplice(b.queue)
}
