package codec_test

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/codec/codectest"
	"azulejo/mixer"
)

// toneFile returns the packets of a tone of 1 kHz that Debian's ffmpeg writes to a file with the given extension.
func toneFile(t *testing.T, extension string, options ...string) []mixer.Packet {
	t.Helper()
	name := filepath.Join(t.TempDir(), "tone."+extension)
	args := append([]string{"-nostdin", "-v", "error", "-f", "lavfi", "-i", "sine=1000:duration=3"}, options...)
	if out, err := exec.Command("ffmpeg", append(args, name)...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, out)
	}
	return codectest.ReadFile(t, name)
}

// asc returns an AudioSpecificConfig of AAC-LC with a sampling_frequency_index and a number of channels.
func asc(index, channels int) []byte {
	bits := 2<<11 | index<<7 | channels<<3
	return []byte{byte(bits >> 8), byte(bits)}
}

// decodeAll decodes packets with the configuration of the first one. It returns the samples, and how many packets failed among the
// first ten and among the rest.
func decodeAll(t *testing.T, packets []mixer.Packet) (pcm []int16, early, late int) {
	t.Helper()
	d, err := codec.NewAudioDecoderFor(packets[0])
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for i, p := range packets {
		if pcm, err = d.Decode(pcm, p); err == nil {
			continue
		}
		if i < 10 {
			early++
		} else {
			late++
		}
	}
	return pcm, early, late
}

// pitch returns how often the left channel rises through zero in each second of its last half.
func pitch(pcm []int16) float64 {
	half := pcm[len(pcm)/4*2:]
	n := 0
	for i := 2; i < len(half); i += 2 {
		if half[i-2] < 0 && half[i] >= 0 {
			n++
		}
	}
	return float64(n) / (float64(len(half)/2) / mixer.SampleRate)
}

// TestAACWithAWrongConfiguration decodes AAC whose configuration tells another rate, or is invalid.
func TestAACWithAWrongConfiguration(t *testing.T) {
	const at44100, at48000, at16000, at8000 = 4, 3, 8, 11
	tones := map[[2]int][]mixer.Packet{} // by rate and number of channels
	for _, c := range []struct {
		rate, channels int
		config         []byte
	}{
		{16000, 1, asc(at44100, 2)},
		{16000, 1, asc(at48000, 1)},
		{16000, 2, asc(at8000, 1)},
		{8000, 1, asc(at16000, 1)},
		{8000, 1, asc(at44100, 2)},
		{48000, 2, asc(at16000, 1)},
		{44100, 2, asc(at8000, 2)},
		{32000, 1, asc(at16000, 2)},
		{24000, 1, asc(at48000, 2)},
		{22050, 1, asc(at44100, 1)},
		{16000, 1, []byte{0x12}},                                       // too short
		{16000, 1, []byte{0xff, 0xff, 0xff}},                           // no such object type
		{16000, 1, []byte{}},                                           // empty
		{16000, 1, []byte{0x15, 0x90 | 2<<3}},                          // AAC-LC with reserved rate
		{48000, 2, []byte{0x2b, 0x92, 0x08, 0x00}},                     // HE-AAC of 24 kHz, doubled to 48 kHz, for AAC-LC
		{16000, 1, []byte{0x0a, 0x10}},                                 // AAC Main of 44.1 kHz
		{16000, 1, append(asc(at44100, 2), 0x56, 0xe5, 0x98, 0, 0, 0)}, // with an extension
	} {
		name := fmt.Sprintf("%d Hz and %d channels as % x", c.rate, c.channels, c.config)
		packets := tones[[2]int{c.rate, c.channels}]
		if packets == nil {
			packets = toneFile(t, "m4a", "-ar", fmt.Sprint(c.rate), "-ac", fmt.Sprint(c.channels), "-c:a", "aac", "-b:a", "48k")
			tones[[2]int{c.rate, c.channels}] = packets
		}
		for i := range packets {
			packets[i].Config = c.config
		}
		pcm, early, late := decodeAll(t, packets)
		if late > 0 {
			t.Errorf("%s: %d packets failed at first, and %d later", name, early, late)
		}
		if hz := pitch(pcm); hz < 980 || hz > 1020 {
			t.Errorf("%s: a tone of %.0f Hz, want 1000", name, hz)
		}
	}
}

// TestAACWithAWrongClock: the timestamps of AAC with 16 kHz count at 44.1 kHz, as its configuration says.
func TestAACWithAWrongClock(t *testing.T) {
	packets := toneFile(t, "m4a", "-ar", "16000", "-ac", "1", "-c:a", "aac")
	for i := range packets {
		packets[i].Config = asc(4, 2)
		packets[i].PTS = time.Duration(i) * 1024 * time.Second / 44100
	}
	pcm, _, late := decodeAll(t, packets)
	if hz := pitch(pcm); late > 0 || hz < 980 || hz > 1020 {
		t.Errorf("%d packets failed, and a tone of %.0f Hz, want 1000", late, hz)
	}
}

// TestADTSHeaderOverridesTheConfiguration puts an ADTS header in front of each access unit (ISO 14496-3, 1.A.3.2).
func TestADTSHeaderOverridesTheConfiguration(t *testing.T) {
	packets := toneFile(t, "m4a", "-ar", "16000", "-ac", "1", "-c:a", "aac")
	for i, p := range packets {
		n := len(p.Data) + 7
		header := []byte{0xff, 0xf1, 1<<6 | 8<<2, 1<<6 | byte(n>>11), byte(n >> 3), byte(n<<5) | 0x1f, 0xfc}
		packets[i].Data, packets[i].Config = append(header, p.Data...), asc(4, 2)
	}
	pcm, early, late := decodeAll(t, packets)
	if hz := pitch(pcm); early+late > 0 || hz < 990 || hz > 1010 {
		t.Errorf("%d packets failed, and a tone of %.0f Hz, want 1000", early+late, hz)
	}
}

// TestG711OfAnyRate decodes WAV files of G.711, as feeds do.
func TestG711OfAnyRate(t *testing.T) {
	for _, id := range []string{"pcm_mulaw", "pcm_alaw"} {
		for _, format := range [][2]string{{"8000", "1"}, {"11025", "1"}, {"16000", "1"}, {"16000", "2"}, {"44100", "1"}, {"48000", "2"}} {
			packets := toneFile(t, "wav", "-ar", format[0], "-ac", format[1], "-c:a", id)
			pcm, early, late := decodeAll(t, packets)
			seconds := float64(len(pcm)/mixer.Channels) / mixer.SampleRate
			if hz := pitch(pcm); early+late > 0 || hz < 990 || hz > 1010 || seconds < 2.9 || seconds > 3.1 {
				t.Errorf("%s of %v: %d packets failed, %.1f s of %.0f Hz, want 3 s of 1000 Hz", id, format, early+late, seconds, hz)
			}
		}
	}
}

// TestNoConfigurationFits feeds data that is no AAC: each packet must fail, and none may take long.
func TestNoConfigurationFits(t *testing.T) {
	d, err := codec.NewAudioDecoder(mixer.AAC, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	began := time.Now()
	for i := range 2000 {
		junk := []byte(strings.Repeat(string(rune('a'+i%26)), 100))
		if _, err := d.Decode(nil, mixer.Packet{Codec: mixer.AAC, Data: junk}); err != nil && !errors.Is(err, mixer.ErrInvalidData) {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("2000 packets took %v", took)
	}
}
