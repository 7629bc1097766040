package camera

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/pion/rtp"

	"azulejo/codec/depack"
	"azulejo/mixer"
	"azulejo/mixer/faultlog"
	"azulejo/signal/camera/rtsp"
)

// receiver turns the RTP packets of one track into packets of the mixer.
type receiver struct {
	track     *depack.Track
	configure func(*mixer.Packet) // sets what the format of the track says about each packet
	out       func(mixer.Packet)
	faults    *faults
	clock     wallClock

	lost, malformed uint64 // that were reported to faults
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
	s := r.track.Stats()
	if s.Lost > r.lost {
		r.faults.addLost(s.Lost - r.lost)
	}
	if s.Malformed > r.malformed {
		r.faults.malformed.Add(s.Malformed-r.malformed, s.Fault)
	}
	r.lost, r.malformed = s.Lost, s.Malformed
}

// Report sets the camera's wall clock.
func (r *receiver) Report(timestamp uint32, wall time.Duration) { r.clock.set(timestamp, wall) }

var errLost = errors.New("RTP packets did not arrive")

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

// faultsQuiet is how long a kind of trouble with packets must be absent to be over.
const faultsQuiet = 10 * time.Second

// faults logs the trouble of a session that harms single packets.
type faults struct {
	lost, malformed *faultlog.Log
	others          map[rtsp.Fault]*faultlog.Log // never changes
	onLost          func(packets uint64)         // called with each number of lost packets; nil: nobody wants to know
}

func newFaults(log *slog.Logger, onLost func(packets uint64)) *faults {
	f := &faults{
		onLost:    onLost,
		lost:      faultlog.New(log, "lost RTP packets", faultsQuiet),
		malformed: faultlog.New(log, "malformed payloads", faultsQuiet),
		others:    map[rtsp.Fault]*faultlog.Log{},
	}
	for _, kind := range []rtsp.Fault{
		rtsp.FaultRTP, rtsp.FaultRTCP, rtsp.FaultPayloadType, rtsp.FaultSender, rtsp.FaultChannel, rtsp.FaultMessage, rtsp.FaultRequest,
	} {
		f.others[kind] = faultlog.New(log, string(kind), faultsQuiet)
	}
	return f
}

// add counts one case of a kind of trouble. Several goroutines may call it at once.
func (f *faults) add(kind rtsp.Fault, err error) { f.others[kind].Add(1, err) }

// addLost counts RTP packets that did not arrive.
func (f *faults) addLost(packets uint64) {
	f.lost.Add(packets, errLost)
	if f.onLost != nil {
		f.onLost(packets)
	}
}

// close writes that the trouble is over.
func (f *faults) close() {
	f.lost.Close()
	f.malformed.Close()
	for _, l := range f.others {
		l.Close()
	}
}

// discarded names the kinds of trouble that made a session discard all packets; empty if there was none.
func (f *faults) discarded() string {
	for _, kind := range []rtsp.Fault{rtsp.FaultPayloadType, rtsp.FaultRTP, rtsp.FaultSender, rtsp.FaultChannel} {
		if n := f.others[kind].Total(); n > 0 {
			return fmt.Sprintf("; %s were discarded", kind)
		}
	}
	return ""
}
