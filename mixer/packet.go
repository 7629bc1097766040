package mixer

import "time"

// Codec names a coded format by its usual short name.
type Codec string

// The formats azulejo reads or writes.
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

// IsVideo tells whether id is a picture format.
func (id Codec) IsVideo() bool {
	switch id {
	case H264, H265, VP8, VP9, AV1, MJPEG:
		return true
	}
	return false
}

// Packet is one compressed access unit: a whole picture or one audio frame.
// Its Data is owned by Go and is never written to again once the packet was handed on, so a
// packet may be kept and shared between goroutines as it is.
type Packet struct {
	Codec    Codec
	Data     []byte
	PTS      time.Duration // since the stream's or the room's epoch
	DTS      time.Duration // when to decode it; set only by File, where pictures may be out of order
	Duration time.Duration // zero where unknown
	// Captured is when it was, on the sender's wall clock: as its RTCP sender reports say, zero where they do not. What
	// that clock says is not to be believed; only differences between the media of one sender count.
	Captured time.Duration
	Key      bool // decoding can begin here; always true for sound
	Lost     bool // something between the previous packet and this one never arrived

	// What a decoder has to know beside Codec. All packets of a stream carry it; a change starts a new decoder.
	Config     []byte // decoder configuration: AudioSpecificConfig of AAC (ISO 14496-3 1.6.2.1); nil: as azulejo encodes
	SampleRate int    // Hz, of G.711; zero: 8000
	Channels   int    // of G.711, 1 or 2; zero: 1

	// Boundaries are the RTP payloads of a packet that an encoder of the engine made; nil: it was not cut.
	Boundaries []Boundary
}

// What all sound is inside azulejo: interleaved stereo, signed 16 bit.
const (
	SampleRate = 48000 // Hz
	Channels   = 2
)
