package rtsp

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
)

// reception counts the packets of a track for receiver reports (RFC 3550, 6.4.1 and A.3). Cameras take these reports as a sign
// that somebody still watches.
type reception struct {
	lastReport atomic.Pointer[senderReport]

	mu       sync.Mutex
	known    bool      // a packet has come
	began    time.Time // when the first packet came
	ssrc     uint32
	first    uint32 // extended sequence number of the first packet
	highest  uint32 // extended sequence number
	received uint32
	transit  uint32 // arrival minus timestamp of the last packet, in units of the RTP clock, modulo 2^32
	jitter   float64

	// At the last report.
	expectedThen, receivedThen uint32
}

// maxStep is the greatest step of sequence numbers that is no restart of the sender.
const maxStep = 3000

// add counts a packet. rate is the RTP clock rate in Hz.
func (r *reception) add(ssrc uint32, sequence uint16, timestamp uint32, rate int, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	step := int16(sequence - uint16(r.highest))
	if !r.known || r.ssrc != ssrc || step > maxStep || step < -maxStep {
		r.known, r.began, r.ssrc, r.received, r.expectedThen, r.receivedThen, r.jitter = true, now, ssrc, 0, 0, 0, 0
		r.first, r.highest, step = 1<<16|uint32(sequence), 1<<16|uint32(sequence), 0
	}
	if step > 0 {
		r.highest += uint32(step)
	}
	transit := ticks(now.Sub(r.began), rate) - timestamp
	if r.received > 0 {
		change := float64(int32(transit - r.transit)) // small where the timestamp wraps, too
		r.jitter += (math.Abs(change) - r.jitter) / 16
	}
	r.transit = transit
	r.received++
}

// ticks returns a duration in units of an RTP clock of rate Hz, modulo 2^32.
func ticks(d time.Duration, rate int) uint32 {
	return uint32(int64(d/time.Second)*int64(rate) + int64(d%time.Second)*int64(rate)/int64(time.Second))
}

// longestDelay is the greatest delay since a sender report that a receiver report can name. It has units of 1/65536 s.
const longestDelay = 65535 * time.Second

// receiverReport returns a report about the track; nil if no packet has come.
func (r *reception) receiverReport(now time.Time) *rtcp.ReceiverReport {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.known {
		return nil
	}
	expected := r.highest - r.first + 1
	lost := int64(expected) - int64(r.received)
	interval, intervalLost := int64(expected-r.expectedThen), int64(expected-r.expectedThen)-int64(r.received-r.receivedThen)
	r.expectedThen, r.receivedThen = expected, r.received
	block := rtcp.ReceptionReport{
		SSRC: r.ssrc, LastSequenceNumber: r.highest, TotalLost: uint32(min(max(lost, 0), 0x7fffff)), Jitter: uint32(min(r.jitter, 1<<31)),
	}
	if interval > 0 && intervalLost > 0 {
		block.FractionLost = uint8(min(intervalLost*256/interval, 255))
	}
	if sr := r.lastReport.Load(); sr != nil {
		block.LastSenderReport = uint32(sr.ntp >> 16)
		block.Delay = uint32(min(now.Sub(sr.arrived), longestDelay) * 65536 / time.Second)
	}
	return &rtcp.ReceiverReport{SSRC: r.ssrc + 1, Reports: []rtcp.ReceptionReport{block}}
}
