package depack

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"go.uber.org/goleak"

	"azulejo/mixer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pkt is a packet of SSRC 1; marked sets its marker.
func pkt(seq uint16, ts uint32, payload ...byte) *rtp.Packet {
	return &rtp.Packet{Header: rtp.Header{Version: 2, SSRC: 1, SequenceNumber: seq, Timestamp: ts}, Payload: payload}
}

func marked(p *rtp.Packet) *rtp.Packet {
	p.Marker = true
	return p
}

func ssrc(n uint32, p *rtp.Packet) *rtp.Packet {
	p.SSRC = n
	return p
}

func track(t testing.TB, id mixer.Codec, rate uint32) *Track {
	t.Helper()
	tr, err := New(id, rate)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// pushAll pushes and flushes, and checks what holds for any stream.
func pushAll(t testing.TB, tr *Track, packets []*rtp.Packet) []mixer.Packet {
	t.Helper()
	var out []mixer.Packet
	for _, p := range packets {
		out = append(out, tr.Push(p)...)
	}
	out = append(out, tr.Flush()...)
	if got := tr.Stats().AccessUnits; got != uint64(len(out)) {
		t.Errorf("Stats count %d access units, %d were returned", got, len(out))
	}
	return out
}

// show formats access units as "ms:payload", with ! for Lost and * for Key.
func show(accessUnits []mixer.Packet) string {
	var b strings.Builder
	for i, u := range accessUnits {
		if i > 0 {
			b.WriteByte(' ')
		}
		if u.Lost {
			b.WriteByte('!')
		}
		if u.Key && u.Codec.IsVideo() {
			b.WriteByte('*')
		}
		fmt.Fprintf(&b, "%d:%x", u.PTS.Milliseconds(), u.Data)
	}
	return b.String()
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		id   mixer.Codec
		rate uint32
		want string
	}{
		{"theora", 90000, `codec "theora": accepted are h264`},
		{mixer.AAC, 48000, `codec "aac": accepted are h264`},
		{mixer.H264, 0, "clock rate 0 Hz of h264: accepted are 8000 to 192000"},
		{mixer.Opus, 1 << 31, "clock rate 2147483648 Hz"},
	} {
		if _, err := New(c.id, c.rate); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("New(%s, %d): %v, want %q", c.id, c.rate, err, c.want)
		}
	}
}

