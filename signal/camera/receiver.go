package camera

import (
	"sync/atomic"
	"time"

	"github.com/pion/rtp"

	"azulejo/codec/depack"
	"azulejo/mixer"
)

// receiver turns the RTP packets of one track into packets of the mixer.
type receiver struct {
	track     *depack.Track
	configure func(*mixer.Packet) // sets what the format of the track says about each packet
	out       func(mixer.Packet)
	faults    *faults
	lost      *atomic.Uint64 // counts lost RTP packets; may be nil
	clock     wallClock
	seen      depack.Stats // that were reported to faults
}

// Packet passes on the access units that p completes.
func (r *receiver) Packet(p *rtp.Packet) {
	if at, ok := r.clock.at(p.Timestamp, r.track.ClockRate()); ok {
		r.track.Report(p.Timestamp, at)
	}
	for _, packet := range r.track.Push(p) {
		r.configure(&packet)
		r.out(packet)
	}
	r.reportFaults()
}

// reportFaults counts what has gone wrong since the last call.
func (r *receiver) reportFaults() {
	s := r.track.Stats()
	if n := s.Lost - r.seen.Lost; n > 0 {
		r.faults.lost.Add(n, errLost)
		if r.lost != nil {
			r.lost.Add(n)
		}
	}
	if n := s.Malformed - r.seen.Malformed; n > 0 {
		r.faults.malformed.Add(n, s.Fault)
	}
	r.seen = s
}

// Report sets the camera's wall clock.
func (r *receiver) Report(timestamp uint32, wall time.Duration) { r.clock.set(timestamp, wall) }

// wallClock converts RTP timestamps to the camera's wall clock, from one sender report until the next one. Some cameras send
// only one report in hours.
type wallClock struct {
	known bool
	wall  time.Duration // of the report, as Unix time
	last  uint32        // the last RTP timestamp
	ticks int64         // from the report to last
}

func (w *wallClock) set(timestamp uint32, wall time.Duration) {
	*w = wallClock{true, wall, timestamp, 0}
}

// at returns the wall clock at an RTP timestamp; false before the first report. rate is the RTP clock rate in Hz.
func (w *wallClock) at(timestamp uint32, rate int) (time.Duration, bool) {
	if !w.known {
		return 0, false
	}
	w.ticks += int64(int32(timestamp - w.last))
	w.last = timestamp
	seconds, rest := w.ticks/int64(rate), w.ticks%int64(rate)
	return w.wall + time.Duration(seconds)*time.Second + time.Duration(rest)*time.Second/time.Duration(rate), true
}
