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
	opusStep    = mixer.SampleRate / 400      // the duration of a frame is a multiple of 2.5 ms
	opusLongest = mixer.SampleRate * 12 / 100 // a packet lasts at most 120 ms
)

// OpusSilence returns a packet of 20 ms of silence in stereo: CELT at full bandwidth with its silence flag set (RFC 6716,
// 4.3). The packet may follow any other packet. But it resets a decoder that decoded speech before. So the packets after the
// silence must come from a new encoder.
func OpusSilence() []byte { return []byte{0xfc, 0xff, 0xfe} }

// OpusDecoder decodes Opus packets to interleaved 16-bit stereo at 48 kHz. It calls libopus directly, because FFmpeg's
// decoders support neither packet loss concealment nor in-band FEC. (With in-band FEC, a packet repeats the audio of the
// packet before it.) One goroutine owns an OpusDecoder.
type OpusDecoder struct {
	c *C.OpusDecoder // nil after Close
}

// NewOpusDecoder opens a decoder, which the caller must close.
func NewOpusDecoder() (*OpusDecoder, error) {
	var code C.int
	c := C.opus_decoder_create(mixer.SampleRate, mixer.Channels, &code)
	if c == nil {
		return nil, opusError("open the decoder of opus", code)
	}
	return &OpusDecoder{c}, nil
}

// Decode appends the audio of p to pcm and returns pcm. If the data cannot be decoded, Decode returns ErrInvalidData, and
// decoding can continue with the next packet.
func (o *OpusDecoder) Decode(pcm []int16, p mixer.Packet) ([]int16, error) {
	if len(p.Data) == 0 {
		return pcm, fmt.Errorf("decode opus: empty packet: %w", mixer.ErrInvalidData)
	}
	return o.decode(pcm, p.Data, opusLongest, 0)
}

// DecodeFEC appends audio that replaces a loss to pcm, and returns pcm. p is the first packet after the loss. duration is
// the length of the loss; it is rounded to 2.5 ms and limited to 2.5 to 120 ms. The last frame of the loss is decoded from
// the FEC data in p (RFC 6716, 2.1.7), and the time before this frame is concealed. If p has no FEC data, the whole loss is
// concealed. DecodeFEC must be called before p is passed to Decode.
func (o *OpusDecoder) DecodeFEC(pcm []int16, p mixer.Packet, duration time.Duration) ([]int16, error) {
	if len(p.Data) == 0 {
		return pcm, fmt.Errorf("recover opus: empty packet: %w", mixer.ErrInvalidData)
	}
	return o.decode(pcm, p.Data, opusInstants(duration), 1)
}

// Conceal appends audio that conceals a loss to pcm, and returns pcm. The audio becomes quieter from call to call. duration
// is rounded and limited as in DecodeFEC.
func (o *OpusDecoder) Conceal(pcm []int16, duration time.Duration) ([]int16, error) {
	return o.decode(pcm, nil, opusInstants(duration), 0)
}

// opusInstants converts d to sampling instants, rounded to 2.5 ms and limited to 2.5 to 120 ms.
func opusInstants(d time.Duration) int {
	steps := (d + 1250*time.Microsecond) / (2500 * time.Microsecond)
	return min(max(int(steps)*opusStep, opusStep), opusLongest)
}

// decode appends at most the given number of sampling instants to pcm. If fec is 1, decode uses the FEC data in packet; if
// fec is 0, its own audio. If packet is nil, decode conceals a loss.
func (o *OpusDecoder) decode(pcm []int16, packet []byte, instants, fec int) ([]int16, error) {
	if o.c == nil {
		return pcm, fmt.Errorf("decode opus: %w", mixer.ErrClosed)
	}
	used := len(pcm)
	pcm = append(pcm, make([]int16, instants*mixer.Channels)...)
	n := C.opus_decode(o.c, (*C.uchar)(unsafe.SliceData(packet)), C.opus_int32(len(packet)),
		(*C.opus_int16)(unsafe.Pointer(&pcm[used])), C.int(instants), C.int(fec))
	if n < 0 {
		return pcm[:used], opusError("decode opus", n)
	}
	return pcm[:used+int(n)*mixer.Channels], nil
}

// opusError converts an error code of libopus to an error. action is the operation that failed.
func opusError(action string, code C.int) error {
	if code == C.OPUS_INVALID_PACKET || code == C.OPUS_BUFFER_TOO_SMALL {
		return fmt.Errorf("%s: %w", action, mixer.ErrInvalidData)
	}
	return fmt.Errorf("%s: %s", action, C.GoString(C.opus_strerror(code)))
}

// Close frees the decoder. It is nil-safe and may be called twice.
func (o *OpusDecoder) Close() {
	if o == nil || o.c == nil {
		return
	}
	C.opus_decoder_destroy(o.c)
	o.c = nil
}
