// Package pack cuts access units into RTP payloads, the reverse of codec/depack. A packet for many viewers is cut once
// and its boundaries are shared; signal/peer adds an RTP header for each viewer. There is no state: a payload depends on
// its own access unit only, so a stream may continue with the access units of another encoder. Safe for concurrent use.
package pack

import (
	"azulejo/mixer"
)

// Size is the maximum length of a payload in bytes: packets of 1200 bytes leave room for SRTP, TURN and a tunnel in an
// MTU of 1500. The RTP header takes 12 bytes, its extensions 16.
const Size = 1200 - 12 - 16

// Cut returns the boundaries of the RTP payloads of one access unit, in order; the marker belongs on the last. It
// returns nil for data without media and for formats that are not sent: only H.264, VP8 and Opus are.
func Cut(codec mixer.Codec, data []byte) []mixer.Boundary {
	if len(data) == 0 {
		return nil
	}
	switch codec {
	case mixer.H264:
		return cutH264(data)
	case mixer.VP8:
		return cutVP8(data)
	case mixer.Opus:
		return []mixer.Boundary{{To: len(data)}} // RFC 7587: a packet is a payload
	}
	return nil
}

// Payload assembles the payload that b describes; data is that of the packet b was cut from. A payload without a prefix
// shares memory with data, which must not be written to any more.
func Payload(b mixer.Boundary, data []byte) []byte {
	body := data[b.From:b.To:b.To]
	switch {
	case b.PrefixLen == 0:
		return body
	case isAggregate(b):
		return aggregate(b.Prefix[0], body)
	}
	out := make([]byte, 0, int(b.PrefixLen)+len(body))
	return append(append(out, b.Prefix[:b.PrefixLen]...), body...)
}

// Payloads returns the payloads of one access unit, as Cut and Payload do.
func Payloads(codec mixer.Codec, data []byte) [][]byte {
	boundaries := Cut(codec, data)
	if boundaries == nil {
		return nil
	}
	out := make([][]byte, len(boundaries))
	for i, b := range boundaries {
		out[i] = Payload(b, data)
	}
	return out
}

// startOfPartition is the S bit of a VP8 payload descriptor.
const startOfPartition = 0x10

// cutVP8 follows RFC 7741 with descriptors of 1 byte: without picture IDs, receivers order frames by sequence number
// alone. Sequence numbers are continuous for every viewer, also when the stream changes to another encoder.
func cutVP8(data []byte) []mixer.Boundary {
	const room = Size - 1
	out := make([]mixer.Boundary, 0, (len(data)+room-1)/room)
	for from := 0; from < len(data); from += room {
		out = append(out, mixer.Boundary{PrefixLen: 1, From: from, To: min(from+room, len(data))})
	}
	out[0].Prefix[0] = startOfPartition
	return out
}
