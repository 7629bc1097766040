package h264

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// show formats NAL units as "offset:bytes".
func show(annexB []byte) string {
	var all []string
	for at, nal := range NALs(annexB) {
		all = append(all, fmt.Sprintf("%d:%x", at, nal))
	}
	return strings.Join(all, " ")
}

func TestNALs(t *testing.T) {
	for name, c := range map[string]struct {
		in   []byte
		want string
	}{
		"nothing":                  {nil, ""},
		"zeros":                    {make([]byte, 9), ""},
		"start codes alone":        {[]byte{0, 0, 1, 0, 0, 0, 1}, ""},
		"short and long":           {[]byte{0, 0, 1, 0x41, 5, 0, 0, 0, 1, 0x41, 6}, "3:4105 9:4106"},
		"zeros behind":             {[]byte{0, 0, 1, 0x41, 0, 0, 0, 0, 1, 0x42, 0, 0}, "3:41 9:42"},
		"zeros in front":           {[]byte{0, 0, 0, 0, 0, 1, 0x41}, "6:41"},
		"no start code":            {[]byte{0x41, 1, 2}, "0:410102"},
		"garbage in front":         {[]byte{7, 0, 0, 0, 1, 0x41}, "0:07 5:41"},
		"zeros within":             {[]byte{0, 0, 1, 0x41, 0, 0, 3, 1, 0, 2}, "3:410000030100" + "02"},
		"ends within a start code": {[]byte{0, 0, 1, 0x41, 0, 0}, "3:41"},
	} {
		if got := show(c.in); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
	for _, nal := range NALs([]byte{0, 0, 1, 1, 0, 0, 1, 2}) {
		if cap(nal) != len(nal) {
			t.Errorf("appending to %x would overwrite what follows", nal)
		}
		break
	}
}

func TestIsIDR(t *testing.T) {
	for want, accessUnits := range map[bool][][]byte{
		true:  {{0, 0, 1, 0x65, 1}, {0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 1, 0, 0, 1, 0x25}},
		false: {nil, {0, 0, 1}, {0, 0, 1, 0x41, 5}, {0, 0, 1, 0x41, 5, 0, 0, 1, 0x65, 1}, {0, 0, 1, 0x67, 0x65}},
	} {
		for _, au := range accessUnits {
			if IsIDR(au) != want {
				t.Errorf("%x: want %v", au, want)
			}
		}
	}
}

func TestAppendRBSP(t *testing.T) {
	for name, c := range map[string]struct{ nal, want []byte }{
		"nothing":          {nil, nil},
		"header alone":     {[]byte{0x67}, nil},
		"none":             {[]byte{0x67, 1, 0, 3, 0, 0, 2}, []byte{1, 0, 3, 0, 0, 2}},
		"one":              {[]byte{0x67, 0, 0, 3, 1}, []byte{0, 0, 1}},
		"at the end":       {[]byte{0x67, 5, 0, 0, 3}, []byte{5, 0, 0}},
		"one after other":  {[]byte{0x67, 0, 0, 3, 0, 0, 3, 0}, []byte{0, 0, 0, 0, 0}},
		"three zeros":      {[]byte{0x67, 0, 0, 0, 3, 9}, []byte{0, 0, 0, 9}},
		"3 behind removed": {[]byte{0x67, 0, 0, 3, 3, 0, 3}, []byte{0, 0, 3, 0, 3}},
	} {
		if got := AppendRBSP([]byte{9}, c.nal); !bytes.Equal(got, append([]byte{9}, c.want...)) {
			t.Errorf("%s: got %x, want %x behind 09", name, got, c.want)
		}
	}
}

func TestHasFilmGrain(t *testing.T) {
	for name, c := range map[string]struct {
		sei  []byte
		want bool
	}{
		"nothing":           {nil, false},
		"stop bit":          {[]byte{0x80}, false},
		"grain":             {[]byte{19, 1, 0, 0x80}, true},
		"another message":   {[]byte{5, 1, 19, 0x80}, false},
		"second message":    {[]byte{5, 2, 0, 0, 19, 1, 0, 0x80}, true},
		"long type":         {[]byte{255, 19, 0, 0x80}, false},
		"long size":         {slicesOf([]byte{5, 255, 1}, make([]byte, 256), []byte{19, 0, 0x80}), true},
		"size beyond end":   {[]byte{5, 200, 19, 1}, false},
		"type is cut off":   {[]byte{255, 255}, false},
		"size is cut off":   {[]byte{5, 255, 255}, false},
		"grain without end": {[]byte{19, 255}, true},
	} {
		if got := HasFilmGrain(c.sei); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func slicesOf(all ...[]byte) []byte { return bytes.Join(all, nil) }

func BenchmarkNALs(b *testing.B) {
	var data []byte
	for i := range 4 {
		nal := make([]byte, 10_000)
		for k := range nal {
			nal[k] = byte(k*7+i+k>>8) | 4
		}
		data = AppendNAL(data, nal)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		for _, nal := range NALs(data) {
			n += len(nal)
		}
	}
	if n == 0 {
		b.Error("nothing was read")
	}
}

func TestRecoveryPoint(t *testing.T) {
	for name, c := range map[string]struct {
		sei    []byte
		frames uint32
		want   bool
	}{
		"nothing":                {nil, 0, false},
		"at once":                {[]byte{6, 1, 0xc4, 0x80}, 0, true},
		"after 3 frames":         {[]byte{6, 1, 0x24, 0x80}, 3, true},
		"behind another message": {[]byte{5, 2, 6, 1, 6, 1, 0x24, 0x80}, 3, true},
		"another message":        {[]byte{5, 2, 6, 1, 0x80}, 0, false},
		"size beyond the end":    {[]byte{6, 200, 0x24, 0x80}, 3, true},
	} {
		fields, ok := RecoveryPoint(c.sei)
		if frames := fields.UE(); ok != c.want || frames != c.frames {
			t.Errorf("%s: %d frames, %v; want %d, %v", name, frames, ok, c.frames, c.want)
		}
	}
}
