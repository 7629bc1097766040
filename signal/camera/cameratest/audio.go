package cameratest

import (
	"math"
	"time"
)

// Audio is encoded audio that a camera sends besides its video.
type Audio struct {
	PayloadType int
	SDP         string             // the attributes of the media section, such as "a=rtpmap:0 PCMU/8000\r\n"
	Payload     func(n int) []byte // the payload of packet n
	Step        uint32             // RTP clock units from one packet to the next
	Every       time.Duration      // time from one packet to the next
	Marker      bool               // every packet has the marker bit; false: only the first one
	Send        func(*Track, int)  // sends packet n; nil: sends Payload(n)
}

// Tone returns audio of one frequency in Hz as PCMU of 8 kHz, 20 ms in a packet.
func Tone(hz float64) *Audio {
	return &Audio{
		SDP: "a=rtpmap:0 PCMU/8000\r\n", Step: 160, Every: 20 * time.Millisecond,
		Payload: func(n int) []byte {
			data := make([]byte, 160)
			for i := range data {
				data[i] = muLaw(8000 * math.Sin(2*math.Pi*hz*float64(n*160+i)/8000))
			}
			return data
		},
	}
}

// muLaw encodes a sample (ITU-T G.711).
func muLaw(sample float64) byte {
	sign, magnitude := byte(0), int(min(math.Abs(sample), 32635))+132
	if sample < 0 {
		sign = 0x80
	}
	exponent := 7
	for exponent > 0 && magnitude < 1<<(exponent+7) {
		exponent--
	}
	return ^(sign | byte(exponent)<<4 | byte(magnitude>>(exponent+3)&15))
}
