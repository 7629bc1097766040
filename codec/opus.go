package codec

//#cgo pkg-config: opus
//#include <opus.h>
import "C"

import (
	"fmt"
	"time"
	"unsafe"

	"azulejo/mixer"
)

// Durations in Opus (RFC 6716, 2.1.4), in sampling instants.
const (
	opusStep    = mixer.SampleRate / 400      // frames last a multiple of 2.5 ms
	opusLongest = mixer.SampleRate * 12 / 100 // a packet has at most 120 ms
)

// OpusSilence is a packet of 20 ms of silence, in stereo: CELT at full bandwidth with its silence flag set (RFC 6716, 4.3).
// It may follow any packet. It resets a decoder that decoded speech before, so the encoder of the packets after it must be
// a new one.
func OpusSilence() []byte { return []byte{0xfc, 0xff, 0xfe} }

// OpusDecoder turns Opus packets into interleaved stereo at 48 kHz with libopus itself. FFmpeg's decoders offer neither
// in-band FEC, the redundancy that a packet carries for the one before it, nor packet loss concealment. One goroutine owns
// it.
type OpusDecoder struct {
	c *C.OpusDecoder // nil after Close
}

// NewOpusDecoder opens a decoder; the caller closes it.
func NewOpusDecoder() (*OpusDecoder, error) {
	var code C.int
	c := C.opus_decoder_create(mixer.SampleRate, mixer.Channels, &code)
	if c == nil {
		return nil, opusError("open the decoder of opus", code)
	}
	return &OpusDecoder{c}, nil
}

// Decode appends the audio of p to pcm and returns it. Data that cannot be decoded gives ErrInvalidData; the decoder goes on
// with the next packet.
func (o *OpusDecoder) Decode(pcm []int16, p mixer.Packet) ([]int16, error) {
	if len(p.Data) == 0 {
		return pcm, fmt.Errorf("decode opus: empty packet: %w", mixer.ErrInvalidData)
	}
	return o.decode(pcm, p.Data, opusLongest, 0)
}

// DecodeFEC appends the audio that was lost right before next. The last frame of it comes from the redundancy in next (RFC
// 6716, 2.1.7); the time before, and all of it where next has no redundancy, is concealed. Call it before Decode of next.
// lost is rounded to 2.5 ms and limited to 120 ms.
func (o *OpusDecoder) DecodeFEC(pcm []int16, next mixer.Packet, lost time.Duration) ([]int16, error) {
	if len(next.Data) == 0 {
		return pcm, fmt.Errorf("recover opus: empty packet: %w", mixer.ErrInvalidData)
	}
	return o.decode(pcm, next.Data, opusFrames(lost), 1)
}

// Conceal appends a guess of the audio that was lost. It fades from call to call. lost is as in DecodeFEC.
func (o *OpusDecoder) Conceal(pcm []int16, lost time.Duration) ([]int16, error) {
	return o.decode(pcm, nil, opusFrames(lost), 0)
}

func opusFrames(d time.Duration) int {
	steps := (d + 1250*time.Microsecond) / (2500 * time.Microsecond)
	return min(max(int(steps)*opusStep, opusStep), opusLongest)
}

func (o *OpusDecoder) decode(pcm []int16, data []byte, frames, fec int) ([]int16, error) {
	if o.c == nil {
		return pcm, fmt.Errorf("decode opus: %w", mixer.ErrClosed)
	}
	used := len(pcm)
	pcm = append(pcm, make([]int16, frames*mixer.Channels)...)
	n := C.opus_decode(o.c, (*C.uchar)(unsafe.SliceData(data)), C.opus_int32(len(data)),
		(*C.opus_int16)(unsafe.Pointer(&pcm[used])), C.int(frames), C.int(fec))
	if n < 0 {
		return pcm[:used], opusError("decode opus", n)
	}
	return pcm[:used+int(n)*mixer.Channels], nil
}

// opusError translates an error code of libopus.
func opusError(doing string, code C.int) error {
	if code == C.OPUS_INVALID_PACKET || code == C.OPUS_BUFFER_TOO_SMALL {
		return fmt.Errorf("%s: %w", doing, mixer.ErrInvalidData)
	}
	return fmt.Errorf("%s: %s", doing, C.GoString(C.opus_strerror(code)))
}

// Close frees the decoder. It is nil-safe and may be called twice.
func (o *OpusDecoder) Close() {
	if o == nil || o.c == nil {
		return
	}
	C.opus_decoder_destroy(o.c)
	o.c = nil
}
