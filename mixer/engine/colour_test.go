package engine

import (
	"bytes"
	"fmt"
	"image"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"azulejo/mixer"
	"azulejo/recorder/fmp4"
)

// eightBars are the RGB colours that all cameras of the colour test show side by side, from left to right.
var eightBars = [8][3]uint8{{191, 191, 191}, {191, 191, 0}, {0, 191, 191}, {0, 191, 0}, {191, 0, 191}, {191, 0, 0}, {0, 0, 191}, {20, 20, 20}}

// barCamera is a camera that sends one keyframe again and again. The keyframe shows eightBars.
type barCamera struct {
	codec    mixer.Codec
	w, h     int
	matrix   string // bt601, bt709 or bt2020, as ffmpeg's scale filter names them
	full     bool   // full range
	pix      string // pixel format
	untagged bool   // the stream does not say its matrix
}

func (c barCamera) String() string {
	tags := []string{string(c.codec), fmt.Sprintf("%dx%d", c.w, c.h), c.matrix, c.pix}
	if c.full {
		tags = append(tags, "full")
	}
	if c.untagged {
		tags = append(tags, "untagged")
	}
	return strings.Join(tags, " ")
}

// encoders are the encoders of Debian's ffmpeg, their options, and the formats of their files.
var encoders = map[mixer.Codec]struct {
	options []string
	format  string
}{
	mixer.H264:  {[]string{"libx264", "-qp", "8", "-preset", "ultrafast", "-threads", "1"}, "h264"},
	mixer.H265:  {[]string{"libx265", "-preset", "ultrafast", "-x265-params", "qp=8:ctu=16:pools=none:frame-threads=1:log-level=none"}, "hevc"},
	mixer.VP8:   {[]string{"libvpx", "-qmin", "0", "-qmax", "4", "-b:v", "10M"}, "ivf"},
	mixer.MJPEG: {[]string{"mjpeg", "-q:v", "1"}, "mjpeg"},
}

// output returns ffmpeg's options for the file of the camera.
func (c barCamera) output(file string) []string {
	colour := "tv"
	if c.full {
		colour = "pc"
	}
	filter := fmt.Sprintf("scale=%d:%d:in_range=pc:out_color_matrix=%s:out_range=%s:flags=neighbor+accurate_rnd+full_chroma_int,format=%s",
		c.w, c.h, c.matrix, colour, c.pix)
	e := encoders[c.codec]
	args := append([]string{"-map", "0:v", "-vf", filter, "-frames:v", "1", "-color_range", colour, "-c:v"}, e.options...)
	if !c.untagged {
		args = append(args, "-colorspace", map[string]string{"bt601": "smpte170m", "bt709": "bt709", "bt2020": "bt2020nc"}[c.matrix])
	}
	return append(args, "-f", e.format, file)
}

// barCameras are the cameras of the colour test. The tiles have 128x72 pixels.
func barCameras() (all []barCamera) {
	for _, size := range []image.Point{{256, 144}, {128, 72}, {64, 36}} {
		for _, id := range []mixer.Codec{mixer.H264, mixer.H265} {
			for _, matrix := range []string{"bt601", "bt709"} {
				all = append(all, barCamera{codec: id, w: size.X, h: size.Y, matrix: matrix, pix: "yuv420p"},
					barCamera{codec: id, w: size.X, h: size.Y, matrix: matrix, pix: "yuvj420p", full: true})
			}
		}
		all = append(all, barCamera{codec: mixer.VP8, w: size.X, h: size.Y, matrix: "bt601", pix: "yuv420p"})
	}
	return append(all,
		barCamera{codec: mixer.H264, w: 1280, h: 720, matrix: "bt709", pix: "yuv420p", untagged: true},
		barCamera{codec: mixer.H264, w: 256, h: 144, matrix: "bt601", pix: "yuv420p", untagged: true},
		barCamera{codec: mixer.H264, w: 128, h: 72, matrix: "bt709", pix: "yuv422p"},
		barCamera{codec: mixer.H264, w: 256, h: 144, matrix: "bt601", pix: "yuv444p"},
		barCamera{codec: mixer.H264, w: 64, h: 36, matrix: "bt601", pix: "yuv420p10le"},
		barCamera{codec: mixer.H265, w: 128, h: 72, matrix: "bt709", pix: "yuv420p10le"},
		barCamera{codec: mixer.H265, w: 256, h: 144, matrix: "bt2020", pix: "yuv420p10le"},
		barCamera{codec: mixer.MJPEG, w: 256, h: 144, matrix: "bt601", pix: "yuvj420p", full: true},
	)
}

