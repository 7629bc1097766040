package depack

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"azulejo/mixer"
)

// AudioSpecificConfigs of AAC-LC with one channel.
var (
	aac16k    = []byte{0x14, 0x08}
	aac48k960 = []byte{0x11, 0x8c}                               // frames of 960 samples
	aacHE16k  = []byte{0x2c, 0x09, 0x88, 0x00}[:4:4]             // SBR, 16 kHz to 48 kHz
	aac8kADTS = []byte{0xff, 0xf1, 0x6c, 0x40, 0x01, 0x3f, 0xfc} // an ADTS header: 8 kHz, one channel, 9 bytes with the header
)

func aacTrack(t testing.TB, clockRate uint32, f AACFormat) *Track {
	t.Helper()
	tr, err := NewAAC(clockRate, f)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// aacPacket has access units of two octets in mode AAC-hbr.
func aacPacket(seq uint16, ts uint32, n int) *rtp.Packet {
	payload := []byte{0, byte(16 * n)}
	for range n {
		payload = append(payload, 0, 2<<3)
	}
	for i := range n {
		payload = append(payload, byte(i), 0x55)
	}
	return marked(pkt(seq, ts, payload...))
}

// TestAACUnitsFollowEachOther: with every configuration, access units follow each other without gaps, within an RTP packet and
// from one to the next.
func TestAACUnitsFollowEachOther(t *testing.T) {
	for name, c := range map[string]struct {
		config []byte
		clock  uint32
		ticks  uint32 // of an access unit
		length time.Duration
	}{
		"1024 samples":                    {aac16k, 16000, 1024, 64 * time.Millisecond},
		"960 samples":                     {aac48k960, 48000, 960, 20 * time.Millisecond},
		"SBR, with the clock of its end":  {aacHE16k, 48000, 3072, 64 * time.Millisecond},
		"a clock that is not signalled":   {aac16k, 0, 1024, 64 * time.Millisecond},
		"a clock that is not of the rate": {aac16k, 90000, 5760, 64 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			tr := aacTrack(t, c.clock, AACFormat{Config: c.config})
			var packets []*rtp.Packet
			ts := ^uint32(0) - 2*c.ticks // wraps after a few packets
			for i := range 5 {
				packets = append(packets, aacPacket(uint16(65534+i), ts, 3))
				ts += 3 * c.ticks
			}
			all := pushAll(t, tr, packets)
			if len(all) != 15 {
				t.Fatalf("%d access units of 15", len(all))
			}
			for i, p := range all {
				if p.PTS != time.Duration(i)*c.length || p.Duration != c.length || p.Lost || !p.Key || p.Data[0] != byte(i%3) ||
					!bytes.Equal(p.Config, c.config) {
					t.Errorf("access unit %d: %+v; want it at %v for %v", i, p, time.Duration(i)*c.length, c.length)
				}
			}
		})
	}
}

