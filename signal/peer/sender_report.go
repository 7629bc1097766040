package peer

import (
	"time"

	"github.com/pion/rtcp"
)

// reportInterval is how often each stream has a sender report. Receiver reports answer them, and the rung controller
// needs those.
const reportInterval = time.Second

// senderReport maps the time now to the RTP time of the stream (RFC 3550, section 6.4.1). Both streams of a viewer
// follow the room's clock, so that a receiver that plays by the reports plays audio and video in sync. The time at
// which packets are written does not matter: video takes longer to encode than audio, and a keyframe longer than other
// frames.
func (b *binding) senderReport(epoch, now time.Time) *rtcp.SenderReport {
	return &rtcp.SenderReport{
		SSRC: b.ssrc, NTPTime: ntp(now), RTPTime: b.base + ticks(now.Sub(epoch), b.clockRate),
		PacketCount: b.packets, OctetCount: b.octets,
	}
}

// ntp is seconds since 1900 as 32.32 (RFC 5905, section 6).
func ntp(t time.Time) uint64 {
	const since1900 = 2_208_988_800
	return uint64(t.Unix()+since1900)<<32 | uint64(t.Nanosecond())<<32/1_000_000_000
}

// sinceNTP is the time since 1900 of an NTP time.
func sinceNTP(t uint64) time.Duration {
	return time.Duration(t>>32)*time.Second + time.Duration(t&(1<<32-1)*1_000_000_000>>32)
}

// sendReports sends a report of each stream that has begun.
func (d *downstream) sendReports() {
	for _, t := range []*track{d.video, d.audio} {
		if b := t.binding(); b != nil && b.started {
			d.sendReport(b)
		}
	}
}

// sendReport ignores a failed write, as with any packet: ICE decides when the connection is over.
func (d *downstream) sendReport(b *binding) {
	b.reported = true
	_ = d.writeRTCP([]rtcp.Packet{b.senderReport(d.mix.Epoch(), time.Now())})
}