// keyframesOf lets ffmpeg encode the keyframe of each camera.
func keyframesOf(t *testing.T, cameras []barCamera) []mixer.Packet {
	t.Helper()
	dir := t.TempDir()
	bars := filepath.Join(dir, "bars.ppm")
	if err := os.WriteFile(bars, barsFile(1280, 720), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-i", bars}
	name := func(i int) string { return filepath.Join(dir, fmt.Sprint(i)) }
	for i, c := range cameras {
		args = append(args, c.output(name(i))...)
	}
	runFFmpeg(t, args...)
	all := make([]mixer.Packet, len(cameras))
	for i, c := range cameras {
		data, err := os.ReadFile(name(i))
		if err != nil {
			t.Fatal(err)
		}
		if c.codec == mixer.VP8 {
			data = data[32+12:] // the headers of an IVF file and of its first frame
		}
		all[i] = mixer.Packet{Codec: c.codec, Key: true, Data: data, Duration: 200 * time.Millisecond}
	}
	return all
}

// barsFile is a PPM file that shows eightBars.
func barsFile(w, h int) []byte {
	var row []byte
	for x := range w {
		row = append(row, eightBars[x*8/w][:]...)
	}
	return append(fmt.Appendf(nil, "P6 %d %d 255\n", w, h), bytes.Repeat(row, h)...)
}

func runFFmpeg(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("ffmpeg", append([]string{"-nostdin", "-v", "error"}, args...)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg %v: %v: %s", args, err, errs.Bytes())
	}
	return out
}

// shots keeps the first packet of a subscription, which is a keyframe.
type shots chan mixer.Packet

func (s shots) WritePacket(p mixer.Packet) {
	select {
	case s <- p:
	default:
	}
}

// keyframe returns a keyframe of a new subscription.
func (r *rig) keyframe(w mixer.Watching) mixer.Packet {
	r.t.Helper()
	s := make(shots, 1)
	sub, err := r.Watch(w, s)
	if err != nil {
		r.t.Fatal(err)
	}
	defer sub.Close()
	return <-s
}

// TestColours: the colours of cameras of every matrix, range, depth and size reach viewers and footage with an error of at most
// 4 of 255, also text and placeholders, as ffmpeg shows them.
func TestColours(t *testing.T) {
	cameras := barCameras()
	packets := keyframesOf(t, cameras)
	cfg := mixer.Config{Width: 768, Height: 432, FPS: 10, Bitrate: 50_000_000, Quality: 1, Rungs: []string{"432p", "216p"}}
	m := start(t, cfg)
	view := mixer.View{Capacity: len(cameras) + 1}
	var sources []*publisher
	for _, c := range cameras {
		sources = append(sources, m.AddSource(SourceConfig{Name: c.String()}))
	}
	m.AddSource(SourceConfig{Name: "-"}).SetMuted(false, true)
	stop := sendAgain(packets, sources)
	defer stop()
	all := attend(t, m, mixer.Watching{View: &view, Codec: mixer.H264}, nil)
	eventually(t, 10*time.Second, "all cameras are shown", func() bool { return liveTiles(all.layout()) == len(cameras) })
	tiles := all.layout().Tiles
	for name, shot := range map[string]mixer.Packet{
		"H.264":           m.keyframe(mixer.Watching{View: &view, Codec: mixer.H264}),
		"H.264, one half": m.keyframe(mixer.Watching{View: &view, Codec: mixer.H264, Rung: "216p"}),
		"VP8":             m.keyframe(mixer.Watching{View: &view, Codec: mixer.VP8}),
		"VP8, one half":   m.keyframe(mixer.Watching{View: &view, Codec: mixer.VP8, Rung: "216p"}),
	} {
		checkBars(t, name, cameras, tiles, shown(t, shot))
		if name == "H.264" {
			checkBars(t, "footage", cameras, tiles, shownBy(t, footageOf(t, shot)))
		}
	}
}

// sendAgain sends packets[i] to sources[i] again and again until stop.
func sendAgain(packets []mixer.Packet, sources []*publisher) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(packets[0].Duration)
		defer ticker.Stop()
		for n := time.Duration(0); ; n++ {
			for i, p := range packets {
				p.PTS = n * p.Duration
				sources[i].WriteVideo(p)
			}
			select {
			case <-quit:
				return
			case <-ticker.C:
			}
		}
	}()
	return func() { close(quit); <-done }
}

