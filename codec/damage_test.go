package codec

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os/exec"
	"slices"
	"testing"
	"time"

	"azulejo/codec/h264"
	"azulejo/mixer"
)

// encodeUnits has ffmpeg encode a moving test pattern with libx264 or libx265. It returns the NAL units of each access unit.
// params are parameters of the encoder.
func encodeUnits(t *testing.T, id mixer.Codec, params string, options ...string) (units [][][]byte) {
	t.Helper()
	format, library := "h264", "x264"
	if id == mixer.H265 {
		format, library = "hevc", "x265"
		params += ":log-level=none"
	}
	args := append([]string{
		"-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=15:duration=3",
		"-pix_fmt", "yuv420p", "-preset", "veryfast",
		"-c:v", "lib" + library, "-" + library + "-params", "aud=1:keyint=15:min-keyint=15:scenecut=0:" + params,
	}, options...)
	var stderr bytes.Buffer
	cmd := exec.Command("ffmpeg", append(args, "-f", format, "-")...)
	cmd.Stderr = &stderr
	stream, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, stderr.String())
	}
	for _, nal := range h264.NALs(stream) {
		if nalType := nalTypeOf(id, nal); nalType == 9 && id == mixer.H264 || nalType == 35 && id == mixer.H265 {
			units = append(units, nil)
			continue
		}
		last := &units[len(units)-1]
		*last = append(*last, bytes.Clone(nal))
	}
	return units
}

func nalTypeOf(id mixer.Codec, nal []byte) byte {
	if id == mixer.H265 {
		return nal[0] >> 1 & 0x3f
	}
	return nal[0] & 0x1f
}

// packetsOf joins the NAL units. Packets whose access unit carries an SPS are keyframes. The PTS of packet n is n ms.
func packetsOf(id mixer.Codec, units [][][]byte) (packets []mixer.Packet) {
	for i, unit := range units {
		p := mixer.Packet{Codec: id, PTS: time.Duration(i) * time.Millisecond}
		for _, nal := range unit {
			p.Data = h264.AppendNAL(p.Data, nal)
			nalType := nalTypeOf(id, nal)
			p.Key = p.Key || id == mixer.H264 && nalType == 7 || id == mixer.H265 && nalType == 33
		}
		packets = append(packets, p)
	}
	return packets
}

// decodeLikeMixer decodes packets as the mixer does: after an error, packets are withheld until a keyframe, which has Lost set. It
// returns the luma of the frames by their PTS in ms, and the PTS of the packets with errors.
func decodeLikeMixer(t *testing.T, packets []mixer.Packet) (luma map[int][]byte, failed []int) {
	t.Helper()
	d := videoDecoder(t, packets[0].Codec)
	luma = map[int][]byte{}
	keep := func(frames []*Frame) {
		for _, f := range frames {
			pixels, err := f.f.Data().Bytes(1)
			if err != nil {
				t.Fatal(err)
			}
			luma[int(f.PTS.Milliseconds())] = pixels
			f.Close()
		}
	}
	closed := true
	for _, p := range packets {
		if closed && !p.Key {
			continue
		}
		p.Lost, closed = closed, false
		frames, err := d.Decode(p)
		keep(frames)
		if err != nil {
			if !errors.Is(err, mixer.ErrInvalidData) {
				t.Fatal(err)
			}
			failed, closed = append(failed, int(p.PTS.Milliseconds())), true
		}
	}
	frames, err := d.Flush()
	if err != nil {
		t.Fatal(err)
	}
	keep(frames)
	return luma, failed
}

// largest returns the index of the largest NAL unit, which is a slice.
func largest(unit [][]byte) int {
	most := 0
	for i, nal := range unit {
		if len(nal) > len(unit[most]) {
			most = i
		}
	}
	return most
}

// damages are kinds of damage to an access unit that leave no gap in RTP. Each returns the damaged unit; nil: none is left.
var damages = map[string]func(unit [][]byte, r *rand.Rand) [][]byte{
	"octets wrong": func(unit [][]byte, r *rand.Rand) [][]byte {
		i := largest(unit)
		nal := bytes.Clone(unit[i])
		for k := range 8 {
			nal[len(nal)/2+k] ^= byte(1 + r.IntN(255))
		}
		unit[i] = nal
		return unit
	},
	"octets missing": func(unit [][]byte, r *rand.Rand) [][]byte {
		i := largest(unit)
		at := len(unit[i])/4 + r.IntN(len(unit[i])/4)
		unit[i] = slices.Concat(unit[i][:at], unit[i][at+len(unit[i])/4:])
		return unit
	},
	"cut off": func(unit [][]byte, r *rand.Rand) [][]byte {
		i := largest(unit)
		unit[i] = unit[i][:len(unit[i])/2+r.IntN(len(unit[i])/4)]
		return unit
	},
	"last octets cut off": func(unit [][]byte, _ *rand.Rand) [][]byte {
		i := largest(unit)
		unit[i] = unit[i][:len(unit[i])-8]
		return unit
	},
	"slice missing": func(unit [][]byte, _ *rand.Rand) [][]byte {
		i := largest(unit)
		return slices.Delete(unit, i, i+1)
	},
	"picture missing": func([][]byte, *rand.Rand) [][]byte { return nil },
}

