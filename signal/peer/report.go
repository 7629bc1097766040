package peer

import (
	"time"

	"github.com/pion/rtcp"
)

// reportEvery is how often each stream has a sender report. Receiver reports answer them, and the ladder lives on those.
const reportEvery = time.Second

// report says which RTP time of the stream is now (RFC 3550, section 6.4.1). Both of a viewer's streams follow the
// room's clock, so that a receiver who plays by reports plays together what belongs together. When packets are
// written does not matter: pictures take longer to encode than sound, and a key picture longer than others.
func (b *binding) report(epoch, now time.Time) *rtcp.SenderReport {
	return &rtcp.SenderReport{
		SSRC: b.ssrc, NTPTime: ntp(now), RTPTime: b.base + ticks(now.Sub(epoch), b.clock),
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

// reports sends those of all streams on which something was sent. An error is the network's, as of any packet.
func (d *downlink) reports() {
	for _, t := range []*track{d.video, d.audio} {
		if to := d.binding(t); to != nil && to.begun {
			d.report(to)
		}
	}
}

func (d *downlink) report(to *binding) {
	to.reported = true
	_ = d.writeRTCP([]rtcp.Packet{to.report(d.mix.Epoch(), time.Now())})
}
