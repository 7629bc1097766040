package depack

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
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

// TestAACWithADTS: some cameras put ADTS headers into access units, or send ADTS frames without AU headers. These headers
// have the configuration. The configuration in SDP does not count then.
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
		{SizeLength: 1, IndexLength: 0},
		{SizeLength: 5, IndexLength: 3, IndexDeltaLength: 3},
		{SizeLength: -1},
		{SizeLength: 13, IndexLength: -1},
		{SizeLength: 13, IndexDeltaLength: 17},
	} {
		f.Config = aac16k
		if _, err := NewAAC(16000, f); err == nil || !strings.Contains(err.Error(), "accepted are 6 to 16 for the size, 0 to 16") {
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

// StreamMuxConfigs as bits: the start with two programs, then AAC-LC with 16 kHz and one channel for the first of them.
const (
	lc16k      = "00010 1000 0001 000"
	twoHead    = "0 1 000000 0001 000 " + lc16k + " 000 11111111 "
	twoStreams = twoHead + "000 1 000 11111111 0 0"                              // the second program has the same configuration
	otherData  = "0 1 000000 0000 000 " + lc16k + " 000 11111111 1 0 00001000 0" // 8 bits of other data behind the access units
)

// latmConfig returns the bytes of a StreamMuxConfig: of hex digits, or of bits with spaces.
func latmConfig(text string) (out []byte) {
	if b, err := hex.DecodeString(text); err == nil {
		return b
	}
	text = strings.ReplaceAll(text, " ", "")
	for i := range (len(text) + 7) / 8 {
		b := byte(0)
		for j, bit := range (text + "0000000")[8*i : 8*i+8] {
			b |= byte(bit-'0') << (7 - j)
		}
		out = append(out, b)
	}
	return out
}

// TestLATMConfigurations: a configuration of SDP is accepted if it is whole, except for what may be missing behind its last
// AudioSpecificConfig. The others are refused with a reason.
func TestLATMConfigurations(t *testing.T) {
	for text, want := range map[string]string{
		latm16k:           "",
		latm16k + "00FF":  "", // bytes behind the end
		"400026203FC0":    "",
		twoStreams:        "",
		otherData:         "",
		"402024203FC0":    "too short", // the second of three programs ends
		twoHead + "000 0": "too short",
		twoHead:           "too short",
		"40":              "too short",
		"4000":            "too short",
		"C0002810":        "audioMuxVersion 1",
		"00002810":        "allStreamsSameTimeFraming",
		"40002800":        "without a channel configuration",
		"40008810":        "object type 8",
		"0 1 000000 0000 000 " + lc16k + " 001 000000001 0 0":      "frameLengthType 1; accepted is 0",
		"0 1 000000 0000 000 00010 1000 0001 001 000 11111111 0 0": "extension",
		"0 1 000000 0000 000 00010 1101 0001 000 000 11111111 0 0": "sampling rate 0 Hz",
		twoHead + "000 0 01000 1000 0001 000 000 11111111 0 0":     "object type 8", // of the second program
		strings.Repeat("40002810", 200):                            "800 bytes; accepted are at most 512",
	} {
		tr, err := NewAAC(16000, AACFormat{LATM: true, Config: latmConfig(text)})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
		if err == nil {
			pushAll(t, tr, []*rtp.Packet{marked(pkt(1, 0, 1, 7)), marked(pkt(2, 1024, 1, 1, 7, 8))})
		}
	}
}

// TestLATMCutConfigurations: no configuration that ends early or has a wrong bit makes a Track panic, in SDP or in the stream.
func TestLATMCutConfigurations(t *testing.T) {
	for _, text := range []string{latm16k, twoStreams, otherData, "402024203FC0"} {
		whole := latmConfig(text)
		for bit := range 8 * len(whole) {
			changed := bytes.Clone(whole)
			changed[bit/8] ^= 0x80 >> (bit % 8)
			for n := range len(whole) + 1 {
				config := changed[:n]
				inBand := aacTrack(t, 16000, AACFormat{LATM: true})
				pushAll(t, inBand, []*rtp.Packet{marked(pkt(1, 0, append(bytes.Clone(config), 1, 7)...)), marked(pkt(2, 1024, 0x81, 7))})
				if tr, err := NewAAC(16000, AACFormat{LATM: true, Config: config}); err == nil {
					pushAll(t, tr, []*rtp.Packet{marked(pkt(1, 0, 1, 7)), marked(pkt(2, 1024, config...))})
				}
			}
		}
	}
}

// TestLATMStreams: of several streams the first one is taken. Other data behind the access units is left out.
func TestLATMStreams(t *testing.T) {
	for name, c := range map[string]struct {
		config  string
		element []byte
		want    string
	}{
		"two programs":                {twoStreams, []byte{2, 1, 7, 8, 9}, "0:0708"},
		"two programs, the last cut":  {twoStreams, []byte{2, 1, 7, 8}, ""},
		"other data":                  {otherData, []byte{2, 7, 8, 0xff}, "0:0708"},
		"bytes behind":                {latm16k, []byte{2, 7, 8, 0xff}, ""},
		"two access units":            {"0 1 000001 0000 000 " + lc16k, []byte{1, 7, 2, 8, 9}, "0:07 64:0809"},
		"two access units, one cut":   {"0 1 000001 0000 000 " + lc16k, []byte{1, 7, 2, 8}, ""},
		"two access units, one empty": {"0 1 000001 0000 000 " + lc16k, []byte{0, 2, 8, 9}, "0:0809"},
	} {
		t.Run(name, func(t *testing.T) {
			tr := aacTrack(t, 16000, AACFormat{LATM: true, Config: latmConfig(c.config)})
			if got := show(pushAll(t, tr, []*rtp.Packet{marked(pkt(1, 0, c.element...))})); got != c.want {
				t.Errorf("got %q with the fault %v, want %q", got, tr.Stats().Fault, c.want)
			}
		})
	}
}

// TestAACLimits: payloads with too many or too large access units are malformed. The access units after them are returned.
func TestAACLimits(t *testing.T) {
	frame := append(bytes.Clone(aac8kADTS), 1, 2)
	headers := func(count, size int) []byte { // AU headers of 16 bits, and the data
		b := binary.BigEndian.AppendUint16(nil, uint16(16*count))
		for range count {
			b = binary.BigEndian.AppendUint16(b, uint16(size))
		}
		return append(b, make([]byte, count*size)...)
	}
	wide := AACFormat{Config: aac16k, SizeLength: 16}
	latm := AACFormat{LATM: true, Config: latmConfig(latm16k)}
	many := AACFormat{LATM: true, Config: latmConfig("0 1 111111 0000 000 " + lc16k)}
	element := func(size int) []byte {
		return append(append(bytes.Repeat([]byte{255}, size/255), byte(size%255)), make([]byte, size)...)
	}
	for name, c := range map[string]struct {
		format  AACFormat
		payload []byte
		units   int
		fault   error
	}{
		"64 access units":                 {wide, headers(64, 2), 64, nil},
		"65 access units":                 {wide, headers(65, 2), 0, errAACUnits},
		"4000 access units":               {wide, headers(4000, 1), 0, errAACUnits},
		"one of 12 KiB":                   {wide, headers(1, maxAACUnit), 1, nil},
		"one of more":                     {wide, headers(1, maxAACUnit+1), 0, errAACUnit},
		"64 ADTS frames":                  {wide, bytes.Repeat(frame, 64), 64, nil},
		"65 ADTS frames":                  {wide, bytes.Repeat(frame, 65), 0, errAACUnits},
		"7000 ADTS frames":                {wide, bytes.Repeat(frame, 7000), 0, errAACUnits},
		"one ADTS frame with a wrong end": {wide, append(bytes.Clone(aac8kADTS), make([]byte, maxAACUnit)...), 0, errAACUnit},
		"LATM with 12 KiB":                {latm, element(maxAACUnit), 1, nil},
		"LATM with more":                  {latm, element(maxAACUnit + 1), 0, errAACUnit},
		"LATM with 64 access units":       {many, bytes.Repeat([]byte{1, 7}, 64), 64, nil},
		"LATM with too many ADTS frames":  {many, bytes.Repeat(append([]byte{18}, bytes.Repeat(frame, 2)...), 64), 64, errAACUnits},
	} {
		t.Run(name, func(t *testing.T) {
			tr := aacTrack(t, 16000, c.format)
			units := pushAll(t, tr, []*rtp.Packet{marked(pkt(1, 0, c.payload...))})
			if len(units) != c.units || !errors.Is(tr.Stats().Fault, c.fault) {
				t.Errorf("%d access units with the fault %v, want %d with %v", len(units), tr.Stats().Fault, c.units, c.fault)
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

// checkAAC checks what holds for the access units of any packets.
func checkAAC(t *testing.T, all []mixer.Packet) {
	t.Helper()
	for _, u := range all {
		if u.Codec != mixer.AAC || len(u.Config) < 2 || len(u.Data) > maxAACUnit {
			t.Errorf("%s with %d bytes and the configuration %X", u.Codec, len(u.Data), u.Config)
		}
		checkAccessUnit(t, u)
	}
}

func FuzzAAC(f *testing.F) {
	f.Add(join(record(1, 1, 10, 0, 16, 0, 16, 1, 2), record(0, 1, 10, 0, 16, 0, 32, 1, 2), record(1, 1, 0, 0, 16, 0, 32, 3, 4)))
	f.Add(join(record(1, 1, 10, append(bytes.Clone(aac8kADTS), 1, 2)...), record(1, 2, 10, 0, 8), record(1, 1, 10, 0, 0)))
	f.Fuzz(func(t *testing.T, b []byte) {
		checkAAC(t, pushAll(t, aacTrack(t, 48000, AACFormat{Config: aac16k}), script(b)))
	})
}

func FuzzLATM(f *testing.F) {
	inBand := join(record(1, 1, 10, 0x20, 0, 0x14, 8, 0, 0, 2, 1, 2), record(0, 1, 10, 0x80, 1), record(1, 1, 0, 2))
	f.Add([]byte(nil), inBand)
	for _, text := range []string{latm16k, "402024203FC0", "400026203FC0", "7F0F", twoStreams, otherData} {
		f.Add(latmConfig(text), join(record(1, 1, 10, 2, 1, 7, 8, 9), record(1, 1, 10, 255, 255, 255)))
	}
	f.Fuzz(func(t *testing.T, config, b []byte) {
		tr, err := NewAAC(48000, AACFormat{LATM: true, Config: config})
		if err != nil {
			return
		}
		checkAAC(t, pushAll(t, tr, script(b)))
	})
}
