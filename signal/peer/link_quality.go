package peer

import (
	"time"

	"github.com/pion/rtcp"
)

// receiverReport is one reception report about the video (RFC 3550, section 6.4.1).
type receiverReport struct {
	at     time.Time
	lost   float64       // share of the packets since the report before, 0 to 1
	newest uint32        // extended sequence number of the newest packet
	echo   uint32        // LSR: names the sender report that it answers; zero: none
	rtt    time.Duration // round trip since that sender report; valid if echo is not zero
}

func parseReport(r rtcp.ReceptionReport, at time.Time) receiverReport {
	out := receiverReport{at: at, lost: float64(r.FractionLost) / 256, newest: r.LastSequenceNumber}
	trip := int32(shortNTP(at) - r.LastSenderReport - r.Delay)
	if r.LastSenderReport != 0 && trip >= 0 { // negative: our clock was set back
		out.echo, out.rtt = r.LastSenderReport, time.Duration(trip)*time.Second>>16
	}
	return out
}

// shortNTP is the middle 32 bits of an NTP time: seconds since 1900 as 16.16.
func shortNTP(t time.Time) uint32 { return uint32(ntp(t) >> 16) }

const (
	maxSequenceJump = 1 << 15          // packets between two reports; a larger jump means another stream
	minRTTPeriod    = 30 * time.Second // the minimum RTT is that of this period and the one before: routes change
	minSent         = 10               // packets in a report; with fewer, a full queue is not caused by our video
)

// linkQuality is the loss and the queueing delay of one viewer's network, from its receiver reports. The zero value is
// ready.
type linkQuality struct {
	last     receiverReport // at is zero before the first
	interval time.Duration  // between the last two reports; zero after a silence
	sent     uint32         // packets that the last report covers

	// The window: all reports since resetWindow.
	windowStart   time.Time
	packets, lost float64

	minRTT      [2]time.Duration // of this period and the one before; zero: unknown
	periodStart time.Time
	queueDelay  [2]time.Duration // RTT above the minimum, of the newest sender reports, newest first
	sampled     bool             // the last report answers a new sender report
}

// add adds the next report. It returns false when the report cannot be compared with the one before: it is the first,
// it is about another stream, or it follows a silence, whose losses say nothing about the capacity of the network.
func (q *linkQuality) add(r receiverReport) bool {
	interval, sent := r.at.Sub(q.last.at), r.newest-q.last.newest
	comparable := !q.last.at.IsZero() && sent < maxSequenceJump && (q.interval == 0 || interval <= 2*q.interval+2*time.Second)
	if !comparable {
		interval, sent = 0, 0
		q.resetWindow(r.at)
	}
	q.interval, q.sent = interval, sent
	q.packets += float64(sent)
	q.lost += r.lost * float64(sent)
	if q.sampled = r.echo != 0 && r.echo != q.last.echo; q.sampled {
		q.addRTT(r)
	}
	q.last = r
	return comparable
}

// addRTT compares a round trip with the minimum. The rest was spent in queues.
func (q *linkQuality) addRTT(r receiverReport) {
	if r.at.Sub(q.periodStart) >= minRTTPeriod {
		q.minRTT, q.periodStart = [2]time.Duration{0, q.minRTT[0]}, r.at
	}
	rtt := max(r.rtt, 1)
	if q.minRTT[0] == 0 || rtt < q.minRTT[0] {
		q.minRTT[0] = rtt
	}
	base := q.minRTT[0]
	if q.minRTT[1] != 0 {
		base = min(base, q.minRTT[1])
	}
	q.queueDelay = [2]time.Duration{rtt - base, q.queueDelay[0]}
}

// resetWindow starts a new window.
func (q *linkQuality) resetWindow(at time.Time) { q.windowStart, q.packets, q.lost = at, 0, 0 }

// loss is the share of packets that were lost in the window.
func (q *linkQuality) loss() float64 { return q.lost / max(q.packets, 1) }

// queued tells whether packets wait longer than d in a queue that does not drain. A draining queue is no reason to
// send less.
func (q *linkQuality) queued(d time.Duration) bool {
	const drains = 50 * time.Millisecond
	return q.sampled && q.sent >= minSent && q.queueDelay[0] > d && q.queueDelay[0] > q.queueDelay[1]-drains
}

// fluent tells whether one of the newest two sender reports waited for less than d. A radio link delays single packets.
func (q *linkQuality) fluent(d time.Duration) bool { return min(q.queueDelay[0], q.queueDelay[1]) < d }
