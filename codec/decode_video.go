package codec

import (
	"errors"
	"fmt"
	"time"

	"github.com/asticode/go-astiav"

	"azulejo/mixer"
)

// VideoDecoder turns packets of one codec into frames. One goroutine owns it.
type VideoDecoder struct {
	d    *decoder
	band band
}

// NewVideoDecoder accepts H264, H265, VP8, VP9, AV1 and MJPEG. Frames of more than maxPixels give ErrInvalidData before
// memory is allocated for them; zero is no limit.
func NewVideoDecoder(id mixer.Codec, maxPixels int) (*VideoDecoder, error) {
	if !id.IsVideo() {
		return nil, fmt.Errorf("decode video of %q: accepted are h264, h265, vp8, vp9, av1, mjpeg: %w", id, mixer.ErrUnsupported)
	}
	d, err := newDecoder(id, decoderConfig{maxPixels: maxPixels})
	if err != nil {
		return nil, err
	}
	v := &VideoDecoder{d: d}
	if id == mixer.H264 {
		v.band.open(d.ctx)
	}
	return v, nil
}

// Decode returns the frames that p completes, in display order, owned by the caller. Usually it is one; it is none while
// the decoder waits for a key packet. Frames with guessed parts are not returned. For these, and for data that cannot be
// decoded, the error is ErrInvalidData, and the decoder goes on with the next packet.
func (v *VideoDecoder) Decode(p mixer.Packet) ([]*Frame, error) {
	decoded, err := v.DecodeCutouts(p, nil)
	var frames []*Frame
	for _, d := range decoded {
		frames = append(frames, d.Frame)
	}
	return frames, err
}

// DecodeCutouts is Decode that also makes the wanted cutouts of each frame: the first eight of them that are averages of
// an area of the frame. The caller does not change wanted afterwards.
func (v *VideoDecoder) DecodeCutouts(p mixer.Packet, wanted []Cutout) ([]Decoded, error) {
	if err := v.band.prepare(p.Key, wanted); err != nil {
		return nil, err
	}
	var frames []*Frame
	err := v.d.decode(p, func(f *astiav.Frame) error { return keep(&frames, f) })
	decoded, cutErr := v.band.finish(frames)
	return decoded, errors.Join(err, cutErr)
}

// SkipLoopFilter turns deblocking off or on, from the next packet on. Without it decoding of H.264 takes a quarter less
// time. The error grows until the next keyframe, so it suits frames that are shown small, of streams with regular
// keyframes: at half the size, the worst of 15 frames of x264 with CRF 30 has a PSNR of 41 dB.
func (v *VideoDecoder) SkipLoopFilter(skip bool) { skipLoopFilter(v.d.ctx, skip) }

// Flush returns the frames that the decoder held back, without cutouts, owned by the caller. Decoding may go on with a key
// packet.
func (v *VideoDecoder) Flush() ([]*Frame, error) {
	var frames []*Frame
	err := v.d.flush(func(f *astiav.Frame) error { return keep(&frames, f) })
	return frames, err
}

// keep appends another owner of f, unless f is damaged.
func keep(frames *[]*Frame, f *astiav.Frame) error {
	c := f.Clone()
	if c == nil {
		return fmt.Errorf("keep a decoded frame: out of memory")
	}
	frame := own(c)
	if frame.corrupt() {
		frame.Close()
		return fmt.Errorf("decode: damaged frame: %w", mixer.ErrInvalidData)
	}
	plain(frame.f)
	frame.PTS = time.Duration(f.Pts())
	*frames = append(*frames, frame)
	return nil
}

// Close frees the decoder. It is nil-safe and may be called twice.
func (v *VideoDecoder) Close() {
	if v != nil {
		v.d.close()
		v.band.close()
	}
}