// TestAAC uses AAC of 16 kHz, whose access units last 64 ms.
func TestAAC(t *testing.T) {
	for name, c := range map[string]struct {
		in   []*rtp.Packet
		want string
		bad  uint64 // malformed payloads
	}{
		"a lost packet": {
			[]*rtp.Packet{aacPacket(7, 0, 1), aacPacket(9, 2048, 1), aacPacket(10, 3072, 1)}, "0:0055 !128:0055 192:0055", 0,
		},
		"swapped": {
			[]*rtp.Packet{aacPacket(7, 0, 1), aacPacket(9, 2048, 1), aacPacket(8, 1024, 1)}, "0:0055 64:0055 128:0055", 0,
		},
		"a pause": {[]*rtp.Packet{aacPacket(7, 0, 1), aacPacket(8, 16000, 1)}, "0:0055 1000:0055", 0},
		"a broken packet": {
			[]*rtp.Packet{aacPacket(7, 0, 1), pkt(8, 1024, 0), aacPacket(9, 2048, 1)}, "0:0055 !128:0055", 1,
		},
		"no marker bits": {
			[]*rtp.Packet{pkt(7, 0, 0, 16, 0, 16, 1, 2), pkt(8, 1024, 0, 16, 0, 16, 3, 4)}, "0:0102 64:0304", 0,
		},
		"fragments": {
			[]*rtp.Packet{pkt(7, 0, 0, 16, 0, 32, 1, 2), marked(pkt(8, 0, 0, 16, 0, 32, 3, 4)), aacPacket(9, 1024, 1)}, "0:01020304 64:0055", 0,
		},
		"a lost fragment": {
			[]*rtp.Packet{pkt(7, 0, 0, 16, 0, 48, 1, 2), marked(pkt(9, 0, 0, 16, 0, 48, 5, 6)), aacPacket(10, 1024, 1), aacPacket(11, 2048, 1)},
			"!64:0055 128:0055", 1,
		},
		"a fragment without its end": {
			[]*rtp.Packet{pkt(7, 0, 0, 16, 0, 32, 1, 2), aacPacket(8, 1024, 1)}, "!64:0055", 1,
		},
		"a fragment with too much": {
			[]*rtp.Packet{pkt(7, 0, 0, 16, 0, 24, 1, 2), pkt(8, 0, 0, 16, 0, 24, 3, 4), aacPacket(9, 1024, 1)}, "!64:0055", 1,
		},
		"sizes of more than there is": {
			[]*rtp.Packet{pkt(7, 0, 0, 32, 0, 16, 0, 16, 1, 2, 3), aacPacket(8, 1024, 1)}, "!64:0055", 1,
		},
		"headers of more than there is": {[]*rtp.Packet{pkt(7, 0, 1, 0, 0, 16), pkt(8, 0, 0, 8, 0), aacPacket(9, 1024, 1)}, "!64:0055", 2},
		"bytes behind the last unit":    {[]*rtp.Packet{pkt(7, 0, 0, 16, 0, 16, 1, 2, 9, 9), aacPacket(8, 1024, 1)}, "0:0102 64:0055", 0},
	} {
		t.Run(name, func(t *testing.T) {
			tr := aacTrack(t, 16000, AACFormat{Config: aac16k})
			if got := show(pushAll(t, tr, c.in)); got != c.want || tr.Stats().Malformed != c.bad {
				t.Errorf("got %s with %d malformed, want %s with %d", got, tr.Stats().Malformed, c.want, c.bad)
			}
		})
	}
}

// TestAACWithADTS: some cameras put ADTS headers into access units, or send ADTS frames without AU headers. The headers tell the
// configuration, whatever SDP says.
func TestAACWithADTS(t *testing.T) {
	frame := append(bytes.Clone(aac8kADTS), 1, 2)
	head := []byte{0, 16, 0, 9 << 3}
	for name, payload := range map[string][]byte{
		"in access units": append(bytes.Clone(head), frame...),
		"alone":           frame,
	} {
		tr := aacTrack(t, 16000, AACFormat{Config: aac16k})
		all := pushAll(t, tr, []*rtp.Packet{pkt(1, 0, payload...), pkt(2, 2048, payload...)})
		if show(all) != "0:0102 128:0102" || !bytes.Equal(all[1].Config, []byte{0x15, 0x88}) || all[1].Duration != 128*time.Millisecond {
			t.Errorf("%s: %s, %+v", name, show(all), all)
		}
	}
	two := aacTrack(t, 8000, AACFormat{Config: aac16k})
	if got := show(pushAll(t, two, []*rtp.Packet{pkt(1, 0, append(bytes.Clone(frame), frame...)...)})); got != "0:0102 128:0102" {
		t.Errorf("two frames in one packet: %s", got)
	}
	cut := aacTrack(t, 16000, AACFormat{Config: aac16k})
	if got := show(pushAll(t, cut, []*rtp.Packet{pkt(1, 0, append([]byte{0, 16, 0, 8 << 3}, frame[:8]...)...)})); got != "0:fff16c40013ffc01" {
		t.Errorf("an access unit that only looks like ADTS: %s", got)
	}
}

// TestAACLengths: other lengths of the fields in AU headers are those of mode AAC-lbr.
func TestAACLengths(t *testing.T) {
	tr := aacTrack(t, 16000, AACFormat{Config: aac16k, SizeLength: 6, IndexLength: 2, IndexDeltaLength: 2})
	if got := show(pushAll(t, tr, []*rtp.Packet{marked(pkt(1, 0, 0, 16, 2<<2, 1<<2, 1, 2, 3))})); got != "0:0102 64:03" {
		t.Errorf("got %s", got)
	}
	for _, f := range []AACFormat{
		{SizeLength: 17},
		{SizeLength: -1},
		{SizeLength: 13, IndexLength: -1},
		{SizeLength: 13, IndexDeltaLength: 17},
	} {
		f.Config = aac16k
		if _, err := NewAAC(16000, f); err == nil || !strings.Contains(err.Error(), "accepted are 1 to 16") {
			t.Errorf("%+v: %v", f, err)
		}
	}
}

