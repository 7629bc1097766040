package engine

import (
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// encodeAAC returns a packet of silence.
func encodeAAC(t *testing.T) mixer.Packet {
	t.Helper()
	e, err := codec.NewAudioEncoder(codec.AudioConfig{Codec: mixer.AAC})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	packets, err := e.Encode(make([]int16, (100*time.Millisecond)), 0)
	if err != nil || len(packets) == 0 {
		t.Fatalf("%d packets, error %v", len(packets), err)
	}
	return packets[0]
}

// TestTheDecoderFollowsTheConfiguration: a packet with another codec or configuration is decoded by a new decoder.
func TestTheDecoderFollowsTheConfiguration(t *testing.T) {
	var d audioDecoder
	defer d.close()
	g711 := func(rate, channels int) mixer.Packet {
		return mixer.Packet{Codec: mixer.PCMU, Data: make([]byte, 800), SampleRate: rate, Channels: channels}
	}
	aac := encodeAAC(t)
	own := aac
	own.Config = []byte{0x11, 0x90} // AAC-LC, 48 kHz, stereo
	invalid := aac
	invalid.Config = []byte{0xff}
	for _, c := range []struct {
		name   string
		p      mixer.Packet
		opens  bool
		length time.Duration
	}{
		{"usual G.711", g711(0, 0), true, 100 * time.Millisecond},
		{"the same", g711(0, 0), false, 100 * time.Millisecond},
		{"16 kHz", g711(16000, 0), true, 50 * time.Millisecond},
		{"two channels", g711(0, 2), true, 50 * time.Millisecond},
		{"AAC as azulejo encodes", aac, true, 1024 * time.Second / 48000},
		{"AAC that says so", own, true, 1024 * time.Second / 48000},
		{"the same AAC", own, false, 1024 * time.Second / 48000},
		{"AAC that says nothing valid", invalid, true, 1024 * time.Second / 48000},
		{"usual G.711 again", g711(0, 0), true, 100 * time.Millisecond},
	} {
		before := d.other
		if err := d.open(c.p); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if opened := d.other != before; opened != c.opens {
			t.Errorf("%s: a new decoder: %v, want %v", c.name, opened, c.opens)
		}
		pcm, err := d.decode(nil, c.p)
		if got := durationOf(len(pcm)); err != nil || (got-c.length).Abs() > roundTime {
			t.Errorf("%s: %v of audio, error %v; want %v", c.name, got, err, c.length)
		}
	}
	if err := d.open(mixer.Packet{Codec: mixer.PCMU, SampleRate: 1000}); err == nil {
		t.Error("G.711 of 1 kHz was accepted")
	}
	if err := d.open(aac); err != nil || d.other == nil {
		t.Errorf("after a format that cannot be decoded: %v", err)
	}
}
