package signaltest

import (
	"sync/atomic"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// ReadREMB reads the server's RTCP packets for one sender, until the connection ends. It stores the bitrate of the newest
// REMB in limit, in bits a second. The server wants no higher bitrate of the track.
func ReadREMB(sender *webrtc.RTPSender, limit *atomic.Int64) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range packets {
			if remb, ok := p.(*rtcp.ReceiverEstimatedMaximumBitrate); ok {
				limit.Store(int64(remb.Bitrate))
			}
		}
	}
}