// latm16k is a StreamMuxConfig: AAC-LC, 16 kHz, one channel, one access unit in an element.
const latm16k = "40002810"

// TestLATM: elements with the configuration of SDP, in one packet and in fragments, with and without marker bits.
func TestLATM(t *testing.T) {
	config, err := hex.DecodeString(latm16k)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		in   []*rtp.Packet
		want string
		bad  uint64
	}{
		"whole":          {[]*rtp.Packet{marked(pkt(1, 0, 2, 7, 8)), marked(pkt(2, 1024, 1, 9))}, "0:0708 64:09", 0},
		"fragments":      {[]*rtp.Packet{pkt(1, 0, 2, 7), marked(pkt(2, 0, 8)), marked(pkt(3, 1024, 1, 9))}, "0:0708 64:09", 0},
		"no marker bits": {[]*rtp.Packet{pkt(1, 0, 2, 7), pkt(2, 0, 8), pkt(3, 1024, 1, 9)}, "0:0708 64:09", 0},
		"a lost fragment": {
			[]*rtp.Packet{pkt(1, 0, 3, 7), marked(pkt(3, 0, 9)), marked(pkt(4, 1024, 1, 9)), marked(pkt(5, 2048, 1, 9))}, "!64:09 128:09", 1,
		},
		"cut off": {[]*rtp.Packet{marked(pkt(1, 0, 3, 7)), marked(pkt(2, 1024, 1, 9))}, "!64:09", 1},
	} {
		t.Run(name, func(t *testing.T) {
			tr := aacTrack(t, 16000, AACFormat{LATM: true, Config: config})
			all := pushAll(t, tr, c.in)
			if got := show(all); got != c.want || tr.Stats().Malformed != c.bad {
				t.Errorf("got %s with %d malformed, want %s with %d", got, tr.Stats().Malformed, c.want, c.bad)
			}
			if len(all) > 0 && !bytes.Equal(all[0].Config, aac16k) {
				t.Errorf("the configuration is %X", all[0].Config)
			}
		})
	}
}

// TestAACConfigurations: which configurations are refused, and why.
func TestAACConfigurations(t *testing.T) {
	for text, want := range map[string]string{
		"1408": "", "1190": "", "0C08": "", "2B098800": "", "EB098800": "", "F8E62000": "", "140856E500": "", "17801F4008": "",
		"": "missing", "14": "too short", "1780": "too short", "1708": "sampling rate 0 Hz", "1400": "no channels",
		"1448": "channel configuration 9",
		"4408": "object type 8", "F81408": "object type",
	} {
		config, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		_, err = NewAAC(0, AACFormat{Config: config})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// fuzzAAC pushes the packets of a script.
func fuzzAAC(f *testing.F, format AACFormat) {
	f.Helper()
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, u := range pushAll(t, aacTrack(t, 48000, format), script(b)) {
			if u.Codec != mixer.AAC || len(u.Config) < 2 {
				t.Errorf("%s with the configuration %X", u.Codec, u.Config)
			}
			checkAccessUnit(t, u)
		}
	})
}

func FuzzAAC(f *testing.F) {
	f.Add(join(record(1, 1, 10, 0, 16, 0, 16, 1, 2), record(0, 1, 10, 0, 16, 0, 32, 1, 2), record(1, 1, 0, 0, 16, 0, 32, 3, 4)))
	f.Add(join(record(1, 1, 10, append(bytes.Clone(aac8kADTS), 1, 2)...), record(1, 2, 10, 0, 8), record(1, 1, 10, 0, 0)))
	fuzzAAC(f, AACFormat{Config: aac16k})
}

func FuzzLATM(f *testing.F) {
	f.Add(join(record(1, 1, 10, 0x20, 0, 0x14, 8, 0, 0, 2, 1, 2), record(0, 1, 10, 0x80, 1), record(1, 1, 0, 2)))
	fuzzAAC(f, AACFormat{LATM: true, Config: nil})
}
