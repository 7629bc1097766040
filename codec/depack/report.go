package depack

import "time"

// report holds the pair of times in an RTCP sender report (RFC 3550, 6.4.1). The zero value means that there is no report.
type report struct {
	known     bool          // there is a report
	timestamp uint32        // RTP timestamp
	wall      time.Duration // the same time on the sender's wall clock
}

// reportReach is how long before and after a report its times are used to compute capture times. Senders report every few
// seconds.
const reportReach = time.Minute

// Report stores a sender report: the RTP timestamp corresponds to the time wall on the sender's wall clock, whose epoch does
// not matter. Access units that are completed later get their capture time on that clock.
func (t *Track) Report(timestamp uint32, wall time.Duration) {
	t.lastReport = report{true, timestamp, wall}
}

// captured returns the capture time of an access unit on the sender's wall clock. It returns zero if there is no report, or
// if the last one is further away than reportReach.
func (t *Track) captured(pts time.Duration) time.Duration {
	if !t.lastReport.known {
		return 0
	}
	since := pts - t.clock.duration(t.clock.now+mediaTime(int32(t.lastReport.timestamp-t.clock.last)))
	if since.Abs() > reportReach {
		return 0
	}
	return t.lastReport.wall + since
}
