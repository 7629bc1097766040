package repeat_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/codec/repeat"
	"azulejo/mixer"
)

// TestUncertainIsNoRepeat changes one access unit of a stream, or NAL units in front of it.
func TestUncertainIsNoRepeat(t *testing.T) {
	all := film(t, still, strings.Fields("-profile:v baseline -pix_fmt yuv420p -qp 26 -x264-params slices=4:ref=2:keyint=1000")...)
	const at = 40
	join := func(nals ...[]byte) []byte {
		var out []byte
		for _, n := range nals {
			out = append(append(out, 0, 0, 0, 1), n...)
		}
		return out
	}
	parts := bytes.Split(all[at].Data, []byte{0, 0, 1})[1:] // 00 of the next start code stays at the end: trailing zeros
	first := bytes.Split(all[0].Data, []byte{0, 0, 1})
	n := slices.IndexFunc(first, func(nal []byte) bool { return len(nal) > 0 && nal[0]&31 == 7 })
	if len(parts) != 4 || n < 0 {
		t.Fatalf("%d slices, the SPS is NAL unit %d", len(parts), n)
	}
	sps := first[n]
	other := slices.Clone(sps)
	other[3]++ // level
	grain := []byte{6, 19, 1, 0, 0x80}
	cases := map[string]struct {
		accessUnits [][]byte // instead of number at
		want        string   // what Repeats returns for them, and for the two access units that follow
	}{
		"unchanged":                   {[][]byte{all[at].Data}, "true true true"},
		"three-byte start codes":      {[][]byte{append([]byte{0, 0, 1}, bytes.Join(parts, []byte{0, 0, 1})...)}, "true true true"},
		"delimiter, filler, message":  {[][]byte{slices.Concat(join([]byte{9, 0xf0}, []byte{12, 255, 0x80}, []byte{6, 5, 1, 0, 0x80}), all[at].Data)}, "true true true"},
		"left out":                    {nil, "false true"},
		"twice":                       {[][]byte{all[at].Data, all[at].Data}, "true false true true"},
		"two in one":                  {[][]byte{slices.Concat(all[at].Data, all[at+1].Data)}, "false false true"},
		"the slices in another order": {[][]byte{join(parts[1], parts[0], parts[2], parts[3])}, "false false true"},
		"a slice is missing":          {[][]byte{join(parts[0], parts[1], parts[3])}, "false true true"},
		"a slice twice":               {[][]byte{join(parts[0], parts[1], parts[1], parts[2], parts[3])}, "true true true"},
		"the last slice is missing":   {[][]byte{join(parts[0], parts[1], parts[2])}, "false true true"},
		"nothing":                     {[][]byte{nil}, "false false true"},
		"not Annex B":                 {[][]byte{slices.Concat([]byte{0x7f}, all[at].Data)}, "false false true"},
		"data partitioning":           {[][]byte{slices.Concat(all[at].Data, join([]byte{2, 0x80}))}, "false false true"},
		"an extension":                {[][]byte{slices.Concat(all[at].Data, join([]byte{20, 0x80, 1, 2, 3}))}, "false false true"},
		"end of sequence":             {[][]byte{slices.Concat(all[at].Data, join([]byte{10}))}, "false false true"},
		"the same SPS":                {[][]byte{slices.Concat(join(sps), all[at].Data)}, "true true true"},
		"another SPS":                 {[][]byte{slices.Concat(join(other), all[at].Data)}, "false false false"},
		"a broken SPS":                {[][]byte{slices.Concat(join([]byte{0x67, 1, 2}), all[at].Data)}, "false false false"},
		"a broken PPS":                {[][]byte{slices.Concat(join([]byte{0x68}), all[at].Data)}, "false false false"},
		"PPS with slice groups":       {[][]byte{slices.Concat(join([]byte{0x68, 0xc5, 0xff, 0xff}), all[at].Data)}, "false false false"},
		"a PPS behind":                {[][]byte{slices.Concat(all[at].Data, join([]byte{0x68}))}, "false false false"},
		"film grain":                  {[][]byte{slices.Concat(join(grain), all[at].Data)}, "false false false"},
		"film grain, second message":  {[][]byte{slices.Concat(join(slices.Concat([]byte{6, 5, 2, 0, 0}, grain[1:])), all[at].Data)}, "false false false"},
		"not a reference":             {[][]byte{bytes.ReplaceAll(all[at].Data, []byte{0, 0, 1, 0x41}, []byte{0, 0, 1, 0x01})}, "false false true"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var d repeat.Detector
			for i, p := range all[:at] {
				if d.Repeats(p.Data) != (i > 1) && i > 4 {
					t.Fatalf("repeat %d is not found", i)
				}
			}
			var got []string
			for _, u := range append(c.accessUnits, all[at+1].Data, all[at+2].Data) {
				got = append(got, fmt.Sprint(d.Repeats(u)))
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("got %s, want %s", s, c.want)
			}
		})
	}
}

