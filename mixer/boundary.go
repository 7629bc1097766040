package mixer

// Boundary describes one RTP payload of a packet: Prefix[:PrefixLen] followed by Data[From:To]. An FU-A
// (RFC 6184, 5.8) has a prefix of 2 bytes, a VP8 payload descriptor (RFC 7741, 4.2) one of 1 to 3 bytes; other payloads
// have no prefix. A STAP-A of H.264 (RFC 6184, 5.7.1) is the exception: its prefix is its header,
// and Data[From:To] holds its NAL units in Annex B format. Package codec/pack cuts packets and assembles payloads.
type Boundary struct {
	Prefix    [3]byte
	PrefixLen uint8
	From, To  int // bytes of Packet.Data
}