// TestDamagedH265 damages different parts of a stream. No damaged frame is shown. No frame is shown that refers to a damaged
// one. Decoding continues at the next keyframe.
func TestDamagedH265(t *testing.T) {
	noLeak(t)
	for name, params := range map[string]string{
		"one slice": "bframes=0:wpp=0",
		"wavefront": "bframes=0:ctu=16",
		"slices":    "bframes=0:slices=3:ref=3",
		"B-frames":  "bframes=2",
	} {
		units := encodeUnits(t, mixer.H265, params, "-preset", "ultrafast")
		whole, failed := decodeLikeMixer(t, packetsOf(mixer.H265, units))
		if len(failed) != 0 || len(whole) != len(units) {
			t.Fatalf("%s: undamaged: %d of %d frames; errors %v", name, len(whole), len(units), failed)
		}
		for kind, damage := range damages {
			for _, at := range []int{0, 5, 15} {
				r := rand.New(rand.NewPCG(uint64(at), 1))
				damaged := slices.Clone(units)
				damaged[at] = damage(slices.Clone(units[at]), r)
				packets := packetsOf(mixer.H265, damaged)
				if damaged[at] == nil {
					packets = slices.Delete(packets, at, at+1)
				}
				got, _ := decodeLikeMixer(t, packets)
				for pts, luma := range got {
					if !bytes.Equal(luma, whole[pts]) {
						t.Errorf("%s, %s in unit %d: frame %d is damaged", name, kind, at, pts)
					}
				}
				if got[44] == nil || got[35] == nil {
					t.Errorf("%s, %s in unit %d: decoding did not continue", name, kind, at)
				}
			}
		}
	}
}

// TestWholeH265: no encoder's proper frames count as damaged.
func TestWholeH265(t *testing.T) {
	noLeak(t)
	for i, params := range []string{
		"lossless=1", "cu-lossless=1:amp=1:rect=1", "ctu=32:slices=2", "ctu=16:min-cu-size=8:qp=1", "qp=51",
		"weightb=1:bframes=4:b-pyramid=1",
		"hrd=1:vbv-maxrate=300:vbv-bufsize=300:bitrate=300:strict-cbr=1", "tskip=1:sign-hide=0", "no-sao=1:no-deblock=1",
		"intra-refresh=1:bframes=0",
		"temporal-layers=2", "hash=1", "scaling-list=default", "open-gop=0:radl=2:bframes=3",
	} {
		units := encodeUnits(t, mixer.H265, params, "-frames:v", "20", "-pix_fmt", []string{"yuv420p", "yuv420p10le"}[i%2])
		if got, failed := decodeLikeMixer(t, packetsOf(mixer.H265, units)); len(failed) != 0 || len(got) != len(units) {
			t.Errorf("%s: %d of %d frames; errors %v", params, len(got), len(units), failed)
		}
	}
}

// TestOpenGOP: decoding starts at a CRA picture, which is not the first of the stream. The leading pictures that refer to
// frames before it are not shown, and are no errors.
func TestOpenGOP(t *testing.T) {
	noLeak(t)
	units := encodeUnits(t, mixer.H265, "bframes=3:open-gop=1")
	packets := packetsOf(mixer.H265, units)
	whole, _ := decodeLikeMixer(t, packets)
	first := 1 + slices.IndexFunc(packets[1:], func(p mixer.Packet) bool { return p.Key })
	cra, leading := nalTypeOf(mixer.H265, units[first][len(units[first])-1]), nalTypeOf(mixer.H265, units[first+1][0])
	if cra != 21 || leading != 8 && leading != 9 {
		t.Fatalf("no CRA picture with leading pictures at %d", first)
	}
	for name, in := range map[string][]mixer.Packet{"start": packets[first:], "after a gap": slices.Concat(packets[:4], packets[first:])} {
		if name == "after a gap" {
			in[4].Lost = true
		}
		d := videoDecoder(t, mixer.H265)
		n := 0
		for i, p := range append(in, mixer.Packet{}) {
			var frames []*Frame
			var err error
			if i < len(in) {
				frames, err = d.Decode(p)
			} else {
				frames, err = d.Flush()
			}
			if err != nil {
				t.Errorf("%s: packet %v: %v", name, p.PTS, err)
			}
			for _, f := range frames {
				if luma, _ := f.f.Data().Bytes(1); !bytes.Equal(luma, whole[int(f.PTS.Milliseconds())]) {
					t.Errorf("%s: frame %v is damaged", name, f.PTS)
				}
				n++
				f.Close()
			}
		}
		if n < len(units)-first-4 {
			t.Errorf("%s: %d frames from %d on", name, n, first)
		}
	}
}

// TestGradualRefresh: with gradual intra refresh and without IDR pictures, frames are shown from the end of a refresh on, and
// are exact.
func TestGradualRefresh(t *testing.T) {
	noLeak(t)
	for _, params := range []string{"ref=3", "slices=4", "ref=1:cabac=0"} {
		packets := packetsOf(mixer.H264, encodeUnits(t, mixer.H264, "intra-refresh=1:bframes=0:"+params))
		whole, _ := decodeLikeMixer(t, packets)
		gap := slices.Concat(packets[:8], packets[15:])
		gap[8].Lost = true
		for name, in := range map[string][]mixer.Packet{
			"start": packets[15:], "start within a refresh": packets[3:], "after a gap": gap,
		} {
			d := videoDecoder(t, mixer.H264)
			var shown []int
			for _, p := range in {
				frames, err := d.Decode(p)
				if err != nil && p.PTS >= 15*time.Millisecond {
					t.Errorf("%s, %s: packet %v: %v", params, name, p.PTS, err)
				}
				for _, f := range frames {
					at := int(f.PTS.Milliseconds())
					if luma, _ := f.f.Data().Bytes(1); !bytes.Equal(luma, whole[at]) {
						t.Errorf("%s, %s: frame %d is not exact", params, name, at)
					}
					shown = append(shown, at)
					f.Close()
				}
			}
			if len(shown) == 0 || shown[len(shown)-1] != 44 || !slices.Contains(shown, 30) {
				t.Errorf("%s, %s: the frames %v were shown", params, name, shown)
			}
		}
	}
}