// pack writes access units one after another, each with its length. unpack reads them.
func pack(packets []mixer.Packet) (out []byte) {
	for _, p := range packets {
		out = binary.BigEndian.AppendUint16(out, uint16(len(p.Data)))
		out = append(out, p.Data...)
	}
	return out
}

func unpack(b []byte) (accessUnits [][]byte) {
	for len(b) >= 2 {
		n := min(int(binary.BigEndian.Uint16(b)), len(b)-2)
		accessUnits = append(accessUnits, b[2:2+n])
		b = b[2+n:]
	}
	return accessUnits
}

// tiny are packed streams with small pictures.
func tiny(t testing.TB) (all [][]byte) {
	t.Helper()
	for _, options := range []string{
		"-profile:v baseline -qp 30 -x264-params slices=2:ref=2:keyint=12",
		"-profile:v main -bf 0 -qp 30 -x264-params weightp=2:ref=3:keyint=12",
		"-profile:v high -bf 0 -qp 30 -x264-params slices=3:keyint=12",
	} {
		for _, scene := range []string{"grey", "object"} {
			source := strings.NewReplacer("184x104", "48x32", "200x120", "48x32", "n*7\\,190", "n*7\\,40", "n*5\\,110", "n*5\\,24").Replace(scenes[scene])
			packets := film(t, source, append(strings.Fields(options), "-pix_fmt", "yuv420p", "-bsf:v", "filter_units=remove_types=6")...)
			all = append(all, pack(packets[:16]))
		}
	}
	return all
}

// confirm feeds access units to a detector and a decoder. It returns the number of repeats that the decoder confirms, and
// fails the test if the decoder shows another picture, as long as the decoder reports no error.
func confirm(t *testing.T, accessUnits [][]byte) (n int) {
	t.Helper()
	d, err := codec.NewVideoDecoder(mixer.H264, 1<<14)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var detector repeat.Detector
	var last *codec.Frame // of the access unit before, if the decoder returned it at once
	defer func() { last.Close() }()
	healthy := true
	for i, accessUnit := range accessUnits {
		repeats := detector.Repeats(accessUnit)
		if !healthy || len(accessUnit) == 0 {
			continue
		}
		frames, err := d.Decode(mixer.Packet{Codec: mixer.H264, Data: accessUnit, PTS: time.Duration(i + 1)})
		healthy = err == nil && len(frames) == 1 && frames[0].PTS == time.Duration(i+1)
		if healthy && repeats && last != nil {
			n++
			if !frames[0].Same(last) {
				t.Errorf("access unit %d: %x is no repeat", i, accessUnit)
			}
		}
		last.Close()
		last = nil
		for _, f := range frames {
			last.Close()
			last = f
		}
	}
	return n
}

// TestFlippedBits flips each bit of some repeats, and of the parameter sets.
func TestFlippedBits(t *testing.T) {
	for i, stream := range tiny(t) {
		whole := unpack(stream)
		if n := confirm(t, whole); n < 4 {
			t.Fatalf("stream %d: %d repeats", i, n)
		}
		confirmed := 0
		for _, k := range []int{0, 3, 6} {
			for bit := range 8 * min(len(whole[k]), 60) {
				flipped := slices.Clone(whole)
				flipped[k] = slices.Clone(flipped[k])
				flipped[k][bit/8] ^= 1 << (bit % 8)
				confirmed += confirm(t, flipped)
			}
		}
		t.Logf("stream %d: %d repeats confirmed", i, confirmed)
	}
}

// FuzzRepeats: for any access units nothing panics, and the decoder confirms all repeats.
func FuzzRepeats(f *testing.F) {
	for _, stream := range tiny(f) {
		f.Add(stream)
	}
	f.Fuzz(func(t *testing.T, b []byte) { confirm(t, unpack(b)) })
}
