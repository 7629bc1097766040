package codec

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"azulejo/mixer"
)

// speech resembles a voice: harmonics of a gliding pitch, with a level that rises and falls.
func speech(seconds float64) []int16 {
	out := make([]int16, 2*int(seconds*mixer.SampleRate))
	phase := 0.0
	for i := 0; i < len(out); i += 2 {
		t := float64(i/2) / mixer.SampleRate
		phase += 2 * math.Pi * (140 + 30*math.Sin(2*math.Pi*1.3*t)) / mixer.SampleRate
		v := 0.0
		for k := 1.0; k <= 12; k++ {
			v += math.Sin(k*phase) / k
		}
		s := int16(4000 * v * (0.6 + 0.4*math.Sin(2*math.Pi*3*t)))
		out[i], out[i+1] = s, s
	}
	return out
}

func encodeAll(t testing.TB, cfg AudioConfig, pcm []int16) (packets []mixer.Packet) {
	t.Helper()
	e, err := NewAudioEncoder(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	packets, err = e.Encode(pcm, 0)
	if err != nil {
		t.Fatal(err)
	}
	return packets
}

func opusDecoder(t testing.TB) *OpusDecoder {
	t.Helper()
	d, err := NewOpusDecoder()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// play decodes packets of which some are lost. With fec it uses the redundancy of the next packet.
func play(t testing.TB, packets []mixer.Packet, lost []bool, fec bool) (pcm []int16) {
	t.Helper()
	d := opusDecoder(t)
	var err error
	for i, p := range packets {
		switch {
		case !lost[i]:
			pcm, err = d.Decode(pcm, p)
		case fec && i+1 < len(packets) && !lost[i+1]:
			pcm, err = d.DecodeFEC(pcm, packets[i+1], p.Duration)
		default:
			pcm, err = d.Conceal(pcm, p.Duration)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return pcm
}

// snr is the ratio of want to the error of got, in dB.
func snr(want, got []int16) float64 {
	var signal, noise float64
	for i := range min(len(want), len(got)) {
		signal += float64(want[i]) * float64(want[i])
		noise += (float64(want[i]) - float64(got[i])) * (float64(want[i]) - float64(got[i]))
	}
	return 10 * math.Log10(signal/(noise+1e-9))
}

func TestOpusRedundancyRecoversLoss(t *testing.T) {
	packets := encodeAll(t, AudioConfig{Codec: mixer.Opus, Bitrate: 32_000, Loss: 10, Voice: true, Mono: true}, speech(10))
	none, some := make([]bool, len(packets)), make([]bool, len(packets))
	r := rand.New(rand.NewPCG(1, 2))
	for i := 1; i < len(some); i++ {
		some[i] = r.IntN(10) == 0
	}
	want := play(t, packets, none, false)
	guessed, recovered := snr(want, play(t, packets, some, false)), snr(want, play(t, packets, some, true))
	t.Logf("10 %% loss: %.1f dB guessed, %.1f dB recovered", guessed, recovered)
	if recovered < guessed+3 {
		t.Errorf("recovered at %.1f dB, guessed at %.1f dB; want 3 dB more", recovered, guessed)
	}
}

func TestOpusFrames(t *testing.T) {
	for _, frame := range []time.Duration{10, 20, 40, 60} {
		frame *= time.Millisecond
		for _, mono := range []bool{false, true} {
			packets := encodeAll(t, AudioConfig{Codec: mixer.Opus, Frame: frame, Mono: mono}, tone(440, 0.6))
			if want := int(600 * time.Millisecond / frame); len(packets) < want-1 || packets[0].Duration != frame {
				t.Errorf("%v: %d packets of %v in 600 ms, want %d", frame, len(packets), packets[0].Duration, want)
			}
			pcm := play(t, packets, make([]bool, len(packets)), false)
			if want := len(packets) * int(frame*mixer.SampleRate/time.Second) * mixer.Channels; len(pcm) != want {
				t.Errorf("%v: %d values decoded, want %d", frame, len(pcm), want)
			}
			if r := toneRatio(pcm, 440, 1000); r < 30 {
				t.Errorf("%v: the tone is only %.0f dB above 1000 Hz", frame, r)
			}
		}
	}
	if _, err := NewAudioEncoder(AudioConfig{Codec: mixer.Opus, Frame: 15 * time.Millisecond}); !errors.Is(err, mixer.ErrUnsupported) {
		t.Errorf("packets of 15 ms gave %v, want ErrUnsupported", err)
	}
}

func TestOpusSilenceNeedNotBeSent(t *testing.T) {
	packets := encodeAll(t, AudioConfig{Codec: mixer.Opus, Bitrate: 24_000, Voice: true, Mono: true, DTX: true}, make([]int16, 2*mixer.SampleRate))
	small := 0
	for _, p := range packets {
		if len(p.Data) <= 2 {
			small++
		}
	}
	if small < len(packets)/2 {
		t.Errorf("%d of %d packets of silence need not be sent", small, len(packets))
	}
}

func TestOpusSilenceIsSilent(t *testing.T) {
	d := opusDecoder(t)
	var pcm []int16
	for _, p := range encodeAll(t, AudioConfig{Codec: mixer.Opus, Loss: 10}, speech(0.5)) {
		pcm, _ = d.Decode(pcm[:0], p)
	}
	for i := range 5 {
		var err error
		if pcm, err = d.Decode(pcm[:0], mixer.Packet{Codec: mixer.Opus, Data: OpusSilence()}); err != nil || len(pcm) != 1920 {
			t.Fatalf("%d values, %v; want 20 ms", len(pcm), err)
		}
		if i > 0 && slices.ContainsFunc(pcm, func(v int16) bool { return v != 0 }) {
			t.Errorf("packet %d of silence is more than that", i)
		}
	}
}

func TestOpusDecoderRefuses(t *testing.T) {
	d, err := NewOpusDecoder()
	if err != nil {
		t.Fatal(err)
	}
	garbage := mixer.Packet{Codec: mixer.Opus, Data: []byte{0xff, 0xff, 0xff, 0x13, 0x37}}
	empty := mixer.Packet{Codec: mixer.Opus}
	for name, call := range map[string]func() ([]int16, error){
		"garbage":        func() ([]int16, error) { return d.Decode(nil, garbage) },
		"empty":          func() ([]int16, error) { return d.Decode(nil, empty) },
		"garbage as FEC": func() ([]int16, error) { return d.DecodeFEC(nil, garbage, 20*time.Millisecond) },
		"empty as FEC":   func() ([]int16, error) { return d.DecodeFEC(nil, empty, 20*time.Millisecond) },
	} {
		if pcm, callErr := call(); !errors.Is(callErr, mixer.ErrInvalidData) || len(pcm) != 0 {
			t.Errorf("%s gave %d values, %v; want ErrInvalidData", name, len(pcm), callErr)
		}
	}
	if pcm, callErr := d.Conceal(nil, time.Hour); callErr != nil || len(pcm) != opusLongest*mixer.Channels {
		t.Errorf("concealing an hour gave %d values, %v; want 120 ms", len(pcm), callErr)
	}
	d.Close()
	d.Close()
	if _, err = d.Decode(nil, garbage); !errors.Is(err, mixer.ErrClosed) {
		t.Errorf("decode after close gave %v, want ErrClosed", err)
	}
}

// TestOpusRedundancyIsCheap: at the bitrate of mixes, in-band FEC replaces other detail instead of taking more bits.
func TestOpusRedundancyIsCheap(t *testing.T) {
	bits := func(loss int) (n int) {
		for _, p := range encodeAll(t, AudioConfig{Codec: mixer.Opus, Loss: loss}, speech(5)) {
			n += 8 * len(p.Data)
		}
		return n / 5
	}
	without, with := bits(0), bits(10)
	t.Logf("%d b/s without, %d b/s with redundancy", without, with)
	if with > without*11/10 {
		t.Errorf("%d b/s without redundancy became %d b/s", without, with)
	}
}

func BenchmarkOpusDecode(b *testing.B) {
	for name, pcm := range map[string][]int16{"voice": speech(1), "silence": make([]int16, 2*mixer.SampleRate)} {
		b.Run(name, func(b *testing.B) {
			packets := encodeAll(b, AudioConfig{Codec: mixer.Opus}, pcm)
			d := opusDecoder(b)
			var decoded []int16
			for i := 0; b.Loop(); i++ {
				decoded, _ = d.Decode(decoded[:0], packets[i%len(packets)])
			}
		})
	}
}

func BenchmarkAudioEncode(b *testing.B) {
	for _, id := range []mixer.Codec{mixer.Opus, mixer.AAC} {
		for name, pcm := range map[string][]int16{"voice": speech(1), "silence": make([]int16, 2*mixer.SampleRate)} {
			b.Run(string(id)+" "+name, func(b *testing.B) {
				e, err := NewAudioEncoder(AudioConfig{Codec: id})
				if err != nil {
					b.Fatal(err)
				}
				defer e.Close()
				for i := 0; b.Loop(); i++ {
					at := i % 50 * 1920
					if _, err = e.Encode(pcm[at:at+1920], 0); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
