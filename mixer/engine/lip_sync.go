package engine

import (
	"time"

	"azulejo/mixer/transit"
)

// How long frames wait for their audio.
const (
	syncMost      = 500 * time.Millisecond // the longest delay; a larger skew between audio and video means wrong clocks
	syncSnap      = 300 * time.Millisecond // a larger error of the delay is corrected at once
	syncSlew      = 100                    // a smaller error of the delay is corrected slowly: by at most 1/100 of the time that passes
	syncPause     = 10 * time.Second       // video does not wait for audio that has been silent for longer
	announceDelay = time.Millisecond       // a smaller change of the delay is not announced to the hub
	tickWait      = 20 * time.Millisecond  // average time that a frame waits for the next tick of a view with 25 frames a second
)

// audioTiming is the audio of the same source, as lip sync sees it. audioInput implements it.
type audioTiming interface {
	// arrival converts t to an arrival time: the duration since a moment that is the same for audio and video.
	arrival(t time.Time) time.Duration
	// videoLead returns by how much video that is not delayed is shown before its audio is heard. videoFloor is the transit
	// floor of the video by the sender's wall clock.
	videoLead(now time.Time, videoFloor transit.Floor) time.Duration
}

// lipSync delays the video of a source, because the audio of the source waits in its jitter buffer. So each frame is shown when
// its audio is heard. One goroutine owns the lipSync.
type lipSync struct {
	audio  audioTiming
	layers []layerTransit
	delay  time.Duration // from the arrival of a packet whose transit is the transit floor until its frame is shown
	moved  time.Time     // when follow was last called

	announced time.Duration       // the delay with which delayed was last called
	delayed   func(time.Duration) // gets each new delay
}

// layerTransit holds the transit floors of the packets of one layer.
type layerTransit struct {
	byTimestamp transit.Floor // by RTP timestamps
	byCapture   transit.Floor // by Packet.Captured, the sender's wall clock
}

// newLipSync returns a lipSync that calls delayed when the delay has changed by announceDelay or more.
func newLipSync(audio audioTiming, layers int, delayed func(time.Duration)) lipSync {
	return lipSync{audio: audio, layers: make([]layerTransit, layers), delayed: delayed}
}

// schedule returns when the frame of p is to be shown, and updates the delay. The frame is shown delay after p arrived. If the
// transit of p is longer than the transit floor, the frame is shown earlier by the difference.
func (l *lipSync) schedule(p layerPacket) time.Time {
	t := &l.layers[p.layer]
	arrived := l.audio.arrival(p.arrived)
	t.byTimestamp.Add(arrived, arrived-p.PTS)
	if p.Captured != 0 {
		t.byCapture.Add(arrived, arrived-p.Captured)
	}
	l.follow(l.audio.videoLead(p.arrived, t.byCapture), p.arrived)
	if (l.delay - l.announced).Abs() >= announceDelay {
		l.announced = l.delay
		l.delayed(l.delay)
	}
	late := arrived - p.PTS - t.byTimestamp.Value()
	if late > syncMost { // the sender's clock jumped, or no packet came for that long
		late, t.byTimestamp = 0, transit.Floor{}
		t.byTimestamp.Add(arrived, arrived-p.PTS)
	}
	return p.arrived.Add(l.delay - late)
}

// follow moves the delay towards target, slowly, because a change of the delay makes motion slower or faster. An error above
// syncSnap is corrected at once.
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
