package engine

import (
	"log/slog"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// TestLostSoundCanBeRecovered: a viewer that misses every tenth packet of a voice, and uses what the next one repeats,
// hears it better by more than 3 dB than one that guesses.
func TestLostSoundCanBeRecovered(t *testing.T) {
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

// mixed is what viewers are sent of sound.
func mixed(t *testing.T, sound []int16) (packets []mixer.Packet) {
	t.Helper()
	m := newAudioRendition(1, func(mixer.Event) {}, audioKey{id: mixer.Opus}, mixer.Config{}.WithDefaults().AudioBitrate, slog.New(slog.DiscardHandler))
	defer func() { m.encoder.Close() }()
	for at := time.Duration(0); len(sound) >= blockLength; at += blockTime {
		made, err := m.encode(audioBlock{pcm: sound[:blockLength], pts: at})
		if err != nil {
			t.Fatal(err)
		}
		packets, sound = append(packets, made...), sound[blockLength:]
	}
	return packets
}

// received decodes packets of which some are lost, with or without what the next one repeats.
func received(t *testing.T, packets []mixer.Packet, lost func(i int) bool, redundant bool) (sound []int16) {
	t.Helper()
	d, err := codec.NewOpusDecoder()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for i, p := range packets[:len(packets)-1] {
		switch {
		case !lost(i):
			sound, err = d.Decode(sound, p)
		case redundant:
			sound, err = d.DecodeFEC(sound, packets[i+1], p.Duration)
		default:
			sound, err = d.Conceal(sound, p.Duration)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return sound
}
