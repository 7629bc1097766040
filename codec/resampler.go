package codec

import (
	"errors"
	"fmt"

	"github.com/asticode/go-astiav"
)

// What all sound is inside azulejo: interleaved stereo, signed 16 bit, 48 kHz.
const (
	SampleRate = 48000
	Channels   = 2
)

// resampler brings decoded sound of any rate, layout and format to the one above.
type resampler struct {
	c   *astiav.SoftwareResampleContext
	dst *astiav.Frame
}

func newResampler() *resampler {
	return &resampler{dst: astiav.AllocFrame()}
}

// convert appends src to pcm. A nil src empties the filter's delay line.
func (r *resampler) convert(pcm []int16, src *astiav.Frame) ([]int16, error) {
	if r.c == nil {
		r.c = astiav.AllocSoftwareResampleContext()
	}
	r.dst.Unref()
	r.dst.SetChannelLayout(astiav.ChannelLayoutStereo)
	r.dst.SetSampleFormat(astiav.SampleFormatS16)
	r.dst.SetSampleRate(SampleRate)
	err := r.c.ConvertFrame(src, r.dst)
	if errors.Is(err, astiav.ErrInputChanged) && src != nil {
		r.c.Free()
		r.c = nil
		return r.convert(pcm, src)
	}
	if err != nil {
		return pcm, fmt.Errorf("resample: %w", err)
	}
	return append(pcm, samples(r.dst, r.dst.NbSamples()*Channels)...), nil
}

func (r *resampler) close() {
	if r.c != nil {
		r.c.Free()
		r.c = nil
	}
	r.dst.Free()
}
