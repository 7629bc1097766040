package h264

import "testing"

func TestUE(t *testing.T) {
	for name, c := range map[string]struct {
		in   []byte
		at   int
		want uint32
		to   int
		ok   bool
	}{
		"0":                 {[]byte{0x80}, 0, 0, 1, true},
		"1 at a bit":        {[]byte{0b11010000}, 2, 1, 5, true}, // 010
		"255":               {[]byte{0, 0x80, 0x00}, 0, 255, 17, true},
		"cut off":           {[]byte{0x01}, 0, 0, 0, false},
		"too long":          {make([]byte, 8), 0, 0, 0, false},
		"behind the end":    {[]byte{0x80}, 8, 0, 8, false},
		"across six bytes":  {[]byte{0, 0, 0, 1, 0, 0, 0}, 15, 65535, 48, true},
		"31 zeros":          {[]byte{0, 0, 0, 1, 255, 255, 255, 254}, 0, 1<<32 - 2, 63, true},
		"32 zeros":          {[]byte{0, 0, 0, 0, 255, 255, 255, 255, 255}, 0, 0, 0, false},
		"31 zeros, cut off": {[]byte{0, 0, 0, 0, 1, 255, 255, 255}, 8, 0, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReader(c.in)
			r.Bits(c.at)
			v := r.UE()
			if r.Bad() == c.ok {
				t.Fatalf("bad is %v", r.Bad())
			}
			if c.ok && (v != c.want || r.at != c.to) || !c.ok && v != 0 {
				t.Errorf("got %d and %d bits, want %d and %d", v, r.at, c.want, c.to)
			}
		})
	}
}

func TestSE(t *testing.T) {
	r := NewReader([]byte{0b10100110, 0b01000010, 0b10000000}) // 1 010 011 00100 00101
	for _, want := range []int32{0, 1, -1, 2, -2} {
		if got := r.SE(); got != want || r.Bad() {
			t.Errorf("got %d, want %d", got, want)
		}
	}
}

func TestRanges(t *testing.T) {
	in := []byte{0b00100000} // 3, or 2 if signed
	for name, c := range map[string]struct {
		read func(r *Reader) int
		want int
		bad  bool
	}{
		"up to 3":    {func(r *Reader) int { return int(r.UpTo(3)) }, 3, false},
		"up to 2":    {func(r *Reader) int { return int(r.UpTo(2)) }, 0, true},
		"within":     {func(r *Reader) int { return int(r.Within(-1, 2)) }, 2, false},
		"above":      {func(r *Reader) int { return int(r.Within(-1, 1)) }, 0, true},
		"below":      {func(r *Reader) int { return int(r.Within(3, 9)) }, 0, true},
		"it remains": {func(r *Reader) int { r.UpTo(0); return int(r.UE()) }, 0, true},
	} {
		r := NewReader(in)
		if got := c.read(r); got != c.want || r.Bad() != c.bad {
			t.Errorf("%s: %d, bad is %v; want %d, %v", name, got, r.Bad(), c.want, c.bad)
		}
	}
}

func TestStopBits(t *testing.T) {
	for name, c := range map[string]struct {
		in               []byte
		skip             int
		trailing, behind bool
	}{
		"stop bit":                 {[]byte{0x80}, 0, true, false},
		"stop bit behind three":    {[]byte{0b10110000}, 3, true, true},
		"zeros behind":             {[]byte{0x80, 0, 0}, 0, true, false},
		"a byte behind":            {[]byte{0x80, 0x40}, 0, false, false},
		"the same, read":           {[]byte{0x80, 0x40}, 1, false, true},
		"two bytes behind":         {[]byte{0x80, 0x40, 0x20}, 1, false, false},
		"a bit behind in its byte": {[]byte{0b10010000}, 0, false, false},
		"no bit":                   {nil, 0, false, false},
	} {
		r := NewReader(c.in)
		r.Bits(c.skip)
		if got := r.BehindStopBit(); got != c.behind {
			t.Errorf("%s: behind a stop bit is %v", name, got)
		}
		if got := r.TrailingBits(); got != c.trailing {
			t.Errorf("%s: trailing bits are %v", name, got)
		}
	}
}
