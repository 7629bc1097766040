package depack

import "time"

// report is what a sender report says of a stream (RFC 3550, section 6.4.1). The zero report says nothing.
type report struct {
	known bool
	stamp uint32
	wall  time.Duration
}

// reportReach is how far from a report its clock is trusted: senders report every few seconds.
const reportReach = time.Minute

// Report notes that RTP time stamp was wall on the sender's clock, since whatever moment. Units that follow tell when
// they were captured.
func (t *Track) Report(stamp uint32, wall time.Duration) { t.told = report{true, stamp, wall} }

// captured is a unit's time on the sender's wall clock, zero where that is unknown. Only what is in sight of a packet
// that came can be compared.
func (t *Track) captured(pts time.Duration) time.Duration {
	if !t.told.known {
		return 0
	}
	since := pts - t.clock.duration(t.clock.now+ticks(int32(t.told.stamp-t.clock.last)))
	if since.Abs() > reportReach {
		return 0
	}
	return t.told.wall + since
}
