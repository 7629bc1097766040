package codec

import (
	"errors"
	"image"
	"log/slog"
	"math"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	BridgeLog(slog.Default())
	goleak.VerifyTestMain(m)
}

// noLeak fails the test when it ends with more live frames than it began with.
func noLeak(t *testing.T) {
	t.Helper()
	before := LiveFrames()
	t.Cleanup(func() {
		if n := LiveFrames() - before; n != 0 {
			t.Errorf("%d frames were not closed", n)
		}
	})
}

func colourBars(t *testing.T, w, h, step int) *Frame {
	t.Helper()
	f, err := NewFrame(w, h)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		bar := image.Rect(i*w/4, 0, (i+1)*w/4, h)
		f.Fill(bar, Colour{Y: uint8(40 + 45*((i+step)%4)), U: uint8(70 + 30*i), V: uint8(180 - 30*i)})
	}
	return f
}

func near(a, b Colour, tolerance int) bool {
	d := func(x, y uint8) bool { return int(x)-int(y) <= tolerance && int(y)-int(x) <= tolerance }
	return d(a.Y, b.Y) && d(a.U, b.U) && d(a.V, b.V)
}

func encodeBars(t *testing.T, e *VideoEncoder, w, h, n int) []Packet {
	t.Helper()
	var all []Packet
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

func videoEncoder(t *testing.T, id ID, w, h int) *VideoEncoder {
	t.Helper()
	e, err := NewVideoEncoder(VideoConfig{Codec: id, Width: w, Height: h, FPS: 25, Bitrate: 1_000_000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func videoDecoder(t *testing.T, id ID) *VideoDecoder {
	t.Helper()
	d, err := NewVideoDecoder(id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// TestVideoConformance holds every picture format to the same promises.
func TestVideoConformance(t *testing.T) {
	for _, id := range []ID{H264, VP8, MJPEG} {
		t.Run(string(id), func(t *testing.T) {
			t.Run("round trip", func(t *testing.T) { videoRoundTrip(t, id) })
			t.Run("size change mid-stream", func(t *testing.T) { videoSizeChange(t, id) })
			t.Run("garbage", func(t *testing.T) { videoGarbage(t, id) })
			t.Run("close twice", func(t *testing.T) { videoCloseTwice(t, id) })
		})
	}
}

func videoRoundTrip(t *testing.T, id ID) {
	noLeak(t)
	packets := encodeBars(t, videoEncoder(t, id, 320, 180), 320, 180, 10)
	if len(packets) != 10 {
		t.Fatalf("%d packets of 10 pictures: an encoder may not hold any back", len(packets))
	}
	d := videoDecoder(t, id)
	n := 0
	check := func(frames []*Frame, err error) {
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range frames {
			if want := packets[n].PTS; f.PTS != want {
				t.Errorf("picture %d at %v, want %v", n, f.PTS, want)
			}
			for i := range 4 {
				r := image.Rect(i*80+8, 8, i*80+72, 172)
				if got, want := f.Mean(r), (Colour{uint8(40 + 45*i), uint8(70 + 30*i), uint8(180 - 30*i)}); id != MJPEG && !near(got, want, 4) {
					t.Errorf("picture %d, bar %d is %v, want %v", n, i, got, want)
				}
			}
			n++
			f.Close()
		}
	}
	for i, p := range packets {
		if key := i == 0 || i == 5 || id == MJPEG; p.Key != key {
			t.Errorf("packet %d: key is %v, want %v", i, p.Key, key)
		}
		check(d.Decode(p))
	}
	check(d.Flush())
	if n != 10 {
		t.Errorf("%d pictures back, want 10", n)
	}
	n = 5
	check(d.Decode(packets[5]))
	check(d.Flush())
	if n != 6 {
		t.Errorf("%d pictures after a flush, want 1", n-5)
	}
}

func videoSizeChange(t *testing.T, id ID) {
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
					t.Errorf("picture of %dx%d, want %v", f.Width(), f.Height(), size)
				}
				f.Close()
			}
		}
	}
}

func videoGarbage(t *testing.T, id ID) {
	noLeak(t)
	d := videoDecoder(t, id)
	junk := make([]byte, 999)
	for i := range junk {
		junk[i] = byte(i*i*31 + i)
	}
	frames, err := d.Decode(Packet{Codec: id, Data: junk})
	if len(frames) != 0 || (err != nil && !errors.Is(err, ErrInvalidData)) {
		t.Errorf("garbage gave %d pictures and error %v, want none and ErrInvalidData or nil", len(frames), err)
	}
	if _, err := d.Decode(Packet{Codec: id}); !errors.Is(err, ErrInvalidData) {
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
		t.Errorf("%d of 3 pictures decoded after garbage", got)
	}
}

func videoCloseTwice(t *testing.T, id ID) {
	noLeak(t)
	e := videoEncoder(t, id, 320, 180)
	e.Close()
	e.Close()
	f := colourBars(t, 320, 180, 0)
	defer f.Close()
	if _, err := e.Encode(f, 0, true); !errors.Is(err, ErrClosed) {
		t.Errorf("encode after close gave %v, want ErrClosed", err)
	}
	d := videoDecoder(t, id)
	d.Close()
	d.Close()
	if _, err := d.Decode(Packet{Codec: id, Data: []byte{1}}); !errors.Is(err, ErrClosed) {
		t.Errorf("decode after close gave %v, want ErrClosed", err)
	}
	f.Close()
	f.Close()
}

func tone(hz float64, seconds float64) []int16 {
	out := make([]int16, 2*int(seconds*SampleRate))
	for i := 0; i < len(out); i += 2 {
		v := int16(8000 * math.Sin(2*math.Pi*hz*float64(i/2)/SampleRate))
		out[i], out[i+1] = v, v
	}
	return out
}

// TestAudioConformance holds every sound format to the same promises.
func TestAudioConformance(t *testing.T) {
	for _, id := range []ID{Opus, AAC, PCMU, PCMA, G722} {
		t.Run(string(id), func(t *testing.T) {
			t.Run("round trip", func(t *testing.T) { audioRoundTrip(t, id) })
			t.Run("garbage and close twice", func(t *testing.T) { audioGarbage(t, id) })
		})
	}
}

func audioRoundTrip(t *testing.T, id ID) {
	e, err := NewAudioEncoder(AudioConfig{Codec: id})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	in := tone(440, 1)
	var packets []Packet
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
	if n := len(pcm) / Channels; n < SampleRate*97/100 || n > SampleRate*106/100 {
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
			s, c := math.Sincos(2 * math.Pi * hz * float64(i/2) / SampleRate)
			re += float64(mid[i]) * c * w
			im += float64(mid[i]) * s * w
		}
		return re*re + im*im + 1e-9
	}
	return 10 * math.Log10(power(a)/power(b))
}

func audioGarbage(t *testing.T, id ID) {
	d, err := NewAudioDecoder(id, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = d.Decode(nil, Packet{Codec: id, Data: []byte{0xff, 0xff, 0xff, 0x13, 0x37}}); err != nil && !errors.Is(err, ErrInvalidData) {
		t.Errorf("garbage gave %v, want ErrInvalidData or nil", err)
	}
	if _, err = d.Decode(nil, Packet{Codec: id}); !errors.Is(err, ErrInvalidData) {
		t.Errorf("an empty packet gave %v, want ErrInvalidData", err)
	}
	d.Close()
	d.Close()
	if _, err = d.Decode(nil, Packet{Codec: id, Data: []byte{1}}); !errors.Is(err, ErrClosed) {
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
	if _, err = e.Encode(make([]int16, 2), 0); !errors.Is(err, ErrClosed) {
		t.Errorf("encode after close gave %v, want ErrClosed", err)
	}
}

func TestDecodersExist(t *testing.T) {
	for _, id := range []ID{H264, H265, VP8, VP9, AV1, MJPEG} {
		videoDecoder(t, id)
	}
	if _, err := NewVideoDecoder(Opus); !errors.Is(err, ErrUnsupported) {
		t.Errorf("a picture decoder of opus gave %v", err)
	}
	if _, err := NewAudioDecoder("mp3", nil); !errors.Is(err, ErrUnsupported) {
		t.Errorf("a sound decoder of mp3 gave %v", err)
	}
}

func TestVideoConfigNamesWhatIsWrong(t *testing.T) {
	for _, c := range []VideoConfig{
		{Codec: H265, Width: 320, Height: 180, FPS: 25, Bitrate: 1e6},
		{Codec: H264, Width: 321, Height: 180, FPS: 25, Bitrate: 1e6},
		{Codec: H264, Width: 320, Height: 180, FPS: 0, Bitrate: 1e6},
		{Codec: H264, Width: 320, Height: 180, FPS: 25, Bitrate: 1},
	} {
		if _, err := NewVideoEncoder(c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}

func TestDraw(t *testing.T) {
	noLeak(t)
	f, err := NewFrame(64, 32)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	blue, white := RGB(0, 71, 171), RGB(255, 255, 255)
	f.Fill(image.Rect(-10, -10, 100, 100), blue)
	if got := f.Mean(f.Bounds()); got != blue {
		t.Errorf("filled with %v, got %v", blue, got)
	}
	mask := image.NewAlpha(image.Rect(0, 0, 8, 8))
	for i := range mask.Pix {
		mask.Pix[i] = 255
	}
	f.Blend(mask, 60, 28, white)
	f.Blend(mask, 10, 10, white)
	if got := f.Mean(image.Rect(10, 10, 18, 18)); got != white {
		t.Errorf("blended %v, got %v", white, got)
	}
	if got := f.Mean(image.Rect(20, 0, 58, 32)); got != blue {
		t.Errorf("blending spilled: %v", got)
	}
	g := f.Ref()
	defer g.Close()
	if err := f.MakeWritable(); err != nil {
		t.Fatal(err)
	}
	f.Fill(f.Bounds(), white)
	if got := g.Mean(image.Rect(20, 0, 58, 32)); got != blue {
		t.Errorf("another owner's pixels changed to %v", got)
	}
	f.Paste(g, -32, 0)
	f.Paste(g, 48, 16)
	if got := f.Mean(image.Rect(0, 0, 32, 32)); near(got, white, 1) {
		t.Error("nothing was pasted")
	}
	if got := f.Mean(image.Rect(34, 2, 46, 30)); got != white {
		t.Errorf("pasting spilled: %v", got)
	}
}

func TestScaleAveragesAndRejectsClosed(t *testing.T) {
	noLeak(t)
	src, dst := colourBars(t, 1280, 720, 0), colourBars(t, 426, 240, 1)
	defer src.Close()
	defer dst.Close()
	s, err := NewScaler()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Scale(dst, src); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		a := src.Mean(image.Rect(i*320+20, 20, i*320+300, 700))
		b := dst.Mean(image.Rect(i*106+10, 10, i*106+90, 230))
		if !near(a, b, 1) {
			t.Errorf("bar %d is %v, want %v", i, b, a)
		}
	}
	s.Close()
	s.Close()
	if err := s.Scale(dst, src); !errors.Is(err, ErrClosed) {
		t.Errorf("scale after close gave %v", err)
	}
}

// BenchmarkBlend draws a name as large as those on the tiles of a 3x3 wall.
func BenchmarkBlend(b *testing.B) {
	f, err := NewFrame(426, 240)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	mask := image.NewAlpha(image.Rect(0, 0, 90, 22))
	for i := range mask.Pix {
		mask.Pix[i] = uint8(i)
	}
	for b.Loop() {
		f.Blend(mask, 6, 212, RGB(255, 255, 255))
	}
}

func BenchmarkScale(b *testing.B) {
	src, err := NewFrame(1280, 720)
	if err != nil {
		b.Fatal(err)
	}
	defer src.Close()
	dst, err := NewFrame(426, 240)
	if err != nil {
		b.Fatal(err)
	}
	defer dst.Close()
	s, err := NewScaler()
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for b.Loop() {
		if err := s.Scale(dst, src); err != nil {
			b.Fatal(err)
		}
	}
}
