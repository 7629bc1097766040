package depack

import (
	"bytes"
	"slices"
	"testing"

	"github.com/pion/rtp"
	"pgregory.net/rapid"

	"azulejo/mixer"
)

// TestInnerMarkers: marker bits within pictures. The picture that shows it first is returned twice: up to the marker bit, and
// complete with Lost. All pictures after it are complete, and are returned with the first packet of the next one.
func TestInnerMarkers(t *testing.T) {
	halves := fua(append([]byte{0x65, 0x88}, bytes.Repeat([]byte{7}, 60)...), 2)
	long := append([]byte{0x65, 0x88}, bytes.Repeat([]byte{7}, 60)...)
	h265Tail := []byte{0x26, 0x01, 0x2f, 9}
	for name, c := range map[string]struct {
		id   mixer.Codec
		in   []*rtp.Packet
		want []accessUnit
	}{
		"on every slice": {mixer.H264, []*rtp.Packet{
			pkt(1, 0, stap(sps0, pps0)...), marked(pkt(2, 0, idr...)), marked(pkt(3, 0, idr2...)),
			marked(pkt(4, 3000, inner...)), marked(pkt(5, 3000, tail...)), marked(pkt(6, 6000, inner...)), marked(pkt(7, 6000, tail...)),
		}, []accessUnit{
			{0, annexB(sps0, pps0, idr), true, false}, {0, annexB(sps0, pps0, idr, idr2), true, true},
			{33, annexB(inner, tail), false, false}, {66, annexB(inner, tail), false, false},
		}},
		"on every NAL unit": {mixer.H264, []*rtp.Packet{
			marked(pkt(1, 0, sps0...)), marked(pkt(2, 0, pps0...)), marked(pkt(3, 0, sei...)), marked(pkt(4, 0, idr...)), marked(pkt(5, 0, idr2...)),
			marked(pkt(6, 3000, aud...)), marked(pkt(7, 3000, inner...)), marked(pkt(8, 3000, tail...)), marked(pkt(9, 3000, tail...)),
		}, []accessUnit{
			{0, annexB(sps0, pps0, sei, idr), true, false}, {0, annexB(sps0, pps0, sei, idr, idr2), true, true},
			{33, annexB(inner, tail, tail), false, false},
		}},
		"on every NAL unit, one slice in a picture: no delay": {mixer.H264, []*rtp.Packet{
			marked(pkt(1, 0, sps0...)), marked(pkt(2, 0, pps0...)), marked(pkt(3, 0, idr...)), marked(pkt(4, 3000, inner...)),
		}, []accessUnit{{0, annexB(sps0, pps0, idr), true, false}, {33, annexB(inner), false, false}}},
		"on every packet, fragments": {mixer.H264, []*rtp.Packet{
			marked(pkt(1, 0, stap(sps0, pps0)...)), marked(pkt(2, 0, halves[0]...)), marked(pkt(3, 0, halves[1]...)), marked(pkt(4, 3000, inner...)),
		}, []accessUnit{{0, annexB(sps0, pps0, long), true, false}, {33, annexB(inner), false, false}}},
		"the timestamps stand still": {mixer.H264, []*rtp.Packet{
			marked(pkt(1, 0, inner...)), marked(pkt(2, 0, tail...)), marked(pkt(3, 0, inner...)), marked(pkt(4, 0, tail...)), marked(pkt(5, 0, inner...)),
		}, []accessUnit{
			{0, annexB(inner), false, false}, {0, annexB(inner, tail), false, true}, {0, annexB(inner, tail), false, false}, {0, annexB(inner), false, false},
		}},
		"two pictures with one timestamp and proper markers": {mixer.H264, []*rtp.Packet{
			pkt(1, 0, inner...), marked(pkt(2, 0, tail...)), pkt(3, 0, inner...), marked(pkt(4, 0, tail...)),
		}, []accessUnit{{0, annexB(inner, tail), false, false}, {0, annexB(inner, tail), false, false}}},
		"a slice is missing": {mixer.H264, []*rtp.Packet{
			marked(pkt(1, 0, inner...)), marked(pkt(2, 0, tail...)), marked(pkt(3, 3000, inner...)), marked(pkt(5, 3000, tail...)), marked(pkt(6, 6000, inner...)),
		}, []accessUnit{{0, annexB(inner), false, false}, {0, annexB(inner, tail), false, true}, {66, annexB(inner), false, true}}},
		"packets are missing behind parameter sets": {mixer.H264, []*rtp.Packet{
			marked(pkt(1, 0, sps0...)), marked(pkt(2, 0, pps0...)), marked(pkt(4, 0, idr...)), marked(pkt(5, 3000, inner...)),
		}, []accessUnit{{0, annexB(sps0, pps0, idr), true, true}, {33, annexB(inner), false, false}}},
		"the first slice is malformed": {mixer.H264, []*rtp.Packet{
			marked(pkt(1, 0, 0xc1, 0x9a)), marked(pkt(2, 0, tail...)), marked(pkt(3, 3000, inner...)), marked(pkt(4, 6000, inner...)),
		}, []accessUnit{{33, annexB(inner), false, true}, {66, annexB(inner), false, false}}},
		"H.265, on every slice": {mixer.H265, []*rtp.Packet{
			pkt(1, 0, ap(vps, hsps, hpps)...), marked(pkt(2, 0, hidr...)), marked(pkt(3, 0, h265Tail...)),
			marked(pkt(4, 3000, trail...)), marked(pkt(5, 3000, hrest...)), marked(pkt(6, 6000, trail...)), marked(pkt(7, 6000, hrest...)),
		}, []accessUnit{
			{0, annexB(vps, hsps, hpps, hidr), true, false}, {0, annexB(vps, hsps, hpps, hidr, h265Tail), true, true},
			{33, annexB(trail, hrest), false, false}, {66, annexB(trail, hrest), false, false},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			checkAccessUnits(t, pushAll(t, track(t, c.id, 90000), c.in), c.want)
		})
	}
}