// TestOrder uses G.711 with one octet a packet, so that an access unit shows its packet.
func TestOrder(t *testing.T) {
	for name, c := range map[string]struct {
		in    []*rtp.Packet
		want  string
		stats Stats
	}{
		"in order": {
			in:    []*rtp.Packet{pkt(7, 160, 1), pkt(8, 320, 2), pkt(9, 480, 3)},
			want:  "0:01 20:02 40:03",
			stats: Stats{Packets: 3, AccessUnits: 3},
		},
		"two swapped": {
			in:    []*rtp.Packet{pkt(7, 0, 1), pkt(9, 320, 3), pkt(8, 160, 2), pkt(10, 480, 4)},
			want:  "0:01 20:02 40:03 60:04",
			stats: Stats{Packets: 4, Reordered: 1, AccessUnits: 4},
		},
		"duplicates before and after delivery": {
			in:    []*rtp.Packet{pkt(7, 0, 1), pkt(7, 0, 1), pkt(9, 320, 3), pkt(9, 320, 3), pkt(8, 160, 2), pkt(8, 160, 2)},
			want:  "0:01 20:02 40:03",
			stats: Stats{Packets: 6, Reordered: 1, Duplicates: 3, AccessUnits: 3},
		},
		"a gap is given up at the end": {
			in:    []*rtp.Packet{pkt(7, 0, 1), pkt(9, 320, 3), pkt(10, 480, 4)},
			want:  "0:01 !40:03 60:04",
			stats: Stats{Packets: 3, Lost: 1, AccessUnits: 3},
		},
		"given up after 150 ms, and then late": {
			in: []*rtp.Packet{
				pkt(1, 0, 1), pkt(3, 320, 3), pkt(4, 480, 4), pkt(5, 320+1200, 5), pkt(6, 320+1201, 6), pkt(2, 160, 2), pkt(7, 1600, 7),
			},
			want:  "0:01 !40:03 60:04 190:05 190:06 200:07",
			stats: Stats{Packets: 7, Lost: 1, Late: 1, AccessUnits: 6},
		},
		"a gap is given up when the clock goes back": {
			in:    []*rtp.Packet{pkt(1, 80000, 1), pkt(3, 80320, 3), pkt(4, 160, 4), pkt(5, 320, 5)},
			want:  "0:01 !40:03 -9980:04 -9960:05",
			stats: Stats{Packets: 4, Lost: 1, AccessUnits: 4},
		},
		"sequence wraps": {
			in:    []*rtp.Packet{pkt(65534, 0, 1), pkt(0, 320, 3), pkt(65535, 160, 2), pkt(1, 480, 4)},
			want:  "0:01 20:02 40:03 60:04",
			stats: Stats{Packets: 4, Reordered: 1, AccessUnits: 4},
		},
		"timestamp wraps": {
			in:    []*rtp.Packet{pkt(1, 1<<32-160, 1), pkt(2, 0, 2), pkt(3, 160, 3)},
			want:  "0:01 20:02 40:03",
			stats: Stats{Packets: 3, AccessUnits: 3},
		},
		"timestamp jumps ahead after silence": {
			in:    []*rtp.Packet{pkt(1, 0, 1), pkt(2, 8000*3600, 2)},
			want:  "0:01 3600000:02",
			stats: Stats{Packets: 2, AccessUnits: 2},
		},
		"a packet without payload is no loss": {
			in:    []*rtp.Packet{pkt(1, 0, 1), pkt(2, 0), pkt(3, 160, 3)},
			want:  "0:01 20:03",
			stats: Stats{Packets: 3, AccessUnits: 2},
		},
		"a gap before a packet without payload is marked": {
			in:    []*rtp.Packet{pkt(1, 0, 1), pkt(3, 160), pkt(4, 320, 4)},
			want:  "0:01 !40:04",
			stats: Stats{Packets: 3, Lost: 1, AccessUnits: 2},
		},
		"one stray packet is ignored": {
			in:    []*rtp.Packet{pkt(1, 0, 1), pkt(40000, 99999, 9), pkt(2, 160, 2), ssrc(5, pkt(3, 0, 9)), pkt(3, 320, 3)},
			want:  "0:01 20:02 40:03",
			stats: Stats{Packets: 5, AccessUnits: 3},
		},
		"a short outage": {
			in:    []*rtp.Packet{pkt(1, 0, 1), pkt(500, 160*499, 2)},
			want:  "0:01 !9980:02",
			stats: Stats{Packets: 2, Lost: 498, AccessUnits: 2},
		},
		"a long outage keeps the clock": {
			in:    []*rtp.Packet{pkt(1, 0, 1), pkt(4001, 160*1000, 2), pkt(4002, 160*1001, 3)},
			want:  "0:01 !20000:02 20020:03",
			stats: Stats{Packets: 3, Restarts: 1, AccessUnits: 3},
		},
		"restart with another SSRC continues the clock": {
			in:    []*rtp.Packet{pkt(1, 0, 1), pkt(2, 160, 2), ssrc(2, pkt(9, 7777777, 3)), ssrc(2, pkt(10, 7777777+160, 4))},
			want:  "0:01 20:02 !40:03 60:04",
			stats: Stats{Packets: 4, Restarts: 1, AccessUnits: 4},
		},
		"restart with its first packets swapped": {
			in:    []*rtp.Packet{pkt(1, 0, 1), pkt(2, 160, 2), ssrc(2, pkt(10, 160, 4)), ssrc(2, pkt(9, 0, 3)), ssrc(2, pkt(11, 320, 5))},
			want:  "0:01 20:02 !40:03 60:04 80:05",
			stats: Stats{Packets: 5, Restarts: 1, AccessUnits: 5},
		},
		"restart far behind, with the clock gone back": {
			in:    []*rtp.Packet{pkt(30000, 900000, 1), pkt(30001, 900160, 2), pkt(5, 0, 3), pkt(6, 160, 4)},
			want:  "0:01 20:02 !40:03 60:04",
			stats: Stats{Packets: 4, Restarts: 1, AccessUnits: 4},
		},
		"restart delivers the packets that wait": {
			in:    []*rtp.Packet{pkt(1, 0, 1), pkt(3, 320, 3), ssrc(2, pkt(9, 0, 4)), ssrc(2, pkt(10, 160, 5))},
			want:  "0:01 !40:03 !80:04 100:05",
			stats: Stats{Packets: 4, Lost: 1, Restarts: 1, AccessUnits: 4},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tr := track(t, mixer.PCMU, 8000)
			if got := show(pushAll(t, tr, c.in)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if tr.Stats() != c.stats {
				t.Errorf("stats %+v\nwant  %+v", tr.Stats(), c.stats)
			}
		})
	}
}

