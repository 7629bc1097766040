package codec

import (
	"fmt"
	"strconv"
	"time"

	"github.com/asticode/go-astiav"

	"azulejo/mixer"
)

// VideoConfig configures a VideoEncoder.
type VideoConfig struct {
	Codec         mixer.Codec // H264, VP8 or MJPEG
	Width, Height int         // pixels, even
	FPS           int         // frames per second that the rate control assumes, 1–120
	Bitrate       int         // maximum bits per second, over 1.5 s; not for MJPEG
	// Quality is x264's CRF or libvpx's cq-level, 1–63: lower is better. With a quality, frames that are easy to encode take
	// fewer bits than Bitrate allows. Zero: no quality is set, and the encoder also aims at Bitrate as its average.
	Quality int
	Preset  string // x264's preset; empty: "superfast"
}

// Validate returns an error if a field is out of range. The error names the field's value and the accepted range.
func (c VideoConfig) Validate() error {
	switch {
	case c.Codec != mixer.H264 && c.Codec != mixer.VP8 && c.Codec != mixer.MJPEG:
		return fmt.Errorf("encode video as %q: accepted are h264, vp8, mjpeg: %w", c.Codec, mixer.ErrUnsupported)
	case c.Width < 16 || c.Height < 16 || c.Width > 8192 || c.Height > 8192 || c.Width%2 != 0 || c.Height%2 != 0:
		return fmt.Errorf("encode frames of %dx%d: accepted are even sizes from 16 to 8192", c.Width, c.Height)
	case c.FPS < 1 || c.FPS > 120:
		return fmt.Errorf("encode %d frames a second: accepted are 1 to 120", c.FPS)
	case c.Quality < 0 || c.Quality > 63:
		return fmt.Errorf("encode with a quality of %d: accepted are 0 to 63", c.Quality)
	case c.Codec != mixer.MJPEG && (c.Bitrate < 10_000 || c.Bitrate > 100_000_000):
		return fmt.Errorf("encode at %d bits a second: accepted are 10000 to 100000000", c.Bitrate)
	}
	return nil
}

// VideoEncoder encodes frames to packets without delay: each frame becomes one packet at once. Its H.264 is constrained
// baseline in Annex B format, with SPS and PPS in front of every IDR frame, and says in the SPS that it is BT.709. VP8 and MJPEG
// are BT.601. One goroutine owns a VideoEncoder.
type VideoEncoder struct {
	e           *encoder
	cfg         VideoConfig
	input       *astiav.Frame // refers to the frame being encoded, with the encoder's timestamp and picture type
	converted   pool          // memory for frames in the encoder's matrix
	rangeScaler *Scaler       // converts frames to full range for MJPEG; nil for the other codecs
}

// NewVideoEncoder opens an encoder. Keyframes are the first frame, and the frames for which Encode gets key set. No other
// frame of H264 or VP8 is a keyframe.
func NewVideoEncoder(cfg VideoConfig) (*VideoEncoder, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	name, options := videoOptions(cfg)
	e, err := newEncoder(cfg.Codec, name, cfg.setup, options)
	if err != nil {
		return nil, err
	}
	v := &VideoEncoder{e: e, cfg: cfg, input: astiav.AllocFrame()}
	if cfg.Codec == mixer.MJPEG {
		if v.rangeScaler, err = NewScaler(); err != nil {
			v.Close()
			return nil, err
		}
	}
	return v, nil
}

// endlessGOP is a GOP size in frames that no stream reaches, so that the encoder makes no keyframes by itself.
const endlessGOP = 1 << 30

// matrix returns the YCbCr matrix of the encoded video. VP8 has no tag for BT.709 (RFC 6386 §9.2), and JPEG files are BT.601
// (JFIF 1.02). Players decode both as BT.601 in any size.
func (c VideoConfig) matrix() astiav.ColorSpace {
	if c.Codec == mixer.H264 {
		return canvasMatrix
	}
	return astiav.ColorSpaceSmpte170M
}

