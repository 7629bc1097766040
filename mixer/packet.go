package mixer

import "time"

// Codec is the short name of a video or audio format.
type Codec string

// The formats that azulejo decodes or encodes.
const (
	H264  Codec = "h264" // Annex B, SPS and PPS in front of every IDR
	H265  Codec = "h265" // Annex B, VPS, SPS and PPS in front of every IDR
	VP8   Codec = "vp8"
	VP9   Codec = "vp9"
	AV1   Codec = "av1" // low-overhead OBU stream
	MJPEG Codec = "mjpeg"
	Opus  Codec = "opus"
	AAC   Codec = "aac" // raw access units, AAC-LC, no ADTS header
	PCMU  Codec = "pcmu"
	PCMA  Codec = "pcma"
	G722  Codec = "g722"
)

// IsVideo reports whether c is a video format.
func (c Codec) IsVideo() bool {
	switch c {
	case H264, H265, VP8, VP9, AV1, MJPEG:
		return true
	}
	return false
}

// Packet is one access unit: the encoded data of one video frame or of one audio frame. Data is Go memory. Once a packet has
// been passed on, nobody may change its Data. So packets may be kept, and shared between goroutines.
type Packet struct {
	Codec    Codec
	Data     []byte
	PTS      time.Duration // since the room's epoch; in a packet of a source, since any fixed time of its stream
	DTS      time.Duration // when to decode the packet; set only by feeds from files, whose frames may be reordered
	Duration time.Duration // zero if unknown
	// Captured is the capture time on the sender's wall clock, computed from RTCP sender reports; zero if unknown. The
	// sender's clock may be wrong. So only differences between the media of one sender are meaningful.
	Captured time.Duration
	Key      bool // decoding can start at this packet; always true for audio
	Lost     bool // data between the previous packet and this one is missing

	// Parameters of the decoder in addition to Codec. All packets of a stream carry them. A change of them opens a new
	// decoder.
	Config     []byte // AudioSpecificConfig of AAC (ISO 14496-3 1.6.2.1); nil: that of azulejo's own encoder
	SampleRate int    // Hz, of G.711; zero: 8000
	Channels   int    // of G.711, 1 or 2; zero: 1

	// Boundaries say where the RTP payloads of a packet lie. Packets from the encoders of the engine have them, except for
	// AAC. Packets of a source have none.
	Boundaries []Boundary
}

// The format of all decoded audio in azulejo: interleaved stereo, signed 16 bit.
const (
	SampleRate = 48000 // Hz
	Channels   = 2
)
