package peer

import (
	"time"

	"github.com/pion/rtcp"
)

// receiverReport is one reception report about the video (RFC 3550, section 6.4.1).
type receiverReport struct {
	received  time.Time
	lostShare float64       // share of packets that were lost since the previous report, 0 to 1
	newest    uint32        // extended sequence number of the newest packet
	echo      uint32        // LSR, the middle 32 bits of the NTP time of a sender report that the viewer received; zero: none
	rtt       time.Duration // round trip of that sender report and this report; valid if echo is not zero
}

// parseReport reads a reception report that was received at the given time.
func parseReport(r rtcp.ReceptionReport, received time.Time) receiverReport {
	out := receiverReport{received: received, lostShare: float64(r.FractionLost) / 256, newest: r.LastSequenceNumber}
	trip := int32(shortNTP(received) - r.LastSenderReport - r.Delay)
	if r.LastSenderReport != 0 && trip >= 0 { // negative: the system clock was set back
		out.echo, out.rtt = r.LastSenderReport, time.Duration(trip)*time.Second>>16
	}
	return out
}

// shortNTP returns the middle 32 bits of an NTP time: seconds since 1900 as 16.16 fixed point, modulo 2^16 s.
func shortNTP(t time.Time) uint32 { return uint32(ntp(t) >> 16) }

const (
	// maxSequenceJump is how many packets may lie between two reports. A larger jump means another stream.
	maxSequenceJump = 1 << 15

	// minRTTPeriod is the length of a period. The minimum RTT is the minimum of the current and the previous period. An
	// older minimum does not count, because routes change.
	minRTTPeriod = 30 * time.Second

	// minSent is how many packets a report must cover for its queueing delay to count. With fewer packets, other traffic
	// fills the queue.
	minSent = 10
)

// linkQuality is the packet loss and the queueing delay of one viewer's network. It gets all receiver reports of the viewer.
// The zero value is ready to use.
type linkQuality struct {
	last     receiverReport // the last report; the zero value before the first
	interval time.Duration  // between the last two reports; zero if they cannot be compared
	sent     uint32         // number of packets that the last report covers

	// The window is all reports since resetWindow.
	windowStart   time.Time
	packets, lost float64 // numbers of packets in the window

	minRTT      [2]time.Duration // minimum RTT of the current and the previous period; zero: unknown
	periodStart time.Time        // of the current period
	queueDelay  [2]time.Duration // queueing delays of the newest two RTT samples, newest first
	sampled     bool             // the last report gave a new RTT sample
}

// add adds the next report. It returns false if the report cannot be compared with the previous one. That is so for the
// first report, for a report about another stream, and for the first report after a silence. The losses of a silence say
// nothing about the capacity of the network.
func (q *linkQuality) add(r receiverReport) bool {
	interval, sent := r.received.Sub(q.last.received), r.newest-q.last.newest
	comparable := !q.last.received.IsZero() && sent < maxSequenceJump && (q.interval == 0 || interval <= 2*q.interval+2*time.Second)
	if !comparable {
		interval, sent = 0, 0
		q.resetWindow(r.received)
	}
	q.interval, q.sent = interval, sent
	q.packets += float64(sent)
	q.lost += r.lostShare * float64(sent)
	if q.sampled = r.echo != 0 && r.echo != q.last.echo; q.sampled {
		q.addRTT(r)
	}
	q.last = r
	return comparable
}

// addRTT adds the RTT of a report as a sample. The queueing delay is the RTT less the minimum RTT.
func (q *linkQuality) addRTT(r receiverReport) {
	if r.received.Sub(q.periodStart) >= minRTTPeriod {
		q.minRTT, q.periodStart = [2]time.Duration{0, q.minRTT[0]}, r.received
	}
	rtt := max(r.rtt, 1)
	if q.minRTT[0] == 0 || rtt < q.minRTT[0] {
		q.minRTT[0] = rtt
	}
	minRTT := q.minRTT[0]
	if q.minRTT[1] != 0 {
		minRTT = min(minRTT, q.minRTT[1])
	}
	q.queueDelay = [2]time.Duration{rtt - minRTT, q.queueDelay[0]}
}

// resetWindow starts a new, empty window.
func (q *linkQuality) resetWindow(start time.Time) { q.windowStart, q.packets, q.lost = start, 0, 0 }

// loss returns the share of packets that were lost in the window, 0 to 1.
func (q *linkQuality) loss() float64 { return q.lost / max(q.packets, 1) }

// queueAbove reports whether the queueing delay is above d and the queue does not drain. A draining queue is no reason to
// send less.
func (q *linkQuality) queueAbove(d time.Duration) bool {
	const drained = 50 * time.Millisecond // a draining queue has become shorter by this much since the sample before
	return q.sampled && q.sent >= minSent && q.queueDelay[0] > d && q.queueDelay[0] > q.queueDelay[1]-drained
}

// queueBelow reports whether one of the newest two queueing delays is below d. One is enough, because a radio link delays
// single packets.
func (q *linkQuality) queueBelow(d time.Duration) bool {
	return min(q.queueDelay[0], q.queueDelay[1]) < d
}
