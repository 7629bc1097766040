package peer

import (
	"time"

	"azulejo/mixer"
)

// What makes a viewer of rung "auto" go down. Twice in a row, since a radio link loses a burst now and then and loses
// some all the time: of 3 % at random, nine in a hundred packets come once in five minutes, twice in a row hardly ever.
const (
	lossBad   = 0.08                   // of a window; up to it retransmission repairs what is lost
	lossAwful = 0.25                   // at once: hardly a picture is whole
	queueBad  = 300 * time.Millisecond // what is sent again comes too late then
	capBad    = 0.8                    // of what is sent, by REMB, which follows it up and down by some tenths
	capAwful  = 0.5

	enough    = 100             // packets make a window
	enoughBad = 20              // are enough to see that a quarter is lost
	settle    = 3 * time.Second // after going down, at least, until reports are about the new rung
	unsettled = 10 * time.Second
)

// What makes it try the rung above, which costs a picture or two if the network does not carry it.
const (
	lossCalm  = 0.05 // on average: above what radio links lose at random, which is no reason to stay low
	queueCalm = 100 * time.Millisecond
	calmFor   = 8 * time.Second // without a stir; doubled by each try that fails
	calmMost  = 2 * time.Minute
	proof     = 10 * time.Second // without trouble, until a rung counts as carried
	credit    = 4 * time.Second  // that one window counts for at most: few packets in a long time prove little
	capFor    = 10 * time.Second // that a REMB is true for
)

// ladder finds the largest rung that one viewer's network carries, from what its receiver reports say. It starts at
// the largest. The zero ladder is ready; it is for one goroutine at a time.
type ladder struct {
	link  link
	most  int  // lines of the largest rung that is to be sent; zero: all are
	fell  bool // the last move was down, and has not come to pass
	rose  bool // the last move was up, and the rung has not proved itself
	stand stand

	waits map[int]time.Duration // by lines: how long it has to be calm before that rung is tried again

	limit   float64 // by REMB, in bits a second
	limitAt time.Time
}

// stand is how the viewer fares at the rung that it gets. It begins anew with every rung.
type stand struct {
	size   mixer.Size // zero: the rung is on its way
	passed bool       // a source's own packets
	trying bool       // the rung has not proved itself
	since  time.Time  // when it was first seen
	lower  bool       // than the one before, whose packets still wait

	lossy, slow, capped int     // how often in a row
	loss                float64 // smoothed
	calm, proof         time.Duration
}

// restart forgets what the rungs need, since the picture is another, but not the rung: the network is the same.
func (l *ladder) restart() { l.stand, l.waits, l.fell, l.rose = stand{}, nil, false, false }

// reroute forgets all but the rung: the way to the viewer is another.
func (l *ladder) reroute() { *l = ladder{most: l.most} }

// remb takes what the viewer says that it can receive (draft-alvestrand-rmcat-remb-03).
func (l *ladder) remb(at time.Time, bits float64) { l.limit, l.limitAt = bits, at }

// report takes a notice of a viewer that gets the rendition now, of a picture with these rungs, largest first. It
// tells whether the viewer is to be moved, which most says then.
func (l *ladder) report(n notice, rungs []mixer.Rung, now mixer.RenditionStats) bool {
	goesOn := l.link.add(n)
	at := l.place(rungs)
	size := mixer.Size{W: now.Width, H: now.Height}
	switch {
	case len(rungs) == 0 || rungs[at].Size != size:
		l.stand = stand{}
		return false
	case l.stand.size != size || l.stand.passed != now.Passed:
		l.arrive(n.at, size, now.Passed)
		return false
	case !goesOn || l.stand.settles(n):
		l.rest(n.at)
		return false
	}
	to := l.judge(n.at, rungs, at, now)
	if to == at {
		return false
	}
	l.most, l.fell, l.rose = rungs[to].Lines(), to > at, to < at
	return true
}

// place is the index of the rung that the viewer is led to.
func (l *ladder) place(rungs []mixer.Rung) int {
	if l.most == 0 {
		return 0
	}
	for i, r := range rungs {
		if r.Lines() <= l.most {
			return i
		}
	}
	return len(rungs) - 1
}

func (l *ladder) arrive(at time.Time, size mixer.Size, passed bool) {
	l.stand = stand{size: size, passed: passed, trying: !l.fell, since: at, lower: l.fell}
	l.fell = false
	l.link.clear(at)
}