// TestMarkerEndsAtOnce: a proper stream of several slices is returned with the marker bit.
func TestMarkerEndsAtOnce(t *testing.T) {
	tr := track(t, mixer.H264, 90000)
	for i := range uint16(4) {
		tr.Push(pkt(2*i, uint32(i)*3000, inner...))
		if got := tr.Push(marked(pkt(2*i+1, uint32(i)*3000, tail...))); len(got) != 1 {
			t.Fatalf("picture %d: %d access units were returned with its marker", i, len(got))
		}
	}
}

// TestAnyMarkers: wherever the marker bits are, all pictures except for the first with a marker bit within are returned once
// and complete.
func TestAnyMarkers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStream(t)
		if s.id == mixer.VP8 {
			return
		}
		markAll := rapid.Bool().Draw(t, "all")
		for i, p := range s.packets {
			p.Marker = markAll || rapid.Bool().Draw(t, "marker") || i == len(s.packets)-1
		}
		got, stats := pushRapid(t, s.id, s.packets)
		if stats.Malformed+stats.Dropped != 0 {
			t.Fatalf("stats %+v", stats)
		}
		partial := slices.IndexFunc(got, func(u mixer.Packet) bool { return u.Lost }) - 1
		if partial >= 0 {
			if !bytes.HasPrefix(got[partial+1].Data, got[partial].Data) {
				t.Fatalf("%x is not continued by %x", got[partial].Data, got[partial+1].Data)
			}
			got = slices.Delete(got, partial, partial+1)
		}
		if !slices.EqualFunc(got, s.accessUnits, func(u mixer.Packet, want []byte) bool { return bytes.Equal(u.Data, want) }) {
			t.Fatalf("got %s, want %x", show(got), s.accessUnits)
		}
	})
}

// TestStartCodesInside: several NAL units with start codes between them in one NAL unit of RTP.
func TestStartCodesInside(t *testing.T) {
	short := func(nals ...[]byte) []byte { return bytes.Join(nals, []byte{0, 0, 1}) }
	long := func(nals ...[]byte) []byte { return bytes.Join(nals, []byte{0, 0, 0, 1}) }
	whole := []accessUnit{{0, annexB(sps0, pps0, idr), true, false}}
	whole265 := []accessUnit{{0, annexB(vps, hsps, hpps, hidr), true, false}}
	fragments := fua(long(sps0, pps0, idr), 4)
	a, b := fu(long(vps, hsps, hpps, hidr))
	for name, c := range map[string]struct {
		id   mixer.Codec
		in   [][]byte
		want []accessUnit
	}{
		"one NAL unit, 4 bytes":              {mixer.H264, [][]byte{long(sps0, pps0, idr)}, whole},
		"one NAL unit, 3 bytes":              {mixer.H264, [][]byte{short(sps0, pps0, idr)}, whole},
		"one NAL unit, start code in front":  {mixer.H264, [][]byte{annexB(sps0, pps0, idr)}, whole},
		"a start code in front of each":      {mixer.H264, [][]byte{annexB(sps0), append([]byte{0, 0, 1}, pps0...), annexB(idr)}, whole},
		"one FU":                             {mixer.H264, fragments, whole},
		"one STAP-A":                         {mixer.H264, [][]byte{stap(sps0, long(pps0, idr))}, whole},
		"one STAP-A, start codes in front":   {mixer.H264, [][]byte{stap(annexB(sps0), annexB(pps0), annexB(idr))}, whole},
		"delimiter, filler and rubbish":      {mixer.H264, [][]byte{long(aud, sps0, []byte{0x80}, pps0, []byte{12, 0xff}, []byte{30, 1}, idr)}, whole},
		"IDR slices":                         {mixer.H264, [][]byte{stap(sps0, pps0), short(idr, idr2)}, []accessUnit{{0, annexB(sps0, pps0, idr, idr2), true, false}}},
		"H.265, one NAL unit":                {mixer.H265, [][]byte{long(vps, hsps, hpps, hidr)}, whole265},
		"H.265, one NAL unit, code in front": {mixer.H265, [][]byte{annexB(vps, hsps, hpps, hidr)}, whole265},
		"H.265, one FU":                      {mixer.H265, [][]byte{a, b}, whole265},
		"H.265, one AP":                      {mixer.H265, [][]byte{ap(short(vps, hsps), long(hpps, hidr))}, whole265},
		"emulation prevention is left alone": {mixer.H264, [][]byte{append(slices.Clone(inner), 0, 0, 3, 1, 9)}, []accessUnit{{0, annexB(append(slices.Clone(inner), 0, 0, 3, 1, 9)), false, false}}},
		"zeros at the end are no start code": {mixer.H264, [][]byte{append(slices.Clone(inner), 0, 0, 0)}, []accessUnit{{0, annexB(append(slices.Clone(inner), 0, 0, 0)), false, false}}},
	} {
		t.Run(name, func(t *testing.T) {
			var in []*rtp.Packet
			for i, payload := range c.in {
				in = append(in, pkt(uint16(i), 0, payload...))
			}
			tr := track(t, c.id, 90000)
			checkAccessUnits(t, pushAll(t, tr, append(in[:len(in)-1:len(in)-1], marked(in[len(in)-1]))), c.want)
			if s := tr.Stats(); s.Malformed != 0 {
				t.Errorf("stats %+v", s)
			}
		})
	}
}
