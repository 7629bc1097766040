package peer

import (
	"time"

	"azulejo/mixer"
)

// These limits move a viewer with rung "auto" to a smaller rung. A value beyond a limit named …Bad is bad. A bad value moves
// the viewer only if it comes twice in a row, because a radio link loses bursts now and then and single packets all the
// time. Loss is measured over a window of packets. With 3 % random loss, a window with 9 % loss comes once in five minutes,
// and two in a row hardly ever.
const (
	lossBad     = 0.08                   // share of lost packets in a window; retransmission repairs a smaller loss
	lossSevere  = 0.25                   // moves the viewer at once, because hardly a frame is complete
	queueBad    = 300 * time.Millisecond // queueing delay; with a longer one, retransmissions come too late
	shareBad    = 0.8                    // REMB divided by the sent bitrate; it varies by some tenths even without congestion
	shareSevere = 0.5                    // moves the viewer at once

	windowPackets = 100 // the number of packets after which a window ends
	severePackets = 20  // the number of packets in a window that is enough to find severe loss

	// After a move down, reports do not count until they are about the new rung. That takes from settleMin to settleMax.
	settleMin = 3 * time.Second
	settleMax = 10 * time.Second
)

// These limits move a viewer to the next larger rung. Such a move is a try: it costs a frame or two if the network does not
// carry the larger rung. Calm is time without bad values and with a loss and a queueing delay below the limits here.
const (
	lossCalm     = 0.05                   // share of lost packets, smoothed; it is above the random loss of radio links
	queueCalm    = 100 * time.Millisecond // queueing delay
	calmMin      = 8 * time.Second        // the calm before a try; each failed try of a rung doubles the calm for this rung
	calmMax      = 2 * time.Minute        // no try needs more calm
	proofTime    = 10 * time.Second       // time without bad values after which a rung is proved: the network carries it
	windowCredit = 4 * time.Second        // a window adds at most this time to calm and proof, because few packets prove little
	rembValid    = 10 * time.Second       // the age at which a REMB no longer counts
)

// rungController finds the largest rung that one viewer's network carries. It gets the viewer's receiver reports and REMB.
// It starts at the largest rung. The zero value is ready to use. Only one goroutine may use it at a time.
type rungController struct {
	link  linkQuality
	lines int  // Lines of the chosen rung; zero: the largest rung
	fell  bool // the last move was down, and startRung has not been called since
	rose  bool // the last move was up, and the larger rung is not proved yet
	state rungState

	calmNeeded map[int]time.Duration // the calm before a try of a rung, by Lines of the rung; calmMin if absent

	remb         float64 // the newest REMB, in bits a second
	rembReceived time.Time
}

// rungState is what the reports say about the rung that the viewer gets. Each startRung makes a new rungState.
type rungState struct {
	size        mixer.Size // zero: the viewer does not get the chosen rung yet
	passthrough bool       // the viewer gets a source's own packets
	trying      bool       // the rung is not proved yet
	start       time.Time  // of the first report about this rung
	afterLarger bool       // the previous rung was larger, and its packets may still be queued in the network

	lossy  int // how many windows in a row, up to the last one, had a bad loss
	slow   int // how many RTT samples in a row, up to the last one, had a bad queueing delay
	capped int // how many reports in a row, up to the last one, came while the REMB was below shareBad

	loss  float64       // share of lost packets, smoothed over the windows
	calm  time.Duration // time of the calm windows in a row, up to the last one
	proof time.Duration // time of the windows without bad values
}

// viewChanged keeps the chosen rung, because the network is the same. It forgets the results of tries, because another view
// needs other bitrates.
func (c *rungController) viewChanged() {
	c.state, c.calmNeeded, c.fell, c.rose = rungState{}, nil, false, false
}

// pathChanged forgets everything except the chosen rung, because the network path to the viewer may be another one.
func (c *rungController) pathChanged() { *c = rungController{lines: c.lines} }

// setREMB stores the bitrate that the viewer can receive, in bits a second (draft-alvestrand-rmcat-remb-03).
func (c *rungController) setREMB(received time.Time, bitrate float64) {
	c.remb, c.rembReceived = bitrate, received
}

// onReport handles a receiver report. rungs are the rungs of the view, largest first, and sent is the rendition that the
// viewer gets. onReport returns true if it has chosen another rung. The caller must then move the viewer to that rung.
func (c *rungController) onReport(r receiverReport, rungs []mixer.Rung, sent mixer.RenditionStats) bool {
	comparable := c.link.add(r)
	current := c.index(rungs)
	size := mixer.Size{W: sent.Width, H: sent.Height}
	switch {
	case len(rungs) == 0 || rungs[current].Size != size:
		c.state = rungState{}
		return false
	case c.state.size != size || c.state.passthrough != sent.Passed:
		c.startRung(r.received, size, sent.Passed)
		return false
	case !comparable || c.state.settling(r):
		c.discardWindow(r.received)
		return false
	}
	next := c.nextRung(r.received, rungs, current, sent)
	if next == current {
		return false
	}
	c.lines, c.fell, c.rose = rungs[next].Lines(), next > current, next < current
	return true
}

// index returns the index of the chosen rung in rungs.
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

// startRung starts the state of a rung. It is called with the first report after the viewer has got this rung.
func (c *rungController) startRung(start time.Time, size mixer.Size, passthrough bool) {
	c.state = rungState{size: size, passthrough: passthrough, trying: !c.fell, start: start, afterLarger: c.fell}
	c.fell = false
	c.link.resetWindow(start)
}

