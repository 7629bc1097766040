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

// Lengths of Opus (RFC 6716, 2.1.4), in sampling instants.
const (
	opusStep    = mixer.SampleRate / 400      // frames last a multiple of 2.5 ms
	opusLongest = mixer.SampleRate * 12 / 100 // a packet has at most 120 ms
)

// OpusSilence is 20 ms of nothing, in stereo: CELT at full bandwidth with its flag of silence set (RFC 6716,
// 4.3). It may follow any packet; an encoder that goes on afterwards must be a new one, for it resets a decoder
// that came from speech.
func OpusSilence() []byte { return []byte{0xfc, 0xff, 0xfe} }

// OpusDecoder turns Opus packets into interleaved stereo at 48 kHz with libopus itself: FFmpeg's decoders
// offer neither the redundancy that packets carry for the one before them nor the decoder's own guess of what
// was lost. One goroutine owns it.
type OpusDecoder struct {
	c *C.OpusDecoder // nil when closed
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

// Decode appends the sound of p to pcm and returns it. Data that is no sound gives ErrInvalidData; the
// decoder goes on with the next packet.
func (o *OpusDecoder) Decode(pcm []int16, p mixer.Packet) ([]int16, error) {
	if len(p.Data) == 0 {
		return pcm, fmt.Errorf("decode opus: empty packet: %w", mixer.ErrInvalidData)
	}
	return o.decode(pcm, p.Data, opusLongest, 0)
}

// DecodeFEC appends the sound that was lost right before next, from the redundancy that next carries of the
// frame before it (RFC 6716, 2.1.7); what goes back further, and all of it when there is none, is guessed.
// It comes before Decode of next. lost is rounded to 2.5 ms and limited to 120 ms.
func (o *OpusDecoder) DecodeFEC(pcm []int16, next mixer.Packet, lost time.Duration) ([]int16, error) {
	if len(next.Data) == 0 {
		return pcm, fmt.Errorf("recover opus: empty packet: %w", mixer.ErrInvalidData)
	}
	return o.decode(pcm, next.Data, opusFrames(lost), 1)
}

// Conceal appends a guess of what comes next, which fades with each call in a row; lost as in DecodeFEC.
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

// opusError translates what libopus returned.
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
