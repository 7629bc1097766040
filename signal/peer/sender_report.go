package peer

import (
	"time"

	"github.com/pion/rtcp"
)

// reportInterval is the time between two sender reports of a stream. Receiver reports name the last sender report, and the
// rung controller needs the round trip of that report.
const reportInterval = time.Second

// senderReport returns a sender report that maps the time now to the RTP time of the stream (RFC 3550, section 6.4.1). The
// RTP time comes from the room's epoch, for both streams of a viewer. So a receiver that uses the reports plays audio and
// video in sync. The report does not use the times at which packets are written: video takes longer to encode than audio,
// and a keyframe takes longer than other frames.
func (b *binding) senderReport(epoch, now time.Time) *rtcp.SenderReport {
	return &rtcp.SenderReport{
		SSRC: b.ssrc, NTPTime: ntp(now), RTPTime: b.base + ticks(now.Sub(epoch), b.clockRate),
		PacketCount: b.packets, OctetCount: b.octets,
	}
}

// ntp returns t as an NTP time: seconds since 1900 as 32.32 fixed point (RFC 5905, section 6).
func ntp(t time.Time) uint64 {
	const since1900 = 2_208_988_800
	return uint64(t.Unix()+since1900)<<32 | uint64(t.Nanosecond())<<32/1_000_000_000
}

// sinceNTP returns an NTP time as a duration since 1900.
func sinceNTP(t uint64) time.Duration {
	return time.Duration(t>>32)*time.Second + time.Duration(t&(1<<32-1)*1_000_000_000>>32)
}

// sendReports sends a sender report for each stream that has sent a packet.
func (d *downstream) sendReports() {
	for _, t := range []*track{d.video, d.audio} {
		if b := t.binding(); b != nil && b.started {
			d.sendReport(b)
		}
	}
}

// sendReport sends a sender report for one stream. It ignores a failed write: ICE decides when the connection is over.
func (d *downstream) sendReport(b *binding) {
	b.reported = true
	_ = d.writeRTCP([]rtcp.Packet{b.senderReport(d.mix.Epoch(), time.Now())})
}
