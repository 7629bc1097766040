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

// TestSendersTellTheirTime: what a client says about its clock goes with what it sends from then on, and is told again
// to the depacketizer of another format.
func TestSendersTellTheirTime(t *testing.T) {
	var got []mixer.Packet
	u := newTestUplink(&got)
	sequencer := rtp.NewFixedSequencer(1)
	for _, c := range []struct {
		payload uint8
		with    rtp.Payloader
		unit    []byte
	}{{96, &codecs.VP8Payloader{}, vp8Key}, {102, &codecs.H264Payloader{}, h264Key}} {
		packetizer := rtp.NewPacketizer(1200, c.payload, 1, c.with, sequencer, 90000)
		for range 2 {
			for _, p := range packetizer.Packetize(c.unit, 3000) {
				p.Timestamp = 90000
				if len(got) > 0 {
					p.Timestamp += uint32(len(got)) * 9000
					u.reported.CompareAndSwap(nil, &rtcp.SenderReport{NTPTime: 1000<<32 | 1<<31, RTPTime: 90000})
				}
				u.push(p)
			}
		}
	}
	for i, want := range []time.Duration{0, 1000600, 1000700, 1000800} {
		if want *= time.Millisecond; i >= len(got) || got[i].Captured != want {
			t.Errorf("of %d units, unit %d is captured at %v; want %v", len(got), i, got[i].Captured, want)
		}
	}
}

// dated counts what comes with a time of its sender's clock that is about right.
type dated struct{ pictures, sounds atomic.Int64 }

func (u *dated) WriteVideo(_ int, p mixer.Packet) { u.count(p, &u.pictures) }
func (u *dated) WriteAudio(p mixer.Packet)        { u.count(p, &u.sounds) }

func (u *dated) count(p mixer.Packet, n *atomic.Int64) {
	if age := sinceNTP(ntp(time.Now())) - p.Captured; age.Abs() < time.Minute {
		n.Add(1)
	}
}

// TestReportsOfClients: a client's sender reports are heard for each of its streams.
func TestReportsOfClients(t *testing.T) {
	c := newCaller(t, openEngine(t, Config{}), onLoopback(), webrtc.Configuration{})
	var up dated
	c.peer.opts.Upstream = &up
	c.call(nil)
	await.Until(t, "pictures and sounds with a time", func() bool { return up.pictures.Load() > 3 && up.sounds.Load() > 3 })
}
