package depack

import (
	"bytes"
	"slices"
	"testing"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"pgregory.net/rapid"

	"azulejo/mixer"
)

// payloader is a packetizer of pion.
type payloader interface {
	Payload(mtu uint16, payload []byte) [][]byte
}

// stream is a random stream of one codec: access units, and the packets that carry them.
type stream struct {
	id          mixer.Codec
	accessUnits [][]byte
	packets     []*rtp.Packet
	owner       []int // index of each packet's access unit
}

// drawStream makes random access units and packetizes them with pion, across the wraps of both counters.
func drawStream(t *rapid.T) stream {
	s := stream{id: rapid.SampledFrom([]mixer.Codec{mixer.H264, mixer.VP8, mixer.H265}).Draw(t, "codec")}
	seq, ts := rapid.Uint16().Draw(t, "seq"), rapid.Uint32().Draw(t, "ts")
	mtu := uint16(rapid.IntRange(20, 120).Draw(t, "mtu"))
	for i := range rapid.IntRange(2, 20).Draw(t, "access units") {
		u, p := drawAccessUnit(t, s.id, byte(i))
		s.accessUnits = append(s.accessUnits, u)
		payloads := p.Payload(mtu, u)
		for j, payload := range payloads {
			q := pkt(seq, ts, payload...)
			q.Marker = j == len(payloads)-1
			s.packets, s.owner = append(s.packets, q), append(s.owner, i)
			seq++
		}
		ts += uint32(rapid.IntRange(1, 4000).Draw(t, "step"))
	}
	return s
}

// drawAccessUnit makes access unit number n: all of them differ.
func drawAccessUnit(t *rapid.T, id mixer.Codec, n byte) ([]byte, payloader) {
	body := rapid.SliceOfN(rapid.ByteRange(1, 255), 8, 400).Draw(t, "body")
	switch id {
	case mixer.VP8:
		return append(append(slices.Clone(vp8Key), n), body...), &codecs.VP8Payloader{}
	case mixer.H265:
		return annexB(append([]byte{0x02, 0x01, 0xd0, n}, body...)), &codecs.H265Payloader{SkipAggregation: true}
	}
	nals := [][]byte{append([]byte{0x41, 0x9a, n}, body...)}
	for range rapid.IntRange(0, 3).Draw(t, "slices") {
		nals = append(nals, append([]byte{0x41, 0x46, n}, body...))
	}
	return annexB(nals...), &codecs.H264Payloader{}
}

// shuffle moves packets by reach places at most, and does not move the first.
func shuffle(t *rapid.T, in []*rtp.Packet, reach int) []*rtp.Packet {
	type keyed struct {
		at int
		p  *rtp.Packet
	}
	all := make([]keyed, len(in))
	for i, p := range in {
		all[i] = keyed{i, p}
		if i > 0 {
			all[i].at += rapid.IntRange(0, reach).Draw(t, "delay")
		}
	}
	slices.SortStableFunc(all, func(a, b keyed) int { return a.at - b.at })
	out := make([]*rtp.Packet, len(in))
	for i, k := range all {
		out[i] = k.p
	}
	return out
}

func pushRapid(t *rapid.T, id mixer.Codec, packets []*rtp.Packet) ([]mixer.Packet, Stats) {
	tr, err := New(id, 90000)
	if err != nil {
		t.Fatal(err)
	}
	var out []mixer.Packet
	for _, p := range packets {
		out = append(out, tr.Push(p)...)
		if tr.order.held > window {
			t.Fatalf("%d packets are held", tr.order.held)
		}
	}
	return append(out, tr.Flush()...), tr.Stats()
}

// TestAnyOrderWithinTheWindow: reordering and duplicates change nothing. The delays stay below the
// patience: three packets of at most 4000 ticks each.
func TestAnyOrderWithinTheWindow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStream(t)
		in := shuffle(t, s.packets, 3)
		for range rapid.IntRange(0, 5).Draw(t, "duplicates") {
			i := rapid.IntRange(0, len(in)-1).Draw(t, "again")
			in = slices.Insert(in, rapid.IntRange(i+1, len(in)).Draw(t, "where"), in[i])
		}
		got, stats := pushRapid(t, s.id, in)
		if len(got) != len(s.accessUnits) {
			t.Fatalf("%d access units, want %d; %+v", len(got), len(s.accessUnits), stats)
		}
		for i, u := range got {
			if !bytes.Equal(u.Data, s.accessUnits[i]) || u.Lost {
				t.Fatalf("access unit %d is %x, lost %v; want %x", i, u.Data, u.Lost, s.accessUnits[i])
			}
		}
		if stats.Lost+stats.Malformed+stats.Dropped+stats.Late+stats.Restarts != 0 {
			t.Fatalf("stats %+v", stats)
		}
	})
}

// TestLossNeverDamages: with random loss, access units are complete, in order, and marked where one before is missing.
// Only access units that lost a packet are missing.
func TestLossNeverDamages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawStream(t)
		var in []*rtp.Packet
		hit := make([]bool, len(s.accessUnits))
		for i, p := range s.packets {
			if rapid.IntRange(0, 9).Draw(t, "loss") == 0 {
				hit[s.owner[i]] = true
			} else {
				in = append(in, p)
			}
		}
		if len(in) == 0 {
			return
		}
		got, stats := pushRapid(t, s.id, shuffle(t, in, 2))
		checkSurvivors(t, s, hit, got, stats)
	})
}

func checkSurvivors(t *rapid.T, s stream, hit []bool, got []mixer.Packet, stats Stats) {
	next, seen := 0, false
	for i, u := range s.accessUnits {
		if hit[i] {
			continue
		}
		if next == len(got) || !bytes.Equal(got[next].Data, u) {
			t.Fatalf("access unit %d arrived completely and was not returned as number %d; %+v", i, next, stats)
		}
		missing := i > 0 && hit[i-1]
		if seen && got[next].Lost != missing {
			t.Fatalf("access unit %d: lost is %v; one before it is missing: %v", i, got[next].Lost, missing)
		}
		next, seen = next+1, true
	}
	if next != len(got) {
		t.Fatalf("%d access units were returned, %d were complete", len(got), next)
	}
}
