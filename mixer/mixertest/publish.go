package mixertest

import (
	"image"
	"math"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// Video describes the video of a publisher: frames of one colour.
type Video struct {
	Codec         mixer.Codec
	Width, Height int
	FPS           int
	Colour        codec.Colour
	Moves         bool // a white square moves along the top, because a view in which nothing moves is encoded only once a second
}

// Packets returns one second of the video. The first packet is a keyframe.
func (v Video) Packets(t testing.TB) []mixer.Packet {
	t.Helper()
	e, err := codec.NewVideoEncoder(codec.VideoConfig{Codec: v.Codec, Width: v.Width, Height: v.Height, FPS: v.FPS, Bitrate: 200_000})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	f, err := codec.NewFrame(v.Width, v.Height)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []mixer.Packet
	for i := range v.FPS {
		f.Fill(f.Bounds(), v.Colour)
		if v.Moves {
			f.Fill(image.Rect(i*16, 0, i*16+16, 16), codec.RGB(255, 255, 255))
		}
		out, err := e.Encode(f, time.Duration(i)*time.Second/time.Duration(v.FPS), i == 0)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, out...)
	}
	return all
}

// Tone returns one second of a sine in Opus. hz must be a whole number: then seconds can follow each other without a click.
func Tone(t testing.TB, hz float64) []mixer.Packet {
	t.Helper()
	e, err := codec.NewAudioEncoder(codec.AudioConfig{Codec: mixer.Opus})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	samples := make([]int16, second)
	for i := range samples {
		samples[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(i/mixer.Channels)/mixer.SampleRate))
	}
	all, err := e.Encode(samples, 0)
	if err != nil {
		t.Fatal(err)
	}
	return all
}
