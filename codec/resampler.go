package codec

import (
	"errors"
	"fmt"

	"github.com/asticode/go-astiav"

	"azulejo/mixer"
)

// resampler converts decoded audio of any rate, layout and format to interleaved 16-bit stereo at 48 kHz. It copies mono to
// both channels at full level. The conversion of swresample would lower mono by 3 dB.
type resampler struct {
	c    *astiav.SoftwareResampleContext // nil before the first frame
	dst  *astiav.Frame                   // output of c
	mono bool                            // c outputs mono, which appendTo copies to both channels
}

func newResampler() *resampler {
	return &resampler{dst: astiav.AllocFrame()}
}

// convert converts src and appends the result to pcm. If src is nil, convert appends the samples that c still holds.
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
	return r.appendTo(pcm), nil
}

// renew replaces c with a new context. If mono is true, the new context outputs mono, otherwise stereo.
func (r *resampler) renew(mono bool) {
	if r.c != nil {
		r.c.Free()
	}
	r.c, r.mono = astiav.AllocSoftwareResampleContext(), mono
}

// layout returns the channel layout that c outputs.
func (r *resampler) layout() astiav.ChannelLayout {
	if r.mono {
		return astiav.ChannelLayoutMono
	}
	return astiav.ChannelLayoutStereo
}

// appendTo appends the converted samples in dst to pcm.
func (r *resampler) appendTo(pcm []int16) []int16 {
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
