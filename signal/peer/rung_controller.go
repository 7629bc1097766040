package peer

import (
	"time"

	"azulejo/mixer"
)

// These move a viewer of rung "auto" down. Ordinary loss has to be seen twice in a row: a radio link loses a burst
// now and then, and some packets all the time. With 3 % random loss, a window with 9 % loss comes once in five minutes,
// two in a row hardly ever.
const (
	lossBad     = 0.08                   // of a window; up to it retransmission repairs the loss
	lossSevere  = 0.25                   // moves down at once: hardly a frame is whole
	queueBad    = 300 * time.Millisecond // retransmissions come too late then
	shareBad    = 0.8                    // REMB over what is sent; REMB follows the sent rate up and down by some tenths
	shareSevere = 0.5                    // moves down at once

	windowPackets = 100             // make a window
	severePackets = 20              // are enough to detect severe loss
	settleMin     = 3 * time.Second // after a move down, until reports are about the new rung
	settleMax     = 10 * time.Second
)

// These make the controller try the rung above. A try costs a frame or two if the network does not carry it.
const (
	lossCalm     = 0.05 // on average; above the random loss of radio links, which is no reason to stay low
	queueCalm    = 100 * time.Millisecond
	calmMin      = 8 * time.Second // without loss or delay; doubled by each try that fails
	calmMax      = 2 * time.Minute
	proofTime    = 10 * time.Second // without trouble, until the rung counts as carried
	windowCredit = 4 * time.Second  // that one window counts for at most: few packets in a long time prove little
	rembValid    = 10 * time.Second // after which a REMB is too old
)

// rungController finds the largest rung that one viewer's network carries, from its receiver reports. It starts at the
// largest. The zero value is ready. It is for one goroutine at a time.
type rungController struct {
	link  linkQuality
	lines int  // of the largest rung that may be sent; zero: all may
	fell  bool // the last move was down, and the viewer does not get that rung yet
	rose  bool // the last move was up, and the rung is not proved yet
	state rungState

	calmNeeded map[int]time.Duration // by lines: how long it has to be calm before a try of that rung

	remb   float64 // bits a second
	rembAt time.Time
}

// rungState is what is known about the rung that the viewer gets. Every rung starts with a new one.
type rungState struct {
	size   mixer.Size // zero: the viewer does not get the rung yet
	passed bool       // the source's own packets are sent (passthrough)
	trying bool       // the rung is not proved yet
	since  time.Time  // first report at this rung
	lower  bool       // than the rung before, whose packets are still queued

	lossy, slow, capped int     // windows or reports in a row
	loss                float64 // smoothed
	calm, proof         time.Duration
}

// viewChanged keeps the rung, since the network is the same, and forgets how the rungs fared: another view needs other
// bitrates.
func (c *rungController) viewChanged() {
	c.state, c.calmNeeded, c.fell, c.rose = rungState{}, nil, false, false
}

// pathChanged forgets everything but the rung: the network path to the viewer is another.
func (c *rungController) pathChanged() { *c = rungController{lines: c.lines} }

// setREMB stores the bits a second that the viewer can receive (draft-alvestrand-rmcat-remb-03).
func (c *rungController) setREMB(at time.Time, bits float64) { c.remb, c.rembAt = bits, at }

// onReport handles a report of a viewer that gets the rendition now, of a view with these rungs, largest first. It
// tells whether to move the viewer; lines has changed then.
func (c *rungController) onReport(r receiverReport, rungs []mixer.Rung, now mixer.RenditionStats) bool {
	comparable := c.link.add(r)
	at := c.index(rungs)
	size := mixer.Size{W: now.Width, H: now.Height}
	switch {
	case len(rungs) == 0 || rungs[at].Size != size:
		c.state = rungState{}
		return false
	case c.state.size != size || c.state.passed != now.Passed:
		c.startRung(r.at, size, now.Passed)
		return false
	case !comparable || c.state.settling(r):
		c.discardWindow(r.at)
		return false
	}
	to := c.nextRung(r.at, rungs, at, now)
	if to == at {
		return false
	}
	c.lines, c.fell, c.rose = rungs[to].Lines(), to > at, to < at
	return true
}

// index is that of the chosen rung.
func (c *rungController) index(rungs []mixer.Rung) int {
	if c.lines == 0 {
		return 0
	}
	for i, r := range rungs {
		if r.Lines() <= c.lines {
			return i
		}
	}
	return len(rungs) - 1
}

// startRung is called with the first report at a rung.
func (c *rungController) startRung(at time.Time, size mixer.Size, passed bool) {
	c.state = rungState{size: size, passed: passed, trying: !c.fell, since: at, lower: c.fell}
	c.fell = false
	c.link.resetWindow(at)
}

