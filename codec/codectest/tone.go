package codectest

import (
	"math"
	"testing"

	"azulejo/codec"
	"azulejo/mixer"
)

// LoudestTone decodes packets, and returns the strongest of the given tones. Tones are frequencies in Hz. The packets must
// belong to one stream and last at least half a second.
func LoudestTone(t testing.TB, packets []mixer.Packet, tones ...float64) float64 {
	t.Helper()
	if len(packets) == 0 {
		t.Fatal("no audio packets")
	}
	d, err := codec.NewAudioDecoderFor(packets[0])
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
	if len(pcm) < mixer.SampleRate {
		t.Fatalf("only %d values of audio", len(pcm))
	}
	best, most := 0.0, -1.0
	for _, hz := range tones {
		if s := strength(pcm, hz); s > most {
			best, most = hz, s
		}
	}
	return best
}

// strength returns the amplitude of a tone in the left channel, in an arbitrary unit. hz is the frequency of the tone.
func strength(pcm []int16, hz float64) float64 {
	var re, im float64
	for i := 0; i+1 < len(pcm); i += mixer.Channels {
		s, c := math.Sincos(2 * math.Pi * hz * float64(i/mixer.Channels) / mixer.SampleRate)
		re += float64(pcm[i]) * c
		im += float64(pcm[i]) * s
	}
	return math.Hypot(re, im)
}
