package signaltest

import (
	"sync/atomic"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// ReadREMB stores the newest REMB of the server, the most that it wants of a track in bits a second, until the
// connection ends.
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
