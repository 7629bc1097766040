package depack

import "time"

// report holds the pair of times in an RTCP sender report (RFC 3550, 6.4.1). The zero value means that there is no report.
type report struct {
	known     bool          // there is a report
	timestamp uint32        // RTP timestamp
	wall      time.Duration // the time of timestamp on the sender's wall clock
}

// reportReach is the maximum time between a report and an access unit whose capture time is computed from the report.
// Senders report every few seconds.
const reportReach = time.Minute

// Report stores a sender report. timestamp is an RTP timestamp, and wall is the same time on the sender's wall clock. The
// epoch of the wall clock does not matter. Access units that are completed later get their capture time on the wall clock.
func (t *Track) Report(timestamp uint32, wall time.Duration) {
	t.lastReport = report{true, timestamp, wall}
}

// captured returns the capture time of an access unit on the sender's wall clock. pts is the PTS of the access unit. captured
// returns zero if there is no report, or if the last report is further away than reportReach.
func (t *Track) captured(pts time.Duration) time.Duration {
	if !t.lastReport.known {
		return 0
	}
	since := pts - t.clock.duration(t.clock.lastTime+mediaTime(int32(t.lastReport.timestamp-t.clock.last)))
	if since.Abs() > reportReach {
		return 0
	}
	return t.lastReport.wall + since
}