// settling tells whether a report is still about the larger rung before, whose packets are queued in front of those of
// this one. The sender report that it answers tells when that was sent. Of two that were sent since, one tells whether
// the queue drains.
func (s *rungState) settling(r receiverReport) bool {
	if !s.lower || r.at.Sub(s.since) > settleMax {
		return false
	}
	old := r.echo != 0 && int32(r.echo-shortNTP(s.since.Add(time.Second))) < 0
	return old || r.at.Sub(s.since) < settleMin
}

// discardWindow discards this report and restarts the window.
func (c *rungController) discardWindow(at time.Time) {
	c.state.lossy, c.state.slow, c.state.capped, c.state.calm = 0, 0, 0, 0
	c.link.resetWindow(at)
}

// nextRung is the index of the rung to send from now on; i is the present one.
func (c *rungController) nextRung(at time.Time, rungs []mixer.Rung, i int, now mixer.RenditionStats) int {
	share := c.rembShare(at, now.Bitrate)
	carried, congested := c.congestion(at, share)
	switch {
	case congested && i+1 < len(rungs):
		if c.tryFailed(rungs[i]); c.rose {
			return i + 1 // was carried until the try
		}
		return rungBelow(rungs, i, now, carried)
	case congested:
		c.discardWindow(at)
	case c.state.trying && c.state.proof >= proofTime:
		c.trySucceeded(rungs[i])
	case i > 0 && share >= 1 && c.state.calm >= c.calmFor(rungs[i-1]):
		return i - 1
	}
	return i
}

// rembShare is the REMB as a share of the bitrate that is sent, at most 1. It is 1 without a valid REMB.
func (c *rungController) rembShare(at time.Time, bitrate int) float64 {
	if bitrate == 0 || c.rembAt.IsZero() || at.Sub(c.rembAt) > rembValid {
		return 1
	}
	return min(c.remb/float64(bitrate), 1)
}

// congestion tells whether the network does not carry the rung, and the share of its bitrate that it carries at most.
func (c *rungController) congestion(at time.Time, share float64) (carried float64, congested bool) {
	s, loss, packets := &c.state, c.link.loss(), c.link.packets
	c.count(at, share)
	switch {
	case packets >= severePackets && loss > lossSevere:
		return 1 - loss, true
	case share < shareSevere, s.capped >= 2:
		return share, true
	case s.lossy >= 2, s.slow >= 2:
		return 1, true
	}
	return 1, false
}

// count updates the counters of the state with the newest report, and at the end of a window with the window.
func (c *rungController) count(at time.Time, share float64) {
	s, link := &c.state, &c.link
	if link.sampled {
		s.slow = inARow(s.slow, link.queued(queueBad))
	}
	s.capped = inARow(s.capped, share < shareBad)
	if link.packets < windowPackets {
		return
	}
	loss, window := link.loss(), min(at.Sub(link.windowStart), windowCredit)
	link.resetWindow(at)
	s.lossy = inARow(s.lossy, loss > lossBad)
	s.loss += (loss - s.loss) / 4
	if s.lossy+s.slow+s.capped > 0 {
		s.calm = 0
		return
	}
	s.proof += window
	if s.calm += window; s.loss > lossCalm || !link.fluent(queueCalm) {
		s.calm = 0
	}
}

// inARow is n+1 if the next one is bad as well, and 0 if not.
func inARow(n int, bad bool) int {
	if bad {
		return n + 1
	}
	return 0
}

// rungBelow is the largest rung below i that needs no more than the carried share of the bitrate.
func rungBelow(rungs []mixer.Rung, i int, now mixer.RenditionStats, carried float64) int {
	sent := float64(rungs[i].Bitrate) // all rungs use about the same share of their limit
	if now.Passed && now.Bitrate > 0 {
		sent = float64(now.Bitrate)
	}
	to := i + 1
	for to+1 < len(rungs) && float64(rungs[to].Bitrate) > carried*sent {
		to++
	}
	return to
}

// calmFor is how long it has to be calm before a try of r.
func (c *rungController) calmFor(r mixer.Rung) time.Duration {
	return max(calmMin, c.calmNeeded[r.Lines()])
}

// tryFailed doubles the calm that r needs, if r is not proved yet.
func (c *rungController) tryFailed(r mixer.Rung) {
	if !c.state.trying {
		return
	}
	if c.calmNeeded == nil {
		c.calmNeeded = map[int]time.Duration{}
	}
	c.calmNeeded[r.Lines()] = min(2*c.calmFor(r), calmMax)
}

// trySucceeded halves the calm that r needs.
func (c *rungController) trySucceeded(r mixer.Rung) {
	c.state.trying, c.rose = false, false
	if c.calmNeeded != nil {
		c.calmNeeded[r.Lines()] = c.calmFor(r) / 2
	}
}
