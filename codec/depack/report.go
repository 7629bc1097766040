package depack

import "time"

// report is the clock of a stream by an RTCP sender report (RFC 3550, 6.4.1). The zero report is unknown.
type report struct {
	known bool
	stamp uint32
	wall  time.Duration
}

// reportReach is how long before and after a report its clock is trusted: senders report every few seconds.
const reportReach = time.Minute

// Report stores that the RTP time stamp was wall on the sender's clock, whose epoch does not matter. Later access units
// have their capture time on that clock.
func (t *Track) Report(stamp uint32, wall time.Duration) { t.lastReport = report{true, stamp, wall} }

// captured is the time of an access unit on the sender's wall clock, zero if unknown. The clock is unknown further than
// reportReach from the last report.
func (t *Track) captured(pts time.Duration) time.Duration {
	if !t.lastReport.known {
		return 0
	}
	since := pts - t.clock.duration(t.clock.now+ticks(int32(t.lastReport.stamp-t.clock.last)))
	if since.Abs() > reportReach {
		return 0
	}
	return t.lastReport.wall + since
}
