package h264

import (
	"bytes"
	"slices"
	"testing"
)

// Parameter sets and slices of x264: 320x180, CAVLC.
var (
	seedSPS   = []byte{0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xbf, 0xe5, 0xc0, 0x44, 0, 0, 3, 0, 4, 0, 0, 3, 0, 0xc8, 0x3c, 0x58, 0xba, 0x80}
	seedPPS   = []byte{0x68, 0xce, 0x3c, 0x80}
	seedIDR   = []byte{0x65, 0x88, 0x84, 0x0a, 0xf2, 0x62, 0x80}
	seedSlice = []byte{0x41, 0x9a, 0x23, 0xe0, 0x80}
)

func join(nals ...[]byte) (out []byte) {
	for _, n := range nals {
		out = AppendNAL(out, n)
	}
	return out
}

func split(annexB []byte) (nals [][]byte) {
	for _, n := range NALs(annexB) {
		nals = append(nals, n)
	}
	return nals
}

// FuzzNALs: NAL units are not empty, have no start code and no zeros at their end, lie at their offset, and only zeros
// and start codes lie between them. Joined and split again they are the same.
func FuzzNALs(f *testing.F) {
	f.Add(join(seedSPS, seedPPS, seedIDR))
	f.Add([]byte{7, 0, 0, 1, 0x41, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0})
	f.Add([]byte{0, 0, 0, 0, 1, 1, 0, 0, 3, 0, 0, 2})
	f.Fuzz(func(t *testing.T, data []byte) {
		end := 0
		for at, nal := range NALs(data) {
			switch {
			case len(nal) == 0 || nal[len(nal)-1] == 0 || bytes.Contains(nal, []byte{0, 0, 1}):
				t.Fatalf("%x is no NAL unit", nal)
			case at < end || !bytes.Equal(data[at:at+len(nal)], nal):
				t.Fatalf("%x does not lie at %d", nal, at)
			case at > 0 && (at < 3 || !bytes.Equal(data[at-3:at], []byte{0, 0, 1})):
				t.Fatalf("no start code in front of %d", at)
			}
			checkBetween(t, data[end:at])
			end = at + len(nal)
		}
		checkBetween(t, data[end:])
		nals := split(data)
		if again := split(join(nals...)); !slices.EqualFunc(again, nals, bytes.Equal) {
			t.Fatalf("%x became %x", nals, again)
		}
		IsIDR(data)
	})
}

func checkBetween(t *testing.T, b []byte) {
	t.Helper()
	if rest := bytes.Trim(bytes.ReplaceAll(b, []byte{0, 0, 1}, nil), "\x00"); len(rest) > 0 {
		t.Fatalf("%x lies between NAL units", b)
	}
}

// FuzzAppendRBSP: the RBSP is never longer than the NAL unit without its header, is what reading byte by byte gives, and
// an RBSP survives emulation prevention.
func FuzzAppendRBSP(f *testing.F) {
	f.Add(seedSPS)
	f.Add([]byte{0x67, 0, 0, 3, 0, 0, 3, 0, 0, 0, 3, 3})
	f.Fuzz(func(t *testing.T, nal []byte) {
		got := AppendRBSP(nil, nal)
		if len(got) > max(len(nal)-1, 0) {
			t.Fatalf("%x grew to %x", nal, got)
		}
		if want := rbspByByte(nal); !bytes.Equal(got, want) {
			t.Fatalf("%x became %x, want %x", nal, got, want)
		}
		if again := AppendRBSP(nil, escape(nal)); !bytes.Equal(again, nal) {
			t.Fatalf("%x became %x behind emulation prevention", nal, again)
		}
	})
}

func rbspByByte(nal []byte) (out []byte) {
	zeros := 0
	for _, b := range nal[min(1, len(nal)):] {
		if zeros >= 2 && b == 3 {
			zeros = 0
			continue
		}
		out = append(out, b)
		if zeros++; b != 0 {
			zeros = 0
		}
	}
	return out
}

// escape makes a NAL unit of an RBSP with emulation prevention.
func escape(rbsp []byte) []byte {
	out, zeros := []byte{0x67}, 0
	for _, b := range rbsp {
		if zeros >= 2 && b <= 3 {
			out, zeros = append(out, 3), 0
		}
		out = append(out, b)
		if zeros++; b != 0 {
			zeros = 0
		}
	}
	return out
}

// bitByBit is a second reader, which reads all codes bit by bit.
type bitByBit struct{ Reader }

func (r *bitByBit) Bits(n int) (v uint32) {
	for range n {
		v = v<<1 | r.Bit()
	}
	return v
}

