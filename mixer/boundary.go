package mixer

// Boundary describes one RTP payload of a packet. Package codec/pack cuts packets into payloads and assembles the payloads.
// A payload is Prefix[:PrefixLen] followed by Packet.Data[From:To]. The format decides the prefix:
//   - FU-A of H.264 (RFC 6184, 5.8): the FU indicator and the FU header, 2 bytes.
//   - VP8 (RFC 7741, 4.2): the payload descriptor, 1 byte.
//   - STAP-A of H.264 (RFC 6184, 5.7.1): the header, 1 byte. Data[From:To] holds the NAL units in Annex B format here, so
//     codec/pack has to replace their start codes by sizes.
//   - All others have no prefix.
type Boundary struct {
	Prefix    [3]byte
	PrefixLen uint8 // length of the prefix in bytes
	From, To  int   // offsets in Packet.Data, in bytes; To is exclusive
}