// TestWindowIsBounded: the packet 128 places behind a missing one ends the wait, for any timestamp.
func TestWindowIsBounded(t *testing.T) {
	tr := track(t, mixer.PCMU, 8000)
	tr.Push(pkt(0, 0, 0))
	for seq := uint16(2); seq < 1+window; seq++ {
		if got := tr.Push(pkt(seq, 1, byte(seq))); len(got) != 0 {
			t.Fatalf("packet %d came out while packet 1 may still arrive", seq)
		}
	}
	if got := tr.Push(pkt(1+window, 1, 1)); len(got) != window {
		t.Errorf("%d packets came out, want %d", len(got), window)
	}
}

// TestClockForMonths: no overflow, no drift, over 200 days of 90 kHz.
func TestClockForMonths(t *testing.T) {
	c := clock{rate: 90000}
	c.set(4_000_000_000)
	ts := uint32(4_000_000_000)
	for range 200 * 24 {
		ts += 3600 * 90000 // wraps every 13 h
		c.set(ts)
	}
	if got, want := c.duration(c.lastTime), 200*24*time.Hour; got != want {
		t.Errorf("after 200 days the clock shows %v", got)
	}
}

func TestPushAfterFlush(t *testing.T) {
	tr := track(t, mixer.PCMU, 8000)
	got := pushAll(t, tr, []*rtp.Packet{pkt(1, 0, 1), pkt(3, 320, 3)})
	got = append(got, tr.Push(pkt(4, 480, 4))...)
	if want := "0:01 !40:03 60:04"; show(got) != want {
		t.Errorf("got %s, want %s", show(got), want)
	}
}

// TestAccessUnitsDoNotShareMemory: an access unit does not change when its packets are overwritten.
func TestAccessUnitsDoNotShareMemory(t *testing.T) {
	for id, payload := range map[mixer.Codec][]byte{
		mixer.Opus: {0xfc, 1, 2, 3}, mixer.PCMA: {1, 2, 3}, mixer.H264: {0x41, 0x9a, 3}, mixer.VP8: {0x10, 1, 2, 3},
	} {
		tr := track(t, id, 48000)
		first := marked(pkt(1, 0, payload...))
		got := tr.Push(first)
		if len(got) != 1 {
			t.Fatalf("%s: %d access units", id, len(got))
		}
		was := bytes.Clone(got[0].Data)
		clear(first.Payload)
		tr.Push(marked(pkt(2, 900, slices.Repeat([]byte{0x11}, 5)...)))
		if !bytes.Equal(got[0].Data, was) {
			t.Errorf("%s: the access unit changed afterwards", id)
		}
	}
}
