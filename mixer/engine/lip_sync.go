package engine

import (
	"time"

	"azulejo/mixer/transit"
)

// How long frames wait for their audio.
const (
	syncMost  = 500 * time.Millisecond // the longest delay; a larger skew between audio and video means wrong clocks
	syncSnap  = 300 * time.Millisecond // a larger error is corrected at once
	syncSlew  = 100                    // a smaller error is corrected by 1/100 of the time that passes
	syncPause = 10 * time.Second       // video does not wait for audio that has been silent for longer
	// announceDelay is the change of the delay that the server's side is told of.
	announceDelay = time.Millisecond
	tickWait      = 20 * time.Millisecond // a frame waits this long for the tick of its view, on average at the usual rate
)

// audioTiming is what lip sync needs of the audio of the same source.
type audioTiming interface {
	// arrival is t as the time of an arrival: since a zero that audio and video share.
	arrival(t time.Time) time.Duration
	// videoLead is by how much video would be shown before its audio is heard if it was not delayed. video is the
	// transit of the video by the sender's clock.
	videoLead(now time.Time, video transit.Floor) time.Duration
}

// lipSync delays the frames of a source so that they are shown when their audio is heard: audio waits in its jitter
// buffer. One goroutine owns it.
type lipSync struct {
	audio  audioTiming
	layers []layerTransit
	delay  time.Duration // after the arrival of packets with the shortest transit
	moved  time.Time     // when delay changed last

	announced time.Duration // the delay that was passed to delayed last
	delayed   func(time.Duration)
}

// layerTransit is the transit of the packets of one layer.
type layerTransit struct {
	byTimestamp transit.Floor // by RTP timestamps
	byCapture   transit.Floor // by the sender's wall clock
}

// newLipSync calls delayed when the delay has changed by announceDelay or more.
func newLipSync(audio audioTiming, layers int, delayed func(time.Duration)) lipSync {
	return lipSync{audio: audio, layers: make([]layerTransit, layers), delayed: delayed}
}

// schedule returns when the frame of p is to be shown. That is at most delay after p came: the time that p has waited
// in the network counts.
func (l *lipSync) schedule(p layerPacket) time.Time {
	t := &l.layers[p.layer]
	came := l.audio.arrival(p.arrived)
	t.byTimestamp.Add(came, came-p.PTS)
	if p.Captured != 0 {
		t.byCapture.Add(came, came-p.Captured)
	}
	l.follow(l.audio.videoLead(p.arrived, t.byCapture), p.arrived)
	if (l.delay - l.announced).Abs() >= announceDelay {
		l.announced = l.delay
		l.delayed(l.delay)
	}
	late := came - p.PTS - t.byTimestamp.Value()
	if late > syncMost { // the sender's clock jumped, or no packet came for that long
		late, t.byTimestamp = 0, transit.Floor{}
		t.byTimestamp.Add(came, came-p.PTS)
	}
	return p.arrived.Add(l.delay - late)
}

// follow brings the delay nearer to target. It does so slowly, for a change of the delay makes motion slower or faster.
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

// within limits d to between -most and most.
func within(d, most time.Duration) time.Duration { return min(max(d, -most), most) }
