package depack

import (
	"testing"

	"github.com/pion/rtp"

	"azulejo/mixer"
)

// SEI NAL units with a recovery point. The number of frames is in the name.
var (
	recovery0    = []byte{0x06, 0x06, 0x01, 0xc4, 0x80}
	recovery3    = []byte{0x06, 0x05, 0x02, 9, 9, 0x06, 0x01, 0x24, 0x80} // behind another message
	h265Recovery = []byte{0x4e, 0x01, 0x06, 0x01, 0x28, 0x80}             // 2
)

// TestKeyframesWithoutIDR: in streams without IDR pictures, decoding starts at recovery points and at I pictures.
func TestKeyframesWithoutIDR(t *testing.T) {
	type unit [][]byte // the NAL units of an access unit
	for name, c := range map[string]struct {
		id    mixer.Codec
		sdp   [][]byte
		units []unit
		keys  string // * for a keyframe, - for others
	}{
		"sets in SDP only":            {mixer.H264, [][]byte{sps0, pps0}, []unit{{inner}, {recovery0, intro}, {inner}, {recovery0, intro}}, "-*-*"},
		"sets in the first unit only": {mixer.H264, nil, []unit{{sps0, pps0, inner}, {recovery0, intro}, {inner}}, "-*-"},
		"no sets":                     {mixer.H264, [][]byte{sps0}, []unit{{recovery0, intro}, {inner}}, "--"},
		"gradual refresh":             {mixer.H264, [][]byte{sps0, pps0}, []unit{{inner}, {recovery3, inner}, {inner}, {inner}, {recovery3, inner}}, "-*--*"},
		"a recovery point on each":    {mixer.H264, [][]byte{sps0, pps0}, []unit{{recovery3, inner}, {recovery3, inner}, {recovery3, inner}, {recovery3, inner}}, "*--*"},
		"an IDR ends a refresh":       {mixer.H264, [][]byte{sps0, pps0}, []unit{{recovery3, inner}, {idr}, {recovery3, inner}}, "***"},
		"I slices with a set":         {mixer.H264, [][]byte{sps0}, []unit{{pps0, intro}, {inner}, {intro}, {pps0, intro, tail}}, "*---"},
		"plain I pictures":            {mixer.H264, [][]byte{sps0, pps0}, []unit{{intro}, {inner}, {intro}, {inner}, {intro}, {inner}, {intro}}, "----*-*"},
		"plain I pictures beside IDR": {mixer.H264, [][]byte{sps0, pps0}, []unit{{idr}, {intro}, {inner}, {intro}, {intro}, {intro}}, "*-----"},
		"another SEI message":         {mixer.H264, [][]byte{sps0, pps0}, []unit{{sei, inner}, {sei, intro}}, "--"},
		"a count out of range":        {mixer.H264, [][]byte{sps0, pps0}, []unit{{{0x06, 0x06, 0x05, 0, 0, 0x40, 0, 0x40, 0x80}, inner}}, "-"},
		"a recovery point cut short":  {mixer.H264, [][]byte{sps0, pps0}, []unit{{{0x06, 0x06, 0x01, 0x00}, inner}}, "-"},
		"H.265 gradual refresh":       {mixer.H265, [][]byte{vps, hsps, hpps}, []unit{{trail}, {h265Recovery, trail}, {trail}, {h265Recovery, trail}}, "-*-*"},
		"H.265 CRA":                   {mixer.H265, [][]byte{vps, hsps, hpps}, []unit{{trail}, {hcra}, {trail}}, "-*-"},
	} {
		t.Run(name, func(t *testing.T) {
			tr := track(t, c.id, 90000)
			tr.SetParameters(c.sdp...)
			keys := ""
			for i, u := range c.units {
				aggregate := stap(u...)
				if c.id == mixer.H265 {
					aggregate = ap(u...)
				}
				for _, p := range tr.Push(marked(pkt(uint16(i), uint32(i)*3000, aggregate...))) {
					keys += map[bool]string{true: "*", false: "-"}[p.Key]
				}
			}
			if keys != c.keys {
				t.Errorf("keyframes %s, want %s", keys, c.keys)
			}
		})
	}
}

// TestRecoveryPointAfterInnerMarker: an access unit that is returned again is a keyframe again.
func TestRecoveryPointAfterInnerMarker(t *testing.T) {
	tr := track(t, mixer.H264, 90000)
	tr.SetParameters(sps0, pps0)
	got := pushAll(t, tr, []*rtp.Packet{
		marked(pkt(1, 0, stap(recovery3, inner)...)), marked(pkt(2, 0, tail...)), marked(pkt(3, 3000, inner...)),
	})
	sets := annexB(sps0, pps0)
	checkAccessUnits(t, got, []accessUnit{
		{0, append(sets[:len(sets):len(sets)], annexB(recovery3, inner)...), true, false},
		{0, append(sets[:len(sets):len(sets)], annexB(recovery3, inner, tail)...), true, true},
		{33, annexB(inner), false, false},
	})
}

// TestRecoveryPointAfterLoss: a refresh that was interrupted does not hide the next recovery point.
func TestRecoveryPointAfterLoss(t *testing.T) {
	tr := track(t, mixer.H264, 90000)
	tr.SetParameters(sps0, pps0)
	got := pushAll(t, tr, []*rtp.Packet{
		marked(pkt(1, 0, stap(recovery3, inner)...)), pkt(2, 3000, inner...), marked(pkt(4, 3000, tail...)),
		marked(pkt(5, 6000, stap(recovery3, inner)...)),
	})
	if len(got) != 2 || !got[0].Key || !got[1].Key || !got[1].Lost {
		t.Errorf("got %s", show(got))
	}
}
