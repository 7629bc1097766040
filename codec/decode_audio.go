package codec

import (
	"cmp"
	"fmt"

	"github.com/asticode/go-astiav"

	"azulejo/mixer"
)

// AudioDecoder decodes packets of one audio codec to interleaved 16-bit stereo at 48 kHz. One goroutine owns it.
type AudioDecoder struct {
	d      *decoder
	r      *resampler
	search configSearch // only AAC uses it
}

// NewAudioDecoder opens a decoder for Opus, AAC, PCMU, PCMA or G722. config is the AudioSpecificConfig of AAC; nil means
// AAC-LC, 48 kHz, stereo. For the other codecs config must be nil. A config that is invalid or does not fit the data does not
// matter for long: the decoder finds another one by trying. An ADTS header in front of an access unit also overrides config.
func NewAudioDecoder(id mixer.Codec, config []byte) (*AudioDecoder, error) {
	return newAudioDecoder(id, decoderConfig{extra: config})
}

// NewG711Decoder opens a decoder for PCMU or PCMA. rate is the sampling rate, from 8000 to 48000 Hz; channels is 1 or 2.
// RFC 3551 (section 4.5.14) allows other rates than 8000 Hz, and two channels. Some cameras use them.
func NewG711Decoder(id mixer.Codec, rate, channels int) (*AudioDecoder, error) {
	if id != mixer.PCMU && id != mixer.PCMA || rate < 8000 || rate > mixer.SampleRate || channels < 1 || channels > mixer.Channels {
		return nil, fmt.Errorf("decode %q of %d Hz and %d channels: accepted are pcmu and pcma of 8000 to %d Hz and 1 or %d channels: %w",
			id, rate, channels, mixer.SampleRate, mixer.Channels, mixer.ErrUnsupported)
	}
	return newAudioDecoder(id, decoderConfig{rate: rate, stereo: channels == mixer.Channels})
}

// NewAudioDecoderFor opens a decoder for the codec and the configuration of p.
func NewAudioDecoderFor(p mixer.Packet) (*AudioDecoder, error) {
	if p.SampleRate != 0 || p.Channels != 0 {
		return NewG711Decoder(p.Codec, cmp.Or(p.SampleRate, 8000), cmp.Or(p.Channels, 1))
	}
	return NewAudioDecoder(p.Codec, p.Config)
}

func newAudioDecoder(id mixer.Codec, cfg decoderConfig) (*AudioDecoder, error) {
	if id.IsVideo() {
		return nil, fmt.Errorf("decode audio of %q: accepted are opus, aac, pcmu, pcma, g722: %w", id, mixer.ErrUnsupported)
	}
	d, err := newDecoder(id, cfg)
	if err != nil && id == mixer.AAC {
		d, err = newDecoder(id, decoderConfig{}) // the search replaces the configuration
	}
	if err != nil {
		return nil, err
	}
	return &AudioDecoder{d: d, r: newResampler()}, nil
}

// Decode appends the audio of p to pcm, two values per sampling instant, and returns pcm. If the data cannot be decoded,
// Decode returns ErrInvalidData, and decoding can continue with the next packet.
func (a *AudioDecoder) Decode(pcm []int16, p mixer.Packet) ([]int16, error) {
	out, err := a.decode(pcm, p)
	if a.d.id != mixer.AAC || !a.search.note(p, err) {
		return out, err
	}
	found := a.search.run()
	if found == nil {
		return out, err
	}
	a.d.close()
	a.d = found
	return a.decode(pcm, p)
}

func (a *AudioDecoder) decode(pcm []int16, p mixer.Packet) ([]int16, error) {
	err := a.d.decode(p, func(f *astiav.Frame) (err error) {
		pcm, err = a.r.convert(pcm, f)
		return err
	})
	return pcm, err
}

// Flush appends the audio that the decoder and the resampler held back to pcm, and returns pcm. Decode may be called again
// afterwards.
func (a *AudioDecoder) Flush(pcm []int16) ([]int16, error) {
	err := a.d.flush(func(f *astiav.Frame) (err error) {
		pcm, err = a.r.convert(pcm, f)
		return err
	})
	if err != nil || a.r.c == nil {
		return pcm, err
	}
	return a.r.convert(pcm, nil)
}

// Close frees the decoder. It is nil-safe and may be called twice.
func (a *AudioDecoder) Close() {
	if a == nil || a.d.ctx == nil {
		return
	}
	a.d.close()
	a.r.close()
}
