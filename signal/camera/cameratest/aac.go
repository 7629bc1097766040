package cameratest

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"
)

// AAC is a tone as AAC-LC with one channel.
type AAC struct {
	Rate   int      // Hz
	Frames [][]byte // with ADTS headers of 7 bytes
	LATM   [][]byte // the same as AudioMuxElements, the first ones with a StreamMuxConfig
}

// MakeAAC encodes a tone of the given frequency and sampling rate in Hz.
func MakeAAC(t testing.TB, hz, rate int) *AAC {
	t.Helper()
	source := fmt.Sprintf("sine=frequency=%d:sample_rate=%d:duration=4", hz, rate)
	encode := func(format string) []byte {
		return ffmpeg(t, "-nostdin", "-v", "error", "-f", "lavfi", "-i", source, "-c:a", "aac", "-ac", "1", "-f", format, "-")
	}
	a := &AAC{Rate: rate}
	for rest := encode("adts"); len(rest) > 7; {
		size := int(rest[3]&3)<<11 | int(rest[4])<<3 | int(rest[5]>>5)
		a.Frames, rest = append(a.Frames, rest[:size]), rest[size:]
	}
	for rest := encode("latm"); len(rest) > 3; { // LOAS: a sync word of 11 bits and a length of 13 bits
		size := int(rest[1]&0x1f)<<8 | int(rest[2])
		a.LATM, rest = append(a.LATM, rest[3:3+size]), rest[3+size:]
	}
	return a
}

// Config returns the AudioSpecificConfig of AAC-LC with one channel, in hex. Its sampling rate is rate, of which only 8000,
// 16000, 32000, 44100 and 48000 Hz are known.
func Config(rate int) string {
	index := map[int]int{48000: 3, 44100: 4, 32000: 5, 16000: 8, 8000: 11}[rate]
	return fmt.Sprintf("%04X", 2<<11|index<<7|1<<3)
}

// Generic returns the audio as MPEG4-GENERIC (RFC 3640), with one access unit in a packet. config is what the session
// description says. adts keeps the ADTS headers.
func (a *AAC) Generic(config string, adts bool) *Audio {
	return &Audio{
		PayloadType: 97,
		SDP: fmt.Sprintf("a=rtpmap:97 MPEG4-GENERIC/%d/1\r\na=fmtp:97 streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;"+
			"indexdeltalength=3;config=%s\r\n", a.Rate, config),
		Step: 1024, Every: a.every(), Marker: true,
		Payload: func(n int) []byte {
			frame := a.Frames[n%len(a.Frames)]
			if !adts {
				frame = frame[7:]
			}
			head := binary.BigEndian.AppendUint16([]byte{0, 16}, uint16(len(frame)<<3))
			return append(head, frame...)
		},
	}
}

// InBand returns the audio as MP4A-LATM (RFC 6416) whose stream carries its configuration.
func (a *AAC) InBand() *Audio {
	return &Audio{
		PayloadType: 97, SDP: fmt.Sprintf("a=rtpmap:97 MP4A-LATM/%d/1\r\na=fmtp:97 cpresent=1\r\n", a.Rate),
		Step: 1024, Every: a.every(), Marker: true, Payload: func(n int) []byte { return a.LATM[n%len(a.LATM)] },
	}
}

func (a *AAC) every() time.Duration { return 1024 * time.Second / time.Duration(a.Rate) }
