package camera

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"azulejo/mixer"
	"azulejo/mixer/faultlog"
	"azulejo/signal/camera/rtsp"
)

// faultsQuiet is how long a kind of trouble with packets must be absent to be over.
const faultsQuiet = time.Minute

var errLost = errors.New("RTP packets did not arrive")

// faults logs the trouble of one stream that ends no session: trouble with packets, and with the audio track. It outlives the
// sessions of the stream, so that trouble that every session has is logged once. It is safe for concurrent use.
type faults struct {
	log             *slog.Logger
	lost, malformed *faultlog.Log
	others          map[rtsp.Fault]*faultlog.Log // never changes
	buffer          sync.Once                    // of smallBuffer

	mu    sync.Mutex
	audio mixer.Trouble // that was logged last
}

func newFaults(log *slog.Logger) *faults {
	f := &faults{
		log:       log,
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

// add counts one case of a kind of trouble.
func (f *faults) add(kind rtsp.Fault, err error) { f.others[kind].Add(1, err) }

// audioTrouble logs why the audio is not taken, or that it is taken again, if that has changed.
func (f *faults) audioTrouble(t mixer.Trouble) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case t == f.audio:
	case t.Reason != "":
		f.log.Warn("audio is not taken", "reason", t.Reason, "detail", t.Detail)
	default:
		f.log.Info("audio is taken")
	}
	f.audio = t
}

// smallBuffer logs once that the kernel gives a smaller receive buffer than was requested, in bytes.
func (f *faults) smallBuffer(got, wanted int) {
	f.buffer.Do(func() {
		f.log.Warn("receive buffer is smaller than wanted", "bytes", got, "wanted", wanted, "setting", "net.core.rmem_max")
	})
}

// close writes that the trouble is over. The faults can be used again.
func (f *faults) close() {
	f.lost.Close()
	f.malformed.Close()
	for _, l := range f.others {
		l.Close()
	}
}

// totals returns how many cases of each kind of trouble there were.
func (f *faults) totals() map[rtsp.Fault]uint64 {
	all := map[rtsp.Fault]uint64{}
	for kind, l := range f.others {
		all[kind] = l.Total()
	}
	return all
}

// discarded names the kind of trouble that made a session discard all packets; empty if there was none. before has the totals
// at the start of the session.
func (f *faults) discarded(before map[rtsp.Fault]uint64) string {
	for _, kind := range []rtsp.Fault{rtsp.FaultPayloadType, rtsp.FaultRTP, rtsp.FaultSender, rtsp.FaultChannel} {
		if f.others[kind].Total() > before[kind] {
			return fmt.Sprintf("; %s were discarded", kind)
		}
	}
	return ""
}
