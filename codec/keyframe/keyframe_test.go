package keyframe_test

import (
	"log/slog"
	"testing"

	"go.uber.org/goleak"

	"azulejo/codec"
	"azulejo/codec/codectest"
	"azulejo/codec/keyframe"
	"azulejo/mixer"
)

func TestMain(m *testing.M) {
	codec.BridgeLog(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

// encode has our own encoder make a keyframe and the frame after it.
func encode(t *testing.T, id mixer.Codec, w, h int) []mixer.Packet {
	t.Helper()
	cfg := codec.VideoConfig{Codec: id, Width: w, Height: h, FPS: 25, Bitrate: 1_000_000}
	return codectest.Encode(t, cfg, 2, 2, func(f *codec.Frame, _ int) { f.Fill(f.Bounds(), codec.RGB(90, 120, 30)) })
}

func TestRead(t *testing.T) {
	for _, id := range []mixer.Codec{mixer.H264, mixer.VP8} {
		for _, size := range [][2]int{{320, 180}, {1280, 720}, {66, 498}} {
			packets := encode(t, id, size[0], size[1])
			want := keyframe.Info{Width: size[0], Height: size[1]}
			if id == mixer.H264 {
				want.Profile = 66
			}
			if h, ok := keyframe.Read(packets[0]); !ok || h != want {
				t.Errorf("%s: %+v %v, want %+v", id, h, ok, want)
			}
			if h, ok := keyframe.Read(packets[1]); ok {
				t.Errorf("%s: a frame that is no keyframe says %+v", id, h)
			}
		}
	}
	for name, c := range map[string]struct {
		options []string
		want    keyframe.Info
	}{
		"main":   {[]string{"-profile:v", "main"}, keyframe.Info{Width: 322, Height: 182, Profile: 77}},
		"high":   {[]string{"-profile:v", "high"}, keyframe.Info{Width: 322, Height: 182, Profile: 100}},
		"h265":   {[]string{"-c:v", "libx265", "-x265-params", "log-level=none"}, keyframe.Info{Width: 322, Height: 182}},
		"fields": {[]string{"-flags", "+ildct+ilme", "-s", "322x184"}, keyframe.Info{Width: 322, Height: 184, Profile: 100, Fields: true}},
		"vp9":    {[]string{"-c:v", "libvpx-vp9", "-deadline", "realtime"}, keyframe.Info{Width: 322, Height: 182}},
		"av1":    {[]string{"-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8"}, keyframe.Info{Width: 322, Height: 182}},
		"jpeg":   {[]string{"-c:v", "mjpeg", "-color_range", "pc"}, keyframe.Info{Width: 322, Height: 182}},
	} {
		packets := codectest.Film(t, "testsrc2=size=322x182:rate=5:duration=1", append(c.options, "-pix_fmt", "yuv420p")...)
		if h, ok := keyframe.Read(packets[0]); !ok || h != c.want {
			t.Errorf("%s: %+v %v, want %+v", name, h, ok, c.want)
		}
	}
}

func TestIsExact(t *testing.T) {
	for name, c := range map[string]struct {
		p    mixer.Packet
		want bool
	}{
		"H.264 IDR":            {mixer.Packet{Codec: mixer.H264, Key: true, Data: []byte{0, 0, 1, 0x67, 1, 0, 0, 1, 0x65, 1}}, true},
		"H.264 recovery point": {mixer.Packet{Codec: mixer.H264, Key: true, Data: []byte{0, 0, 1, 0x67, 1, 0, 0, 1, 6, 6, 0, 0, 1, 0x41, 1}}, false},
		"H.264 without sets":   {mixer.Packet{Codec: mixer.H264, Data: []byte{0, 0, 1, 0x65, 1}}, false},
		"H.265 IDR":            {mixer.Packet{Codec: mixer.H265, Key: true, Data: []byte{0, 0, 1, 0x42, 1, 1, 0, 0, 1, 0x26, 1}}, true},
		"H.265 CRA":            {mixer.Packet{Codec: mixer.H265, Key: true, Data: []byte{0, 0, 1, 0x42, 1, 1, 0, 0, 1, 0x2a, 1}}, true},
		"H.265 recovery point": {mixer.Packet{Codec: mixer.H265, Key: true, Data: []byte{0, 0, 1, 0x42, 1, 1, 0, 0, 1, 2, 1}}, false},
		"VP8":                  {mixer.Packet{Codec: mixer.VP8, Key: true}, true},
		"VP8, no keyframe":     {mixer.Packet{Codec: mixer.VP8}, false},
	} {
		if got := keyframe.IsExact(c.p); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestReadUnreadable(t *testing.T) {
	for _, data := range [][]byte{
		nil,
		{0},
		{0, 0, 1},
		{0, 0, 1, 0x67},
		{0, 0, 0, 1, 0x67, 0x42},
		{0, 0, 1, 0x42, 1},
		{0x10, 2, 0, 0x9d, 1, 0x2a, 1},
		make([]byte, 100),
		{0xff, 0xd8},
		{0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, 0, 1, 0},
		{0xff, 0xd8, 0xff, 0xe0, 0xff, 0xff, 0, 0, 0, 0, 0},
		{0x0a, 0xff, 0},
		{0x82, 0x49, 0x83},
	} {
		for _, id := range []mixer.Codec{mixer.H264, mixer.H265, mixer.VP8, mixer.VP9, mixer.AV1, mixer.MJPEG, mixer.Opus, ""} {
			if h, ok := keyframe.Read(mixer.Packet{Codec: id, Data: data}); ok {
				t.Errorf("%s of % x says %+v", id, data, h)
			}
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xbf, 0xe5, 0xc0, 0x44, 0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80})
	f.Add([]byte{0, 0, 1, 0x42, 1, 1, 1, 0x60, 0, 0, 3, 0, 0xb0, 0, 0, 3, 0, 0, 3, 0, 0x5d, 0xa0, 2, 0x80, 0x80, 0x2d, 0x16})
	f.Add([]byte{0x10, 2, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xb4, 0})
	f.Add([]byte{0x82, 0x49, 0x83, 0x42, 0x20, 0x14, 0x10, 0x0b, 0x50})
	f.Add([]byte{0x12, 0, 0x0a, 0x0a, 0, 0, 0, 0x02, 0xaf, 0xff, 0x9b, 0x5f, 0x20, 0x08})
	f.Add([]byte{0xff, 0xd8, 0xff, 0xe0, 0, 2, 0xff, 0xc0, 0, 17, 8, 0, 182, 1, 66, 3})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, id := range []mixer.Codec{mixer.H264, mixer.H265, mixer.VP8, mixer.VP9, mixer.AV1, mixer.MJPEG} {
			keyframe.IsExact(mixer.Packet{Codec: id, Key: true, Data: data})
			h, ok := keyframe.Read(mixer.Packet{Codec: id, Key: true, Data: data})
			if !ok && h != (keyframe.Info{}) {
				t.Errorf("%s: nothing was read but %+v", id, h)
			}
		}
	})
}

// BenchmarkRead measures a keyframe with its SPS in front, and a frame of 40 kB without one.
func BenchmarkRead(b *testing.B) {
	sps := []byte{0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xbf, 0xe5, 0xc0, 0x44, 0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80}
	slice := []byte{0, 0, 0, 1, 0x65}
	for i := range 40_000 {
		slice = append(slice, byte(i*7+i>>8)|4)
	}
	for name, data := range map[string][]byte{"keyframe": append(sps, slice...), "no SPS": slice} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				keyframe.Read(mixer.Packet{Codec: mixer.H264, Data: data})
			}
		})
	}
}
