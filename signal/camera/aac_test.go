package camera

import (
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/pion/rtp"

	"azulejo/mixer"
)

// aacFormat is AAC in mode AAC-hbr of RFC 3640.
func aacFormat(cfg mpeg4audio.AudioSpecificConfig) *format.MPEG4Audio {
	cfg.Type, cfg.ChannelConfig = mpeg4audio.ObjectTypeAACLC, 1
	return &format.MPEG4Audio{Config: &cfg, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3}
}

// aacPacket has n access units of two octets.
func aacPacket(seq uint16, stamp uint32, n int) *rtp.Packet {
	p := &rtp.Packet{Header: rtp.Header{SequenceNumber: seq, Timestamp: stamp, Marker: true}, Payload: []byte{0, byte(16 * n)}}
	for range n {
		p.Payload = append(p.Payload, 0, 2<<3)
	}
	for i := range n {
		p.Payload = append(p.Payload, byte(i), 0x55)
	}
	return p
}

func newTestTrack(t *testing.T, cfg mpeg4audio.AudioSpecificConfig) *aacTrack {
	t.Helper()
	a, err := newAACTrack(aacFormat(cfg))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestAACUnitsFollowEachOther: with every configuration, access units follow each other without gaps, within an RTP packet and
// from one to the next.
func TestAACUnitsFollowEachOther(t *testing.T) {
	for name, c := range map[string]struct {
		cfg    mpeg4audio.AudioSpecificConfig
		ticks  uint32 // of an access unit
		length time.Duration
	}{
		"1024 samples": {mpeg4audio.AudioSpecificConfig{SampleRate: 16000}, 1024, 64 * time.Millisecond},
		"960 samples":  {mpeg4audio.AudioSpecificConfig{SampleRate: 48000, FrameLengthFlag: true}, 960, 20 * time.Millisecond},
		"SBR": {
			mpeg4audio.AudioSpecificConfig{SampleRate: 16000, ExtensionType: mpeg4audio.ObjectTypeSBR, ExtensionSampleRate: 32000},
			2048, 64 * time.Millisecond,
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newTestTrack(t, c.cfg)
			var all []mixer.Packet
			stamp := ^uint32(0) - 2*c.ticks // wraps after a few packets
			for i := range 5 {
				all = append(all, a.push(aacPacket(uint16(65534+i), stamp, 3))...)
				stamp += 3 * c.ticks
			}
			if len(all) != 15 {
				t.Fatalf("%d access units of 15", len(all))
			}
			for i, p := range all {
				if p.PTS != time.Duration(i)*c.length || p.Duration != c.length || p.Lost || !p.Key || len(p.Config) < 2 || p.Data[0] != byte(i%3) {
					t.Errorf("access unit %d: %+v; want it at %v for %v", i, p, time.Duration(i)*c.length, c.length)
				}
			}
		})
	}
}

// TestAACTimesFollowTheCamera: after a loss or a pause the RTP timestamp counts, not the number of access units.
func TestAACTimesFollowTheCamera(t *testing.T) {
	a := newTestTrack(t, mpeg4audio.AudioSpecificConfig{SampleRate: 16000})
	for _, c := range []struct {
		name string
		p    *rtp.Packet
		n    int
		at   time.Duration // of the first access unit
		lost bool
	}{
		{"the first", aacPacket(7, 5000, 1), 1, 0, false},
		{"the next", aacPacket(8, 6024, 2), 2, 64 * time.Millisecond, false},
		{"after a lost packet", aacPacket(10, 9096, 1), 1, 256 * time.Millisecond, true},
		{"one that is broken", &rtp.Packet{Header: rtp.Header{SequenceNumber: 11, Timestamp: 10120}, Payload: []byte{0}}, 0, 0, false},
		{"after the broken one", aacPacket(12, 11144, 1), 1, 384 * time.Millisecond, true},
		{"after a pause of a second", aacPacket(13, 28168, 1), 1, 1448 * time.Millisecond, false},
	} {
		got := a.push(c.p)
		if len(got) != c.n {
			t.Errorf("%s: %d access units, want %d", c.name, len(got), c.n)
			continue
		}
		if c.n > 0 && (got[0].PTS != c.at || got[0].Lost != c.lost) {
			t.Errorf("%s: at %v, lost %v; want %v, %v", c.name, got[0].PTS, got[0].Lost, c.at, c.lost)
		}
	}
}

// TestAACKeepsItsPackets: an access unit is a copy. It does not change with the buffer of the RTP packet.
func TestAACKeepsItsPackets(t *testing.T) {
	a := newTestTrack(t, mpeg4audio.AudioSpecificConfig{SampleRate: 16000})
	p := aacPacket(1, 0, 1)
	got := a.push(p)
	clear(p.Payload)
	if len(got) != 1 || got[0].Data[1] != 0x55 {
		t.Error("an access unit shares the memory of its RTP packet")
	}
}

// TestAACIsCapturedUnitByUnit: the sender report's time is that of the packet's first access unit.
func TestAACIsCapturedUnitByUnit(t *testing.T) {
	var got []mixer.Packet
	read, err := aacReader(aacFormat(mpeg4audio.AudioSpecificConfig{SampleRate: 16000}), func(p mixer.Packet) { got = append(got, p) },
		func(p *rtp.Packet) (time.Duration, bool) { return time.Hour, p.SequenceNumber > 1 })
	if err != nil {
		t.Fatal(err)
	}
	read(aacPacket(1, 0, 1))
	read(aacPacket(2, 1024, 2))
	if len(got) != 3 {
		t.Fatalf("%d access units of 3", len(got))
	}
	for i, want := range []time.Duration{0, time.Hour, time.Hour + 64*time.Millisecond} {
		if got[i].Captured != want {
			t.Errorf("access unit %d was captured at %v, want %v", i, got[i].Captured, want)
		}
	}
}