func (r *bitByBit) UE() uint32 {
	zeros := 0
	for !r.Flag() {
		if zeros++; r.bad || zeros > 31 {
			r.bad = true
			return 0
		}
	}
	v := 1<<zeros - 1 + r.Bits(zeros)
	if r.bad {
		return 0
	}
	return v
}

// FuzzReader: a script of reads gives what reading bit by bit gives, up to the first one that is bad; a bad reader stays
// bad, and no reader passes its end.
func FuzzReader(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 33, 34, 64}, append(seedSPS, seedPPS...))
	f.Add([]byte{1, 1, 1, 1, 1, 1}, []byte{0, 0, 0, 1, 255, 255, 255, 254, 0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, script, data []byte) {
		r, want := NewReader(data), &bitByBit{Reader{data: data}}
		for _, op := range script {
			var a, b uint32
			switch op {
			case 0:
				a, b = r.Bit(), want.Bit()
			case 1:
				a, b = r.UE(), want.UE()
			case 2:
				r.TrailingBits()
				want.Reader = *r
			case 3:
				r.BehindStopBit()
				want.Reader = *r
			default:
				a, b = r.Bits(int(op%33)), want.Bits(int(op%33))
			}
			if a != b || r.bad != want.bad || r.at > 8*len(data) {
				t.Fatalf("read %d at bit %d of %x is %d, bad %v; want %d, %v", op, r.at, data, a, r.bad, b, want.bad)
			}
			if r.bad {
				break
			}
		}
		checkBad(t, r)
	})
}

// checkBad reads behind the end.
func checkBad(t *testing.T, r *Reader) {
	t.Helper()
	for range 8*len(r.data) + 1 {
		r.Bit()
	}
	if !r.Bad() || r.UE() != 0 || r.SE() != 0 || r.Bits(32) != 0 || r.at != 8*len(r.data) {
		t.Fatalf("behind the end: at %d, bad is %v", r.at, r.Bad())
	}
}

// FuzzReadSlice: headers that can be read have values in range, and reading one again gives the same.
func FuzzReadSlice(f *testing.F) {
	f.Add(join(seedSPS, seedPPS, seedIDR, seedSlice))
	f.Add(join(seedSPS, seedPPS, []byte{0x41, 0x9a, 0x26, 0xff, 0x20}, seedSPS[:6], []byte{0x68}))
	f.Add(join([]byte{6, 5, 1, 0, 19, 1, 0, 0x80}, seedSPS, []byte{0x68, 0x5f, 0x3c, 0x80}))
	f.Fuzz(func(t *testing.T, data []byte) {
		var sets Sets
		for _, nal := range NALs(data) {
			rbsp := AppendRBSP(nil, nal)
			switch TypeOf(nal) {
			case TypeSPS:
				sets.AddSPS(nal)
			case TypePPS:
				sets.AddPPS(nal)
			case TypeSEI:
				HasFilmGrain(rbsp)
				RecoveryPoint(rbsp)
			default:
				checkSlice(t, &sets, nal, rbsp)
			}
		}
	})
}

func checkSlice(t *testing.T, sets *Sets, nal, rbsp []byte) {
	t.Helper()
	first, _ := Position(nal)
	sl, ok := sets.ReadSlice(NewReader(rbsp), nal[0])
	if again, _ := sets.ReadSlice(NewReader(rbsp), nal[0]); again != sl {
		t.Fatalf("%x is %+v, and then %+v", nal, sl, again)
	}
	if !ok {
		return
	}
	if sl.SPS == nil || sl.FrameNum >= 1<<16 || sl.CABACInit > 2 || sl.QP > 51 || sl.FirstMacroblock > maxMacroblocks {
		t.Fatalf("%x is %+v", nal, sl)
	}
	if first != (sl.FirstMacroblock == 0) {
		t.Fatalf("%x: first is %v, %+v", nal, first, sl)
	}
	if next := sl.SPS.NextFrameNum(sl.FrameNum); next != 0 && next != sl.FrameNum+1 {
		t.Fatalf("%d follows %d", next, sl.FrameNum)
	}
}

// TestSeeds: the parameter sets and slices of the fuzz targets are readable.
func TestSeeds(t *testing.T) {
	var sets Sets
	sets.AddSPS(seedSPS)
	sets.AddPPS(seedPPS)
	for _, nal := range [][]byte{seedIDR, seedSlice} {
		if sl, ok := sets.ReadSlice(NewReader(AppendRBSP(nil, nal)), nal[0]); !ok {
			t.Errorf("%x cannot be read: %+v", nal, sl)
		}
	}
}
