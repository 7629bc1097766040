package cameratest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/format/rtpav1"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtpmjpeg"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtpvp9"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
	"github.com/pion/rtp"

	"azulejo/mixer"
)

// Stream is encoded video that a camera sends in a loop.
type Stream struct {
	Codec mixer.Codec // H264, H265, VP9, AV1 or MJPEG
	FPS   int
	// Units are the NAL units of each access unit, without start codes and delimiters. With codecs that have no NAL units, each
	// access unit is one of them.
	Units [][][]byte
}

// Make encodes video with ffmpeg. source is a lavfi graph, such as "testsrc2=size=320x180:rate=15:duration=4". fps must be
// its frame rate. There is a keyframe every second and no B-frame. options are further options of ffmpeg's output.
func Make(t testing.TB, codec mixer.Codec, fps int, source string, options ...string) *Stream {
	t.Helper()
	args := []string{"-nostdin", "-v", "error", "-f", "lavfi", "-i", source}
	args = append(append(args, encoderOptions(codec, fps)...), options...)
	return &Stream{Codec: codec, FPS: fps, Units: split(codec, ffmpeg(t, append(args, "-")...))}
}

// encoderOptions returns the options of ffmpeg's output.
func encoderOptions(codec mixer.Codec, fps int) []string {
	gop := strconv.Itoa(fps)
	params := fmt.Sprintf("aud=1:keyint=%d:min-keyint=%[1]d:scenecut=0:bframes=0", fps)
	switch codec {
	case mixer.H265:
		return []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", params + ":log-level=none", "-f", "hevc"}
	case mixer.VP9:
		return []string{
			"-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-auto-alt-ref", "0", "-g", gop, "-pix_fmt", "yuv420p", "-f", "ivf",
		}
	case mixer.AV1:
		return []string{"-c:v", "libsvtav1", "-preset", "12", "-svtav1-params", "pred-struct=1", "-g", gop, "-pix_fmt", "yuv420p", "-f", "ivf"}
	case mixer.MJPEG:
		return []string{"-c:v", "mjpeg", "-huffman", "default", "-q:v", "5", "-pix_fmt", "yuvj420p", "-f", "mjpeg"}
	}
	return []string{"-c:v", "libx264", "-preset", "ultrafast", "-x264-params", params, "-pix_fmt", "yuv420p", "-f", "h264"}
}

// ffmpeg runs Debian's ffmpeg and returns what it writes.
func ffmpeg(t testing.TB, args ...string) []byte {
	t.Helper()
	var out, stderr bytes.Buffer
	cmd := exec.Command("ffmpeg", args...)
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, stderr.String())
	}
	return out.Bytes()
}

// split returns the access units of a stream that ffmpeg wrote.
func split(codec mixer.Codec, stream []byte) (units [][][]byte) {
	switch codec {
	case mixer.VP9, mixer.AV1:
		return splitIVF(stream)
	case mixer.MJPEG:
		for _, image := range bytes.SplitAfter(stream, []byte{0xff, 0xd9}) {
			if len(image) > 0 {
				units = append(units, [][]byte{image})
			}
		}
		return units
	}
	return splitAnnexB(codec, stream)
}

// splitIVF returns the frames of an IVF file: a header of 32 bytes, then frames with their size in a header of 12 bytes.
func splitIVF(file []byte) (units [][][]byte) {
	for rest := file[32:]; len(rest) > 12; {
		size := int(binary.LittleEndian.Uint32(rest))
		units = append(units, [][]byte{rest[12:][:size]})
		rest = rest[12+size:]
	}
	return units
}

// splitAnnexB divides an Annex B stream at its access unit delimiters.
func splitAnnexB(codec mixer.Codec, stream []byte) (units [][][]byte) {
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

// FMTP returns the fmtp attribute of the stream, with its parameter sets (RFC 6184 8.1, RFC 7798 7.1). It is empty for codecs
// that have none.
func (s *Stream) FMTP(payloadType int) string {
	if s.Codec != mixer.H264 && s.Codec != mixer.H265 {
		return ""
	}
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
func (s *Stream) Pack(nal []byte) (payloads [][]byte) { return s.PackTo(nal, MTU) }

// PackTo is Pack with another greatest length.
func (s *Stream) PackTo(nal []byte, mtu int) (payloads [][]byte) {
	if len(nal) <= mtu {
		return [][]byte{nal}
	}
	head, body := []byte{nal[0]&0xe0 | 28}, nal[1:]
	if s.Codec == mixer.H265 {
		head, body = []byte{nal[0]&0x81 | 49<<1, nal[1]}, nal[2:]
	}
	fu := byte(s.Kind(nal)) | 0x80
	for len(body) > 0 {
		n := min(len(body), mtu-len(head)-1)
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
	switch s.Codec {
	case mixer.VP9, mixer.AV1, mixer.MJPEG:
		return packFrame(s.Codec, unit[0])
	}
	for _, nal := range unit {
		payloads = append(payloads, s.Pack(nal)...)
	}
	return payloads
}

// packFrame returns the RTP payloads of a frame of a codec without NAL units (RFC 9628, RTP Payload Format For AV1, RFC 2435).
func packFrame(codec mixer.Codec, frame []byte) (payloads [][]byte) {
	var packets []*rtp.Packet
	var err error
	switch codec {
	case mixer.VP9:
		e := rtpvp9.Encoder{PayloadMaxSize: MTU}
		if err = e.Init(); err == nil {
			packets, err = e.Encode(frame)
		}
	case mixer.AV1:
		e := rtpav1.Encoder{PayloadMaxSize: MTU}
		var obus av1.Bitstream
		if err = errors.Join(e.Init(), obus.Unmarshal(frame)); err == nil {
			packets, err = e.Encode(obus)
		}
	case mixer.MJPEG:
		e := rtpmjpeg.Encoder{PayloadMaxSize: MTU}
		if err = e.Init(); err == nil {
			packets, err = e.Encode(frame)
		}
	}
	if err != nil {
		panic(err) // a frame that ffmpeg made can be packed
	}
	for _, p := range packets {
		payloads = append(payloads, p.Payload)
	}
	return payloads
}
