package codec

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"azulejo/mixer"
)

func tone(hz float64, seconds float64) []int16 {
	out := make([]int16, 2*int(seconds*mixer.SampleRate))
	for i := 0; i < len(out); i += 2 {
		v := int16(8000 * math.Sin(2*math.Pi*hz*float64(i/2)/mixer.SampleRate))
		out[i], out[i+1] = v, v
	}
	return out
}

// TestAudioConformance holds every audio codec to the same promises.
func TestAudioConformance(t *testing.T) {
	for _, id := range []mixer.Codec{mixer.Opus, mixer.AAC, mixer.PCMU, mixer.PCMA, mixer.G722} {
		t.Run(string(id), func(t *testing.T) {
			t.Run("round trip", func(t *testing.T) { audioRoundTrip(t, id) })
			t.Run("garbage and close twice", func(t *testing.T) { audioGarbage(t, id) })
		})
	}
}

func audioRoundTrip(t *testing.T, id mixer.Codec) {
	e, err := NewAudioEncoder(AudioConfig{Codec: id})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	in := tone(440, 1)
	var packets []mixer.Packet
	for at := 0; at < len(in); at += 1920 {
		got, encErr := e.Encode(in[at:min(at+1920, len(in))], time.Hour)
		if encErr != nil {
			t.Fatal(encErr)
		}
		packets = append(packets, got...)
	}
	rest, err := e.Flush()
	if err != nil {
		t.Fatal(err)
	}
	packets = append(packets, rest...)
	if first := packets[0].PTS; first > time.Hour || first < time.Hour-50*time.Millisecond {
		t.Errorf("first packet at %v, want an hour or up to 50 ms before", first)
	}
	d, err := NewAudioDecoder(id, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var pcm []int16
	for _, p := range packets {
		if pcm, err = d.Decode(pcm, p); err != nil {
			t.Fatal(err)
		}
	}
	if pcm, err = d.Flush(pcm); err != nil {
		t.Fatal(err)
	}
	if n := len(pcm) / mixer.Channels; n < mixer.SampleRate*97/100 || n > mixer.SampleRate*106/100 {
		t.Errorf("%d sampling instants of one second", n)
	}
	if ratio := toneRatio(pcm, 440, 1000); ratio < 30 {
		t.Errorf("the 440 Hz tone is only %.0f dB above 1000 Hz", ratio)
	}
}

// toneRatio is by how many dB the tone a is stronger than b in the middle of pcm.
func toneRatio(pcm []int16, a, b float64) float64 {
	mid := pcm[len(pcm)/4&^1 : len(pcm)/4*3&^1]
	power := func(hz float64) float64 {
		var re, im float64
		for i := 0; i < len(mid); i += 2 {
			w := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(len(mid)))
			s, c := math.Sincos(2 * math.Pi * hz * float64(i/2) / mixer.SampleRate)
			re += float64(mid[i]) * c * w
			im += float64(mid[i]) * s * w
		}
		return re*re + im*im + 1e-9
	}
	return 10 * math.Log10(power(a)/power(b))
}

func audioGarbage(t *testing.T, id mixer.Codec) {
	d, err := NewAudioDecoder(id, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = d.Decode(nil, mixer.Packet{Codec: id, Data: []byte{0xff, 0xff, 0xff, 0x13, 0x37}}); err != nil && !errors.Is(err, mixer.ErrInvalidData) {
		t.Errorf("garbage gave %v, want ErrInvalidData or nil", err)
	}
	if _, err = d.Decode(nil, mixer.Packet{Codec: id}); !errors.Is(err, mixer.ErrInvalidData) {
		t.Errorf("an empty packet gave %v, want ErrInvalidData", err)
	}
	d.Close()
	d.Close()
	if _, err = d.Decode(nil, mixer.Packet{Codec: id, Data: []byte{1}}); !errors.Is(err, mixer.ErrClosed) {
		t.Errorf("decode after close gave %v, want ErrClosed", err)
	}
	e, err := NewAudioEncoder(AudioConfig{Codec: id})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = e.Encode(make([]int16, 3), 0); err == nil {
		t.Error("half a stereo sample was accepted")
	}
	e.Close()
	e.Close()
	if _, err = e.Encode(make([]int16, 2), 0); !errors.Is(err, mixer.ErrClosed) {
		t.Errorf("encode after close gave %v, want ErrClosed", err)
	}
}

// TestStrangeG711IsNamed: other codecs, rates and numbers of channels are refused, with what is accepted.
func TestStrangeG711IsNamed(t *testing.T) {
	for _, c := range []struct {
		id             mixer.Codec
		rate, channels int
	}{{mixer.Opus, 16000, 1}, {mixer.PCMU, 7999, 1}, {mixer.PCMU, 48001, 1}, {mixer.PCMA, 8000, 0}, {mixer.PCMA, 8000, 3}} {
		d, err := NewG711Decoder(c.id, c.rate, c.channels)
		if d.Close(); !errors.Is(err, mixer.ErrUnsupported) || !strings.Contains(err.Error(), "pcmu and pcma of 8000 to 48000 Hz and 1 or 2 channels") {
			t.Errorf("%s of %d Hz and %d channels: %v", c.id, c.rate, c.channels, err)
		}
	}
}
