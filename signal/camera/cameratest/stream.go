package cameratest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os/exec"
	"testing"

	"azulejo/mixer"
)

// Stream is encoded video that a camera sends in a loop.
type Stream struct {
	Codec mixer.Codec // H264 or H265
	FPS   int
	Units [][][]byte // the NAL units of each access unit, without start codes and delimiters
}

// Make encodes video with ffmpeg. source is a lavfi graph, such as "testsrc2=size=320x180:rate=15:duration=4". fps must be
// its frame rate. There is a keyframe every second and no B-frame. options are further options of ffmpeg's output.
func Make(t testing.TB, codec mixer.Codec, fps int, source string, options ...string) *Stream {
	t.Helper()
	params := fmt.Sprintf("aud=1:keyint=%d:min-keyint=%d:scenecut=0:bframes=0", fps, fps)
	args := []string{"-nostdin", "-v", "error", "-f", "lavfi", "-i", source, "-preset", "ultrafast"}
	if codec == mixer.H265 {
		args = append(args, "-c:v", "libx265", "-x265-params", params+":log-level=none", "-f", "hevc")
	} else {
		args = append(args, "-c:v", "libx264", "-x264-params", params, "-pix_fmt", "yuv420p", "-f", "h264")
	}
	args = append(args, options...)
	var out, stderr bytes.Buffer
	cmd := exec.Command("ffmpeg", append(args, "-")...)
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("make a stream: %v: %s", err, stderr.String())
	}
	return &Stream{Codec: codec, FPS: fps, Units: split(codec, out.Bytes())}
}

// split divides an Annex B stream at its access unit delimiters.
func split(codec mixer.Codec, stream []byte) (units [][][]byte) {
	stream = bytes.ReplaceAll(stream, []byte{0, 0, 0, 1}, []byte{0, 0, 1})
	for _, nal := range bytes.Split(stream, []byte{0, 0, 1}) {
		switch {
		case len(nal) == 0:
		case kind(codec, nal) == delimiter(codec):
			units = append(units, nil)
		default:
			last := len(units) - 1
			units[last] = append(units[last], nal)
		}
	}
	return units
}

// Kind returns the type of a NAL unit of the stream.
func (s *Stream) Kind(nal []byte) int { return kind(s.Codec, nal) }

func kind(codec mixer.Codec, nal []byte) int {
	if codec == mixer.H265 {
		return int(nal[0] >> 1 & 63)
	}
	return int(nal[0] & 31)
}

func delimiter(codec mixer.Codec) int {
	if codec == mixer.H265 {
		return 35
	}
	return 9
}

// Set returns the first NAL unit of the given type in the stream; nil if there is none.
func (s *Stream) Set(kind int) []byte {
	for _, unit := range s.Units {
		for _, nal := range unit {
			if s.Kind(nal) == kind {
				return nal
			}
		}
	}
	return nil
}

// FMTP returns the fmtp attribute of the stream, with its parameter sets (RFC 6184 8.1, RFC 7798 7.1).
func (s *Stream) FMTP(payloadType int) string {
	encoded := func(kind int) string { return base64.StdEncoding.EncodeToString(s.Set(kind)) }
	if s.Codec == mixer.H265 {
		return fmt.Sprintf("a=fmtp:%d sprop-vps=%s;sprop-sps=%s;sprop-pps=%s\r\n", payloadType, encoded(32), encoded(33), encoded(34))
	}
	return fmt.Sprintf("a=fmtp:%d packetization-mode=1;profile-level-id=%s;sprop-parameter-sets=%s,%s\r\n",
		payloadType, hex.EncodeToString(s.Set(7)[1:4]), encoded(7), encoded(8))
}

// MTU is the greatest length of an RTP payload that Pack makes, in bytes.
const MTU = 1400

// Pack returns the RTP payloads of one NAL unit: the NAL unit itself or its fragments (RFC 6184 5.8, RFC 7798 4.4.3).
func (s *Stream) Pack(nal []byte) (payloads [][]byte) {
	if len(nal) <= MTU {
		return [][]byte{nal}
	}
	head, body := []byte{nal[0]&0xe0 | 28}, nal[1:]
	if s.Codec == mixer.H265 {
		head, body = []byte{nal[0]&0x81 | 49<<1, nal[1]}, nal[2:]
	}
	fu := byte(s.Kind(nal)) | 0x80
	for len(body) > 0 {
		n := min(len(body), MTU-len(head)-1)
		if n == len(body) {
			fu |= 0x40
		}
		payloads = append(payloads, append(append(bytes.Clone(head), fu), body[:n]...))
		body, fu = body[n:], fu&^0x80
	}
	return payloads
}

// PackUnit returns the RTP payloads of one access unit.
func (s *Stream) PackUnit(unit [][]byte) (payloads [][]byte) {
	for _, nal := range unit {
		payloads = append(payloads, s.Pack(nal)...)
	}
	return payloads
}