func liveTiles(l mixer.Layout) (n int) {
	for _, tile := range l.Tiles {
		if tile.State == mixer.Live {
			n++
		}
	}
	return n
}

// shown returns the frame in p as ffmpeg shows it.
func shown(t *testing.T, p mixer.Packet) image.Image {
	t.Helper()
	data := p.Data
	if p.Codec == mixer.VP8 {
		data = ivf(data)
	}
	return shownBy(t, data)
}

// ivf returns an IVF file with one VP8 frame.
func ivf(frame []byte) []byte {
	file := make([]byte, 32+12, 32+12+len(frame))
	copy(file, "DKIF\x00\x00\x20\x00VP80")
	copy(file[16:], []byte{25, 0, 0, 0, 1, 0, 0, 0, 1})
	for i := range 4 {
		file[32+i] = byte(len(frame) >> (8 * i))
	}
	return append(file, frame...)
}

// shownBy returns the first frame of a file as ffmpeg shows it.
func shownBy(t *testing.T, file []byte) image.Image {
	t.Helper()
	name := filepath.Join(t.TempDir(), "shown")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	ppm := runFFmpeg(t, "-i", name, "-frames:v", "1", "-sws_flags", "bilinear+accurate_rnd+full_chroma_int", "-pix_fmt", "rgb24", "-c:v", "ppm", "-f", "image2pipe", "-")
	var w, h, depth int
	if _, err := fmt.Sscanf(string(ppm[:20]), "P6\n%d %d\n%d", &w, &h, &depth); err != nil {
		t.Fatal(err)
	}
	rgb := ppm[len(ppm)-3*w*h:]
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		copy(img.Pix[4*i:], rgb[3*i:3*i+3])
	}
	return img
}

// footageOf returns the keyframe p as a recording stores it.
func footageOf(t *testing.T, p mixer.Packet) []byte {
	t.Helper()
	var unit h264.AnnexB
	if err := unit.Unmarshal(p.Data); err != nil {
		t.Fatal(err)
	}
	nalu := func(kind byte) []byte {
		return unit[slices.IndexFunc(unit, func(n []byte) bool { return n[0]&31 == kind })]
	}
	file, _, err := fmp4.MarshalInit(&fmp4.ParameterSets{SPS: nalu(7), PPS: nalu(8)}, false)
	if err != nil {
		t.Fatal(err)
	}
	data, err := h264.AVCC{nalu(5)}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	part, err := fmp4.MarshalPart(1, []fmp4.Sample{{Data: data, Key: true}}, nil, 9000)
	if err != nil {
		t.Fatal(err)
	}
	return append(file, part...)
}

// checkBars compares the bars of all cameras and the ground of the placeholder with their RGB values. img may be smaller than
// the canvas.
func checkBars(t *testing.T, name string, cameras []barCamera, tiles []mixer.TileInfo, img image.Image) {
	t.Helper()
	scale := img.Bounds().Dx() * 1000 / 768
	at := func(x0, y0, x1, y1 int) [3]float64 {
		return meanRGB(img, image.Rect(x0*scale/1000, y0*scale/1000, x1*scale/1000, y1*scale/1000))
	}
	for i, c := range cameras {
		for k, want := range eightBars {
			x, y := tiles[i].X+k*16, tiles[i].Y
			got := at(x+6, y+24, x+10, y+48)
			if off := distance(got, want); off > 4 {
				t.Errorf("%s, %s: bar %d is %.1f, want %v", name, c, k, got, want)
			}
		}
	}
	ground := tiles[len(cameras)]
	if got := at(ground.X+4, ground.Y+4, ground.X+24, ground.Y+16); distance(got, [3]uint8{24, 42, 84}) > 4 {
		t.Errorf("%s: the placeholder is %.1f", name, got)
	}
}

// meanRGB returns the mean colour of r.
func meanRGB(img image.Image, r image.Rectangle) (mean [3]float64) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			red, green, blue, _ := img.At(x, y).RGBA()
			for i, v := range []uint32{red, green, blue} {
				mean[i] += float64(v>>8) / float64(r.Dx()*r.Dy())
			}
		}
	}
	return mean
}

// distance returns the largest difference of a component.
func distance(got [3]float64, want [3]uint8) (most float64) {
	for i := range got {
		most = max(most, math.Abs(got[i]-float64(want[i])))
	}
	return most
}
