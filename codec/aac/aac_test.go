package aac

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"azulejo/codec/h264"
)

func TestLowComplexity(t *testing.T) {
	for _, rate := range rates {
		for channels := 1; channels <= 6; channels++ {
			info, err := ReadConfig(LowComplexity(rate, channels))
			if err != nil || info != (Info{rate, 1024}) {
				t.Errorf("%d Hz with %d channels: %+v, %v", rate, channels, info, err)
			}
		}
	}
	if got := hex.EncodeToString(LowComplexity(48000, 2)); got != "1190" {
		t.Errorf("48 kHz in stereo is %s", got)
	}
	if got := LowComplexity(44000, 2); got != nil {
		t.Errorf("a rate without an index is %X", got)
	}
}

func TestConfigOfAnySize(t *testing.T) {
	config := append(LowComplexity(16000, 1), make([]byte, MaxConfig)...)
	if _, err := ReadConfig(config[:MaxConfig]); err != nil {
		t.Error(err)
	}
	if _, err := ReadConfig(config); err == nil || !strings.Contains(err.Error(), "514 bytes; accepted are at most 512") {
		t.Error(err)
	}
}

// TestCutConfig finds an AudioSpecificConfig that starts at any bit and has other bits behind it.
func TestCutConfig(t *testing.T) {
	for _, text := range []string{"1408", "0c08", "2408", "2b098800", "eb098800", "140a4af8"} {
		want, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		for shift := range 8 {
			b := make([]byte, len(want)+1)
			for i, v := range want {
				b[i] |= v >> shift
				b[i+1] = byte(int(v) << (8 - shift))
			}
			r := h264.NewReader(append(b, 0xff))
			r.Bits(shift)
			got, err := CutConfig(r)
			if err != nil || !bytes.HasPrefix(want, got[:len(got)-1]) || len(got) > len(want) {
				t.Errorf("%s at bit %d: %x, %v", text, shift, got, err)
			}
			if _, err := ReadConfig(got); err != nil {
				t.Errorf("%s at bit %d: %v", text, shift, err)
			}
		}
	}
}

// TestSplitADTS: the number of access units is limited, also while they are being read.
func TestSplitADTS(t *testing.T) {
	frame := []byte{0xff, 0xf1, 0x6c, 0x40, 0x01, 0x3f, 0xfc, 1, 2} // 8 kHz, one channel, 9 bytes
	for count, want := range map[int]int{1: 1, 3: 3, 4: 4, 1000: 4} {
		frames, config := SplitADTS(bytes.Repeat(frame, count), 3)
		if len(frames) != want || !bytes.Equal(frames[0], []byte{1, 2}) || !bytes.Equal(config, []byte{0x15, 0x88}) {
			t.Errorf("%d frames: %d access units with %X, want %d", count, len(frames), config, want)
		}
	}
	if frames, config := SplitADTS(frame[:8], 3); len(frames) != 1 || len(frames[0]) != 8 || config != nil {
		t.Errorf("no ADTS frame: %X with %X", frames, config)
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte{0x14, 0x08})
	f.Add([]byte{0xf8, 0xe6, 0x20, 0x00})
	f.Fuzz(func(t *testing.T, b []byte) {
		if info, err := ReadConfig(b); err == nil && (info.Rate < 7350 || info.Samples < 480) {
			t.Errorf("%X: %+v", b, info)
		}
		if config, err := CutConfig(h264.NewReader(b)); err == nil && len(config) > len(b) {
			t.Errorf("%X has the configuration %X", b, config)
		}
		if frames, _ := SplitADTS(b, 3); len(frames) > 4 {
			t.Errorf("%d access units", len(frames))
		}
	})
}
