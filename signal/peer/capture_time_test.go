package peer

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"

	"azulejo/mixer"
	"azulejo/signal/signaltest/await"
)

// TestCaptureTimes: access units after a sender report carry the time of the sender's clock. The depacketizer of another
// codec gets the report as well.
func TestCaptureTimes(t *testing.T) {
	var got []mixer.Packet
	r := newTestReader(&got)
	sequencer := rtp.NewFixedSequencer(1)
	for _, c := range []struct {
		payloadType uint8
		payloader   rtp.Payloader
		accessUnit  []byte
	}{{96, &codecs.VP8Payloader{}, vp8Key}, {102, &codecs.H264Payloader{}, h264Key}} {
		packetizer := rtp.NewPacketizer(1200, c.payloadType, 1, c.payloader, sequencer, 90000)
		for range 2 {
			for _, p := range packetizer.Packetize(c.accessUnit, 3000) {
				p.Timestamp = 90000
				if len(got) > 0 {
					p.Timestamp += uint32(len(got)) * 9000
					r.senderReport.CompareAndSwap(nil, &rtcp.SenderReport{NTPTime: 1000<<32 | 1<<31, RTPTime: 90000})
				}
				r.read(p)
			}
		}
	}
	for i, want := range []time.Duration{0, 1000600, 1000700, 1000800} {
		if want *= time.Millisecond; i >= len(got) || got[i].Captured != want {
			t.Errorf("of %d access units, number %d is captured at %v; want %v", len(got), i, got[i].Captured, want)
		}
	}
}

// timedUpstream counts the packets whose capture time is within a minute of now.
type timedUpstream struct{ video, audio atomic.Int64 }

func (u *timedUpstream) WriteVideo(_ int, p mixer.Packet) { u.count(p, &u.video) }
func (u *timedUpstream) WriteAudio(p mixer.Packet)        { u.count(p, &u.audio) }

func (u *timedUpstream) count(p mixer.Packet, n *atomic.Int64) {
	if age := sinceNTP(ntp(time.Now())) - p.Captured; age.Abs() < time.Minute {
		n.Add(1)
	}
}

// TestReportsOfClients: the sender reports of each of a client's streams are read.
func TestReportsOfClients(t *testing.T) {
	c := newCaller(t, openEngine(t, Config{}), onLoopback(), webrtc.Configuration{})
	var up timedUpstream
	c.peer.opts.Upstream = &up
	c.call(nil)
	await.Until(t, "video and audio with a capture time", func() bool { return up.video.Load() > 3 && up.audio.Load() > 3 })
}
