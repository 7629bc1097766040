package codec

import (
	"errors"
	"fmt"

	"github.com/asticode/go-astiav"

	"azulejo/mixer"
)

// resampler brings decoded sound of any rate, layout and format to the one above. Mono is as loud on both sides
// as it was; swresample's own matrix would take 3 dB away.
type resampler struct {
	c    *astiav.SoftwareResampleContext
	dst  *astiav.Frame
	mono bool // what c makes
}

func newResampler() *resampler {
	return &resampler{dst: astiav.AllocFrame()}
}

// convert appends src to pcm. A nil src empties the filter's delay line.
func (r *resampler) convert(pcm []int16, src *astiav.Frame) ([]int16, error) {
	if src != nil && r.mono != (src.ChannelLayout().Channels() == 1) {
		r.renew(!r.mono)
	}
	if r.c == nil {
		r.renew(r.mono)
	}
	r.dst.Unref()
	r.dst.SetChannelLayout(r.layout())
	r.dst.SetSampleFormat(astiav.SampleFormatS16)
	r.dst.SetSampleRate(mixer.SampleRate)
	err := r.c.ConvertFrame(src, r.dst)
	if errors.Is(err, astiav.ErrInputChanged) && src != nil {
		r.renew(r.mono)
		return r.convert(pcm, src)
	}
	if err != nil {
		return pcm, fmt.Errorf("resample: %w", err)
	}
	return r.take(pcm), nil
}

// renew begins a filter for mono or anything else.
func (r *resampler) renew(mono bool) {
	if r.c != nil {
		r.c.Free()
	}
	r.c, r.mono = astiav.AllocSoftwareResampleContext(), mono
}

func (r *resampler) layout() astiav.ChannelLayout {
	if r.mono {
		return astiav.ChannelLayoutMono
	}
	return astiav.ChannelLayoutStereo
}

// take appends what was converted.
func (r *resampler) take(pcm []int16) []int16 {
	if !r.mono {
		return append(pcm, samples(r.dst, r.dst.NbSamples()*mixer.Channels)...)
	}
	for _, v := range samples(r.dst, r.dst.NbSamples()) {
		pcm = append(pcm, v, v)
	}
	return pcm
}

func (r *resampler) close() {
	if r.c != nil {
		r.c.Free()
		r.c = nil
	}
	r.dst.Free()
}
