package codec

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/asticode/go-astiav"

	"azulejo/codec/aac"
	"azulejo/mixer"
)

// decoderNames maps codecs to the names of FFmpeg's decoders.
var decoderNames = map[mixer.Codec]string{
	mixer.H264: "h264", mixer.H265: "hevc", mixer.VP8: "vp8", mixer.VP9: "vp9", mixer.AV1: "libdav1d", mixer.MJPEG: "mjpeg",
	mixer.Opus: "opus", mixer.AAC: "aac", mixer.PCMU: "pcm_mulaw", mixer.PCMA: "pcm_alaw", mixer.G722: "g722",
}

// decoder is the common part of VideoDecoder and AudioDecoder. It decodes packets to AVFrames.
type decoder struct {
	id    mixer.Codec
	ctx   *astiav.CodecContext
	input input
	frame *astiav.Frame
}

// decoderConfig has the parameters of a decoder in addition to its codec. The zero value fits most streams.
type decoderConfig struct {
	extra     []byte // FFmpeg's extradata
	maxPixels int    // number of pixels in a frame that the decoder must accept; it rejects much larger frames; zero: no limit
	rate      int    // sampling rate of G.711 in Hz; zero: 8000
	stereo    bool   // G.711 has two channels
}

// alignment is how many pixels more than the frame itself FFmpeg may count. FFmpeg compares its limit with the coded size: a
// width that is rounded up to 64, and a height that is rounded up to 16. Both are at most 65535.
const alignment = (64 + 16) * 65536

func newDecoder(id mixer.Codec, cfg decoderConfig) (*decoder, error) {
	c := astiav.FindDecoderByName(decoderNames[id])
	if c == nil {
		return nil, fmt.Errorf("decode %q: %w", id, mixer.ErrUnsupported)
	}
	d := &decoder{id: id, ctx: astiav.AllocCodecContext(c), input: newInput(), frame: astiav.AllocFrame()}
	d.ctx.SetThreadCount(1)
	d.ctx.SetFlags(d.ctx.Flags().Add(astiav.CodecContextFlagLowDelay))
	d.ctx.SetTimeBase(nanoseconds)
	if cfg.maxPixels > 0 {
		limitPixels(d.ctx, cfg.maxPixels+alignment)
	}
	if err := d.open(c, cfg); err != nil {
		d.close()
		return nil, translate("open the decoder of "+string(id), err)
	}
	return d, nil
}

// nanoseconds is the time base of decoders, so that a time.Duration is a valid timestamp.
var nanoseconds = astiav.NewRational(1, int(time.Second))

func (d *decoder) open(c *astiav.Codec, cfg decoderConfig) error {
	extra := cfg.extra
	switch d.id {
	case mixer.PCMU, mixer.PCMA, mixer.G722:
		d.ctx.SetChannelLayout(astiav.ChannelLayoutMono)
		if cfg.stereo {
			d.ctx.SetChannelLayout(astiav.ChannelLayoutStereo)
		}
		d.ctx.SetSampleRate(cmp.Or(cfg.rate, map[mixer.Codec]int{mixer.PCMU: 8000, mixer.PCMA: 8000, mixer.G722: 16000}[d.id]))
	case mixer.Opus:
		d.ctx.SetChannelLayout(astiav.ChannelLayoutStereo)
		d.ctx.SetSampleRate(mixer.SampleRate)
	case mixer.AAC:
		if extra == nil {
			extra = aacConfig
		}
	}
	if extra != nil {
		if err := d.ctx.SetExtraData(extra); err != nil {
			return err
		}
	}
	return d.ctx.Open(c, nil)
}

// aacConfig is the AudioSpecificConfig of azulejo's own encoder.
var aacConfig = aac.LowComplexity(mixer.SampleRate, 2)

// decode sends p to FFmpeg's decoder. It calls emit for every frame that p completes. emit must not keep the frame.
func (d *decoder) decode(p mixer.Packet, emit func(*astiav.Frame) error) error {
	if d.ctx == nil {
		return fmt.Errorf("decode %s: %w", d.id, mixer.ErrClosed)
	}
	if len(p.Data) == 0 {
		return fmt.Errorf("decode %s: empty packet: %w", d.id, mixer.ErrInvalidData)
	}
	if err := d.input.fill(p); err != nil {
		return translate("copy a packet of "+string(d.id), err)
	}
	return d.send(d.input, emit)
}

// send sends packet to FFmpeg's decoder. It calls emit for every frame that is ready. If the decoder is full (EAGAIN), send
// receives the decoder's frames and sends packet again, so that no packet is dropped. The zero input tells the decoder that
// the stream has ended.
func (d *decoder) send(packet input, emit func(*astiav.Frame) error) error {
	for {
		err := sendPacket(d.ctx, packet)
		if err != nil && !isAgainOrEOF(err) {
			return d.invalid(err)
		}
		n, receiveErr := d.receive(emit)
		if receiveErr != nil {
			return receiveErr
		}
		if !errors.Is(err, astiav.ErrEagain) || n == 0 {
			return nil
		}
	}
}

// receive calls emit for every frame that is ready. It returns the number of these frames.
func (d *decoder) receive(emit func(*astiav.Frame) error) (n int, err error) {
	for {
		err := d.ctx.ReceiveFrame(d.frame)
		if isAgainOrEOF(err) {
			return n, nil
		}
		if err != nil {
			return n, d.invalid(err)
		}
		n++
		err = emit(d.frame)
		d.frame.Unref()
		if err != nil {
			return n, err
		}
	}
}

// invalid wraps an error of FFmpeg's decoder in ErrInvalidData.
func (d *decoder) invalid(err error) error {
	return fmt.Errorf("decode %s: %w (%w)", d.id, mixer.ErrInvalidData, err)
}

// flush calls emit for the frames that the decoder held back. Afterwards decoding can continue with a keyframe.
func (d *decoder) flush(emit func(*astiav.Frame) error) error {
	if d.ctx == nil {
		return fmt.Errorf("flush the decoder of %s: %w", d.id, mixer.ErrClosed)
	}
	err := d.send(input{}, emit)
	flushBuffers(d.ctx)
	return err
}

// discard drops the frames that the decoder holds for output and as references. It keeps the parameter sets.
func (d *decoder) discard() {
	if d.ctx == nil {
		return
	}
	for d.ctx.ReceiveFrame(d.frame) == nil {
		d.frame.Unref()
	}
	flushBuffers(d.ctx)
}

func (d *decoder) close() {
	if d.ctx == nil {
		return
	}
	d.frame.Free()
	d.input.free()
	d.ctx.Free()
	d.ctx = nil
}
