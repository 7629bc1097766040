package codec

import (
	"errors"
	"image"
	"testing"
	"time"

	"azulejo/mixer"
)

func encodeBars(t *testing.T, e *VideoEncoder, w, h, n int) []mixer.Packet {
	t.Helper()
	var all []mixer.Packet
	for i := range n {
		f := colourBars(t, w, h, 0)
		got, err := e.Encode(f, time.Duration(i)*40*time.Millisecond, i == 0 || i == 5)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, got...)
	}
	return all
}

func videoEncoder(t *testing.T, id mixer.Codec, w, h int) *VideoEncoder {
	t.Helper()
	e, err := NewVideoEncoder(VideoConfig{Codec: id, Width: w, Height: h, FPS: 25, Bitrate: 1_000_000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func videoDecoder(t *testing.T, id mixer.Codec) *VideoDecoder {
	t.Helper()
	d, err := NewVideoDecoder(id, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// TestVideoConformance holds every video codec to the same promises.
func TestVideoConformance(t *testing.T) {
	for _, id := range []mixer.Codec{mixer.H264, mixer.VP8, mixer.MJPEG} {
		t.Run(string(id), func(t *testing.T) {
			t.Run("round trip", func(t *testing.T) { videoRoundTrip(t, id) })
			t.Run("size change mid-stream", func(t *testing.T) { videoSizeChange(t, id) })
			t.Run("garbage", func(t *testing.T) { videoGarbage(t, id) })
			t.Run("close twice", func(t *testing.T) { videoCloseTwice(t, id) })
		})
	}
}

func videoRoundTrip(t *testing.T, id mixer.Codec) {
	noLeak(t)
	packets := encodeBars(t, videoEncoder(t, id, 320, 180), 320, 180, 10)
	if len(packets) != 10 {
		t.Fatalf("%d packets of 10 frames: an encoder may not hold any back", len(packets))
	}
	d := videoDecoder(t, id)
	n := 0
	check := func(frames []*Frame, err error) {
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range frames {
			if want := packets[n].PTS; f.PTS != want {
				t.Errorf("frame %d at %v, want %v", n, f.PTS, want)
			}
			for i := range 4 {
				r := image.Rect(i*80+8, 8, i*80+72, 172)
				if got, want := f.Mean(r), (Colour{uint8(40 + 45*i), uint8(70 + 30*i), uint8(180 - 30*i)}); id != mixer.MJPEG && !near(got, want, 4) {
					t.Errorf("frame %d, bar %d is %v, want %v", n, i, got, want)
				}
			}
			n++
			f.Close()
		}
	}
	for i, p := range packets {
		if key := i == 0 || i == 5 || id == mixer.MJPEG; p.Key != key {
			t.Errorf("packet %d: key is %v, want %v", i, p.Key, key)
		}
		check(d.Decode(p))
	}
	check(d.Flush())
	if n != 10 {
		t.Errorf("%d frames back, want 10", n)
	}
	n = 5
	check(d.Decode(packets[5]))
	check(d.Flush())
	if n != 6 {
		t.Errorf("%d frames after a flush, want 1", n-5)
	}
}

func videoSizeChange(t *testing.T, id mixer.Codec) {
	noLeak(t)
	d := videoDecoder(t, id)
	for _, size := range [][2]int{{320, 180}, {640, 360}, {176, 288}} {
		e := videoEncoder(t, id, size[0], size[1])
		for _, p := range encodeBars(t, e, size[0], size[1], 3) {
			frames, err := d.Decode(p)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range frames {
				if f.Width() != size[0] || f.Height() != size[1] {
					t.Errorf("frame of %dx%d, want %v", f.Width(), f.Height(), size)
				}
				f.Close()
			}
		}
	}
}

func videoGarbage(t *testing.T, id mixer.Codec) {
	noLeak(t)
	d := videoDecoder(t, id)
	junk := make([]byte, 999)
	for i := range junk {
		junk[i] = byte(i*i*31 + i)
	}
	frames, err := d.Decode(mixer.Packet{Codec: id, Data: junk})
	if len(frames) != 0 || (err != nil && !errors.Is(err, mixer.ErrInvalidData)) {
		t.Errorf("garbage gave %d frames and error %v, want none and ErrInvalidData or nil", len(frames), err)
	}
	if _, err := d.Decode(mixer.Packet{Codec: id}); !errors.Is(err, mixer.ErrInvalidData) {
		t.Errorf("an empty packet gave %v, want ErrInvalidData", err)
	}
	got := 0
	for _, p := range encodeBars(t, videoEncoder(t, id, 320, 180), 320, 180, 3) {
		frames, _ := d.Decode(p)
		for _, f := range frames {
			got++
			f.Close()
		}
	}
	if got < 2 {
		t.Errorf("%d of 3 frames decoded after garbage", got)
	}
}

func videoCloseTwice(t *testing.T, id mixer.Codec) {
	noLeak(t)
	e := videoEncoder(t, id, 320, 180)
	e.Close()
	e.Close()
	f := colourBars(t, 320, 180, 0)
	defer f.Close()
	if _, err := e.Encode(f, 0, true); !errors.Is(err, mixer.ErrClosed) {
		t.Errorf("encode after close gave %v, want ErrClosed", err)
	}
	d := videoDecoder(t, id)
	d.Close()
	d.Close()
	if _, err := d.Decode(mixer.Packet{Codec: id, Data: []byte{1}}); !errors.Is(err, mixer.ErrClosed) {
		t.Errorf("decode after close gave %v, want ErrClosed", err)
	}
	f.Close()
	f.Close()
}

func TestDecodersExist(t *testing.T) {
	for _, id := range []mixer.Codec{mixer.H264, mixer.H265, mixer.VP8, mixer.VP9, mixer.AV1, mixer.MJPEG} {
		videoDecoder(t, id)
	}
	if _, err := NewVideoDecoder(mixer.Opus, 0); !errors.Is(err, mixer.ErrUnsupported) {
		t.Errorf("a video decoder of opus gave %v", err)
	}
	if _, err := NewAudioDecoder("mp3", nil); !errors.Is(err, mixer.ErrUnsupported) {
		t.Errorf("an audio decoder of mp3 gave %v", err)
	}
}

func TestVideoConfigNamesWhatIsWrong(t *testing.T) {
	for _, c := range []VideoConfig{
		{Codec: mixer.H265, Width: 320, Height: 180, FPS: 25, Bitrate: 1e6},
		{Codec: mixer.H264, Width: 321, Height: 180, FPS: 25, Bitrate: 1e6},
		{Codec: mixer.H264, Width: 320, Height: 180, FPS: 0, Bitrate: 1e6},
		{Codec: mixer.H264, Width: 320, Height: 180, FPS: 25, Bitrate: 1},
	} {
		if _, err := NewVideoEncoder(c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}

// TestEveryQualityOpens: the lowest and the highest quality are accepted for every codec.
func TestEveryQualityOpens(t *testing.T) {
	for _, id := range []mixer.Codec{mixer.H264, mixer.VP8} {
		for _, quality := range []int{1, 51, 63} {
			e, err := NewVideoEncoder(VideoConfig{Codec: id, Width: 64, Height: 36, FPS: 5, Bitrate: 100_000, Quality: quality})
			if err != nil {
				t.Errorf("%s with quality %d: %v", id, quality, err)
			}
			e.Close()
		}
	}
}
