package engine

import "time"

// How pictures are held.
const (
	syncMost  = 500 * time.Millisecond // the longest; a clock that says more between sound and picture is not believed
	syncSnap  = 300 * time.Millisecond // off by more is set right at once
	syncSlew  = 100                    // otherwise by one part in so many of the time that passes
	syncPause = 10 * time.Second       // sound that nobody hears for longer is not waited for
	tickWait  = 20 * time.Millisecond  // a picture waits for the tick of its view, on average of the usual rate
)

// lipSync is how long the pictures of a source are held so that they are shown when their sound is heard: sound waits
// in its jitter buffer. The zero value holds nothing.
type lipSync struct {
	delay time.Duration // from the moment at which what is least delayed on its way arrives
	moved time.Time
	sent  time.Duration // the delay that was announced last
}

// follow brings the delay nearer to what it should be at now: slowly, since motion becomes slower or faster by that.
func (l *lipSync) follow(target time.Duration, now time.Time) {
	step := now.Sub(l.moved) / syncSlew
	l.moved = now
	target = min(max(target, 0), syncMost)
	if off := target - l.delay; off.Abs() > syncSnap {
		l.delay = target
	} else {
		l.delay += within(off, step)
	}
}

// within is d, but no more than most in either direction.
func within(d, most time.Duration) time.Duration { return min(max(d, -most), most) }

// hold waits until p is due; false means that the source was closed meanwhile. What comes behind waits in the queue.
func (v *videoIn) hold(p *layered) bool {
	p.due = v.schedule(*p)
	wait := time.Until(p.due)
	if wait <= 0 {
		return true
	}
	v.timer.Reset(wait)
	for {
		select {
		case <-v.quit:
			return false
		case <-v.poked:
			v.reconsider()
		case <-v.timer.C:
			return true
		}
	}
}

// schedule tells when the picture of p is to be shown. That is never later than the delay after it came: what its
// network has made it wait counts.
func (v *videoIn) schedule(p layered) time.Time {
	sound, l := v.source.sound, &v.layers[p.layer]
	came := p.came.Sub(sound.born)
	l.way.add(came, came-p.PTS)
	if p.Captured != 0 {
		l.clock.add(came, came-p.Captured)
	}
	v.sync.follow(sound.ahead(p.came, l.clock), p.came)
	if d := v.sync.delay; (d - v.sync.sent).Abs() >= time.Millisecond {
		v.sync.sent = d
		v.source.cfg.Delayed(d)
	}
	late := came - p.PTS - l.way.floor()
	if late > syncMost { // another clock, or nothing came for as long
		late, l.way = 0, way{}
		l.way.add(came, came-p.PTS)
	}
	return p.came.Add(v.sync.delay - late)
}

// ahead is by how much a picture would be shown before its sound if it were not held, by the sender's clock: picture
// is the transit of that. Negative if the sound would be first; then sound is made to wait. Zero if there is none.
func (s *soundIn) ahead(now time.Time, picture way) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pictured = now
	if s.muted.Load() || now.Sub(s.audible) > syncPause {
		s.buffer.least = 0
		return 0
	}
	skew := s.skew(picture) - tickWait
	s.buffer.least = soundLatency - skew
	return s.buffer.waited - soundLatency + skew
}

// skew is by how much later the sound of a moment comes than its picture. As long as no clock tells, they are taken
// for simultaneous: then sound comes when its packet is full.
func (s *soundIn) skew(picture way) time.Duration {
	if s.clock.known && picture.known {
		if skew := s.clock.floor() - picture.floor(); skew.Abs() <= syncMost {
			return skew
		}
	}
	return blockTime
}