// setup configures the encoder's context, before it is opened.
func (c VideoConfig) setup(ctx *astiav.CodecContext) {
	ctx.SetWidth(c.Width)
	ctx.SetHeight(c.Height)
	ctx.SetPixelFormat(astiav.PixelFormatYuv420P)
	ctx.SetColorRange(astiav.ColorRangeMpeg)
	ctx.SetColorSpace(c.matrix())
	ctx.SetTimeBase(astiav.NewRational(1, 90000))
	ctx.SetFramerate(astiav.NewRational(c.FPS, 1))
	ctx.SetThreadCount(1)
	if c.Codec == mixer.MJPEG {
		ctx.SetPixelFormat(astiav.PixelFormatYuvj420P)
		ctx.SetColorRange(astiav.ColorRangeJpeg)
		return
	}
	if c.Codec == mixer.H264 {
		ctx.SetColorPrimaries(astiav.ColorPrimariesBt709)
		ctx.SetColorTransferCharacteristic(astiav.ColorTransferCharacteristicBt709)
	}
	ctx.SetGopSize(endlessGOP)
	ctx.SetMaxBFrames(0)
	if c.Codec == mixer.VP8 || c.Quality == 0 {
		ctx.SetBitRate(int64(c.Bitrate))
	}
	ctx.SetRateControlMaxRate(int64(c.Bitrate))
	// The rate control buffer (VBV) holds 1.5 s. With 0.5 s, keyframes get too few bits: their SSIM is 0.964 instead of 0.977.
	ctx.SetRateControlBufferSize(c.Bitrate * 3 / 2)
}

// videoOptions returns the name of FFmpeg's encoder for c.Codec, and its private options.
func videoOptions(c VideoConfig) (name string, options map[string]string) {
	switch c.Codec {
	case mixer.H264:
		preset := c.Preset
		if preset == "" {
			preset = "superfast"
		}
		options = map[string]string{
			"preset": preset, "tune": "zerolatency", "profile": "baseline", "forced-idr": "1",
			"x264-params": "scenecut=0:sliced-threads=0:threads=1:annexb=1:repeat-headers=1",
		}
		if c.Quality > 0 {
			options["crf"] = strconv.Itoa(c.Quality)
		}
		return "libx264", options
	case mixer.VP8:
		const qmin, qmax = 4, 56
		options = map[string]string{
			"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "static-thresh": "100",
			"qmin": strconv.Itoa(qmin), "qmax": strconv.Itoa(qmax),
		}
		if c.Quality > 0 {
			options["crf"] = strconv.Itoa(min(max(c.Quality, qmin), qmax)) // libvpx accepts no value outside this range
		} else {
			options["minrate"] = strconv.Itoa(c.Bitrate)
		}
		return "libvpx", options
	default:
		return "mjpeg", map[string]string{"qmin": "3", "qmax": "5"}
	}
}

// Encode encodes f and returns its packet. f must have the configured size, be 8-bit 4:2:0 of limited range, and is only read.
// pts is the presentation time. If key is set, f becomes a keyframe.
func (v *VideoEncoder) Encode(f *Frame, pts time.Duration, key bool) ([]mixer.Packet, error) {
	if v.e.ctx == nil {
		return nil, fmt.Errorf("encode %s: %w", v.e.id, mixer.ErrClosed)
	}
	if f.Width() != v.cfg.Width || f.Height() != v.cfg.Height {
		return nil, fmt.Errorf("encode %s: frame is %dx%d, encoder is %dx%d", v.e.id, f.Width(), f.Height(), v.cfg.Width, v.cfg.Height)
	}
	f, err := v.convert(f)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	v.input.Unref()
	if err := v.input.Ref(f.f); err != nil {
		return nil, translate("encode "+string(v.e.id), err)
	}
	defer v.input.Unref()
	v.input.SetPts(v.e.timestamp(pts))
	v.input.SetPictureType(astiav.PictureTypeNone)
	if key {
		v.input.SetPictureType(astiav.PictureTypeI)
	}
	return v.e.encode(v.input)
}

// convert returns f in the encoder's matrix and range. The caller must close the result.
func (v *VideoEncoder) convert(f *Frame) (*Frame, error) {
	f, err := v.converted.inMatrix(f, v.cfg.matrix())
	if err != nil || v.rangeScaler == nil {
		return f, err
	}
	defer f.Close()
	return v.fullRange(f)
}

// fullRange returns a copy of f in full range, owned by the caller. JPEG images have full range (JFIF 1.02).
func (v *VideoEncoder) fullRange(f *Frame) (*Frame, error) {
	full, err := newFrame(f.Width(), f.Height(), astiav.PixelFormatYuvj420P, astiav.ColorRangeJpeg)
	if err != nil {
		return nil, err
	}
	if err := v.rangeScaler.Scale(full, f); err != nil {
		full.Close()
		return nil, err
	}
	return full, nil
}

// Flush returns the packets that were held back. Only Close may be called afterwards.
func (v *VideoEncoder) Flush() ([]mixer.Packet, error) { return v.e.encode(nil) }

// Close frees the encoder. It is nil-safe and may be called twice.
func (v *VideoEncoder) Close() {
	if v == nil || v.e.ctx == nil {
		return
	}
	v.e.close()
	v.input.Free()
	v.converted.close()
	v.rangeScaler.Close()
}