// settles tells whether a notice still tells of the rung before, whose packets wait in front of those of this one.
// The sender report that it answers says when it left; of two that left since, one tells whether the queue drains.
func (s *stand) settles(n notice) bool {
	if !s.lower || n.at.Sub(s.since) > unsettled {
		return false
	}
	old := n.echo != 0 && int32(n.echo-middle(s.since.Add(time.Second))) < 0
	return old || n.at.Sub(s.since) < settle
}

// rest takes no notice of a notice.
func (l *ladder) rest(at time.Time) {
	l.stand.lossy, l.stand.slow, l.stand.capped, l.stand.calm = 0, 0, 0, 0
	l.link.clear(at)
}

// judge is the index of the rung that follows.
func (l *ladder) judge(at time.Time, rungs []mixer.Rung, i int, now mixer.RenditionStats) int {
	share := l.share(at, now.Bitrate)
	carried, bad := l.trouble(at, share)
	switch {
	case bad && i+1 < len(rungs):
		if l.fail(rungs[i]); l.rose {
			return i + 1 // which was carried just now
		}
		return lower(rungs, i, now, carried)
	case bad:
		l.rest(at)
	case l.stand.trying && l.stand.proof >= proof:
		l.succeed(rungs[i])
	case i > 0 && share >= 1 && l.stand.calm >= l.wait(rungs[i-1]):
		return i - 1
	}
	return i
}

// share is how much of what is sent the viewer says that it can receive; one if it says nothing.
func (l *ladder) share(at time.Time, bitrate int) float64 {
	if bitrate == 0 || l.limitAt.IsZero() || at.Sub(l.limitAt) > capFor {
		return 1
	}
	return min(l.limit/float64(bitrate), 1)
}

// trouble tells whether the network does not carry the rung, and how much of it at most.
func (l *ladder) trouble(at time.Time, share float64) (carried float64, bad bool) {
	s, loss, packets := &l.stand, l.link.loss(), l.link.packets
	l.weigh(at, share)
	switch {
	case packets >= enoughBad && loss > lossAwful:
		return 1 - loss, true
	case share < capAwful, s.capped >= 2:
		return share, true
	case s.lossy >= 2, s.slow >= 2:
		return 1, true
	}
	return 1, false
}

// weigh counts what is good and what is bad.
func (l *ladder) weigh(at time.Time, share float64) {
	s, k := &l.stand, &l.link
	if k.sampled {
		s.slow = again(s.slow, k.stuck(queueBad))
	}
	s.capped = again(s.capped, share < capBad)
	if k.packets < enough {
		return
	}
	loss, spell := k.loss(), min(at.Sub(k.since), credit)
	k.clear(at)
	s.lossy = again(s.lossy, loss > lossBad)
	s.loss += (loss - s.loss) / 4
	if s.lossy+s.slow+s.capped > 0 {
		s.calm = 0
		return
	}
	s.proof += spell
	if s.calm += spell; s.loss > lossCalm || !k.fluent(queueCalm) {
		s.calm = 0
	}
}

func again(n int, bad bool) int {
	if bad {
		return n + 1
	}
	return 0
}

// lower is the largest rung below that needs no more than the share of the bits that is carried.
func lower(rungs []mixer.Rung, i int, now mixer.RenditionStats, carried float64) int {
	sent := float64(rungs[i].Bitrate) // all rungs take about the same share of what they may
	if now.Passed && now.Bitrate > 0 {
		sent = float64(now.Bitrate)
	}
	to := i + 1
	for to+1 < len(rungs) && float64(rungs[to].Bitrate) > carried*sent {
		to++
	}
	return to
}

func (l *ladder) wait(r mixer.Rung) time.Duration { return max(calmFor, l.waits[r.Lines()]) }

// fail makes a rung that did not prove itself wait for longer.
func (l *ladder) fail(r mixer.Rung) {
	if !l.stand.trying {
		return
	}
	if l.waits == nil {
		l.waits = map[int]time.Duration{}
	}
	l.waits[r.Lines()] = min(2*l.wait(r), calmMost)
}

func (l *ladder) succeed(r mixer.Rung) {
	l.stand.trying, l.rose = false, false
	if l.waits != nil {
		l.waits[r.Lines()] = l.wait(r) / 2
	}
}
