// Package pack cuts access units into RTP payloads, the way back of codec/depack. Whoever makes a packet for
// many viewers cuts it once and shares the result; signal/peer puts a header of its own in front for each. There
// is no state: a payload says nothing about the unit before, so that a stream may go on with another encoder's
// units. Safe for concurrent use.
package pack

import (
	"github.com/pion/rtp/codecs"

	"azulejo/mixer"
)

// Size is how long a payload is at most: packets of 1200 bytes leave room for SRTP, TURN and a tunnel in 1500;
// 12 are for the RTP header and 16 for its extensions.
const Size = 1200 - 12 - 16

// Payloads cuts one access unit, in order; the marker belongs on the last. They may share memory with data, which
// nobody may write to any more. It returns nil for what has no picture or sound in it and for formats that are
// not sent: only H.264, VP8 and Opus are.
func Payloads(id mixer.Codec, data []byte) [][]byte {
	if len(data) == 0 {
		return nil
	}
	switch id {
	case mixer.H264:
		return h264(data)
	case mixer.VP8:
		// Without picture numbers receivers order frames by sequence numbers alone, which are continuous
		// for every viewer, whatever encoder a frame comes from.
		return (&codecs.VP8Payloader{}).Payload(Size, data)
	case mixer.Opus:
		return [][]byte{data} // RFC 7587: a packet is a payload
	}
	return nil
}
