// Package pack cuts access units into RTP payloads. It is the reverse of codec/depack. A packet for many viewers is cut
// once, and all viewers share its boundaries. signal/peer adds an RTP header for each viewer. The package has no state: a
// payload depends only on its own access unit. So a stream may continue with the access units of another encoder. The
// package is safe for concurrent use.
package pack

import (
	"azulejo/mixer"
)

// Size is the maximum length of a payload in bytes. An RTP packet then has at most 1200 bytes: its header takes 12 bytes,
// and the header extensions 16. In an MTU of 1500, 300 bytes remain for SRTP, TURN and a tunnel.
const Size = 1200 - 12 - 16

// Cut returns the boundaries of the RTP payloads of one access unit, in order. The caller must set the marker bit of the RTP
// packet with the last payload of a video access unit. Cut returns nil if data has no media. It also returns nil for codecs
// other than H.264, VP8 and Opus, because the server does not send them over RTP.
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
		return []mixer.Boundary{{To: len(data)}} // RFC 7587: an Opus packet is one RTP payload
	}
	return nil
}

// Payload returns the payload that b describes. data is the Data of the packet that b belongs to. A payload without a prefix
// shares memory with data, so data must not be changed afterwards.
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

// Payloads returns all payloads of one access unit. It combines Cut and Payload.
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

// cutVP8 cuts a VP8 frame (RFC 7741). The payload descriptors have 1 byte and no picture ID, so receivers order frames by
// sequence number alone. This is enough: the sequence numbers that a viewer gets are continuous, even when the stream
// changes to another encoder.
func cutVP8(data []byte) []mixer.Boundary {
	const maxBody = Size - 1
	out := make([]mixer.Boundary, 0, (len(data)+maxBody-1)/maxBody)
	for start := 0; start < len(data); start += maxBody {
		out = append(out, mixer.Boundary{PrefixLen: 1, From: start, To: min(start+maxBody, len(data))})
	}
	out[0].Prefix[0] = startOfPartition
	return out
}
