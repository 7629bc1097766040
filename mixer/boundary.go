package mixer

// Boundary describes one RTP payload of a packet. The payload is Prefix[:PrefixLen] followed by Packet.Data[From:To].
// The prefix of an FU-A (RFC 6184, 5.8) has 2 bytes. The prefix of a VP8 payload is its payload descriptor (RFC 7741,
// 4.2), which has 1 to 3 bytes. Other payloads have no prefix. A STAP-A of H.264 (RFC 6184, 5.7.1) is an exception: its
// prefix is its header, and Data[From:To] holds its NAL units in Annex B format. Package codec/pack cuts packets and
// assembles payloads.
type Boundary struct {
	Prefix    [3]byte
	PrefixLen uint8
	From, To  int // bytes of Packet.Data
}