// settling reports whether r may still be about the previous, larger rung, whose packets may be queued in the network. A
// report counts if it answers a sender report that was sent at least one second after the start of the rung. The sender
// report before that one was then also sent at this rung, so both newest queueing delays are about this rung.
func (s *rungState) settling(r receiverReport) bool {
	if !s.afterLarger || r.received.Sub(s.start) > settleMax {
		return false
	}
	old := r.echo != 0 && int32(r.echo-shortNTP(s.start.Add(time.Second))) < 0
	return old || r.received.Sub(s.start) < settleMin
}

// discardWindow starts a new window and resets the counters and the calm.
func (c *rungController) discardWindow(start time.Time) {
	c.state.lossy, c.state.slow, c.state.capped, c.state.calm = 0, 0, 0, 0
	c.link.resetWindow(start)
}

// nextRung returns the index of the rung to send after the report that was received at the given time. i is the index of
// the rung that is sent now.
func (c *rungController) nextRung(received time.Time, rungs []mixer.Rung, i int, sent mixer.RenditionStats) int {
	share := c.rembShare(received, sent.Bitrate)
	carried, congested := c.congestion(received, share)
	switch {
	case congested && i+1 < len(rungs):
		if c.tryFailed(rungs[i]); c.rose {
			return i + 1 // the network carried this rung before the try
		}
		return rungBelow(rungs, i, sent, carried)
	case congested:
		c.discardWindow(received)
	case c.state.trying && c.state.proof >= proofTime:
		c.trySucceeded(rungs[i])
	case i > 0 && share >= 1 && c.state.calm >= c.calmFor(rungs[i-1]):
		return i - 1
	}
	return i
}

// rembShare returns the REMB divided by the sent bitrate, at most 1. It is 1 without a valid REMB.
func (c *rungController) rembShare(now time.Time, bitrate int) float64 {
	if bitrate == 0 || c.rembReceived.IsZero() || now.Sub(c.rembReceived) > rembValid {
		return 1
	}
	return min(c.remb/float64(bitrate), 1)
}

// congestion reports whether the network is too slow for the rung. carried is the largest share of the rung's bitrate that
// the network may carry, 0 to 1. rembShare is the result of the method rembShare.
func (c *rungController) congestion(received time.Time, rembShare float64) (carried float64, congested bool) {
	s, loss, packets := &c.state, c.link.loss(), c.link.packets
	c.updateState(received, rembShare)
	switch {
	case packets >= severePackets && loss > lossSevere:
		return 1 - loss, true
	case rembShare < shareSevere, s.capped >= 2:
		return rembShare, true
	case s.lossy >= 2, s.slow >= 2:
		return 1, true
	}
	return 1, false
}

// updateState updates the state with the newest report. If the report ends a window, it also updates the state with the
// loss and the time of the window, and starts a new window.
func (c *rungController) updateState(received time.Time, rembShare float64) {
	s, link := &c.state, &c.link
	if link.sampled {
		s.slow = countInRow(s.slow, link.queueAbove(queueBad))
	}
	s.capped = countInRow(s.capped, rembShare < shareBad)
	if link.packets < windowPackets {
		return
	}
	loss, window := link.loss(), min(received.Sub(link.windowStart), windowCredit)
	link.resetWindow(received)
	s.lossy = countInRow(s.lossy, loss > lossBad)
	s.loss += (loss - s.loss) / 4
	if s.lossy+s.slow+s.capped > 0 {
		s.calm = 0
		return
	}
	s.proof += window
	if s.calm += window; s.loss > lossCalm || !link.queueBelow(queueCalm) {
		s.calm = 0
	}
}

// countInRow returns n+1 if the newest value is bad, and 0 if it is not.
func countInRow(n int, bad bool) int {
	if bad {
		return n + 1
	}
	return 0
}

// rungBelow returns the index of the largest rung smaller than rung i whose bitrate is within the carried share of the
// bitrate of rung i. If there is none, it returns the smallest rung.
func rungBelow(rungs []mixer.Rung, i int, sent mixer.RenditionStats, carried float64) int {
	bitrate := float64(rungs[i].Bitrate) // caps can be compared, because all rungs use about the same share of their cap
	if sent.Passed && sent.Bitrate > 0 {
		bitrate = float64(sent.Bitrate) // packets of a source have no cap
	}
	next := i + 1
	for next+1 < len(rungs) && float64(rungs[next].Bitrate) > carried*bitrate {
		next++
	}
	return next
}

// calmFor returns the calm that is needed before a try of r.
func (c *rungController) calmFor(r mixer.Rung) time.Duration {
	return max(calmMin, c.calmNeeded[r.Lines()])
}

// tryFailed doubles the calm that a try of r needs, unless the current rung r is proved.
func (c *rungController) tryFailed(r mixer.Rung) {
	if !c.state.trying {
		return
	}
	if c.calmNeeded == nil {
		c.calmNeeded = map[int]time.Duration{}
	}
	c.calmNeeded[r.Lines()] = min(2*c.calmFor(r), calmMax)
}

// trySucceeded marks the current rung r as proved and halves the calm that a later try of r needs.
func (c *rungController) trySucceeded(r mixer.Rung) {
	c.state.trying, c.rose = false, false
	if c.calmNeeded != nil {
		c.calmNeeded[r.Lines()] = c.calmFor(r) / 2
	}
}
