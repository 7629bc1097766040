package engine

import (
	"log/slog"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// TestLostAudioCanBeRecovered: a viewer loses every tenth packet of a voice. With the redundancy in the next packets, the
// SNR is more than 3 dB better than with concealment.
func TestLostAudioCanBeRecovered(t *testing.T) {
	packets := mixed(t, vowel(3*time.Second))
	none := func(int) bool { return false }
	some := func(i int) bool { return i%10 == 9 }
	want := received(t, packets, none, false)
	guessed, recovered := likeness(want, received(t, packets, some, false)), likeness(want, received(t, packets, some, true))
	t.Logf("10 %% loss: %.1f dB guessed, %.1f dB recovered", guessed, recovered)
	if recovered < guessed+3 {
		t.Errorf("10 %% loss: %.1f dB guessed, %.1f dB recovered; want 3 dB more", guessed, recovered)
	}
}

// mixed encodes audio as for viewers.
func mixed(t *testing.T, audio []int16) (packets []mixer.Packet) {
	t.Helper()
	m := newAudioRendition(1, func(mixer.Event) {}, audioKey{codec: mixer.Opus}, mixer.Config{}.WithDefaults().AudioBitrate, slog.New(slog.DiscardHandler))
	defer func() { m.encoder.Close() }()
	for at := time.Duration(0); len(audio) >= blockLength; at += blockTime {
		made, err := m.encode(audioBlock{pcm: audio[:blockLength], pts: at})
		if err != nil {
			t.Fatal(err)
		}
		packets, audio = append(packets, made...), audio[blockLength:]
	}
	return packets
}

// received decodes packets of which some are lost, with or without the redundancy in the next packets.
func received(t *testing.T, packets []mixer.Packet, lost func(i int) bool, redundant bool) (audio []int16) {
	t.Helper()
	d, err := codec.NewOpusDecoder()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for i, p := range packets[:len(packets)-1] {
		switch {
		case !lost(i):
			audio, err = d.Decode(audio, p)
		case redundant:
			audio, err = d.DecodeFEC(audio, packets[i+1], p.Duration)
		default:
			audio, err = d.Conceal(audio, p.Duration)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return audio
}
