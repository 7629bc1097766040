package depack

import (
	"errors"
	"testing"
	"time"

	"github.com/pion/rtp"

	"azulejo/mixer"
)

func TestOpusLength(t *testing.T) {
	const toc = 3 // shift of the configuration
	for name, c := range map[string]struct {
		payload []byte
		want    time.Duration
		err     error
	}{
		"CELT 20 ms, one frame":        {[]byte{31 << toc, 1}, 20 * time.Millisecond, nil},
		"CELT 2.5 ms":                  {[]byte{28 << toc, 1}, 2500 * time.Microsecond, nil},
		"SILK 60 ms":                   {[]byte{3 << toc, 1}, 60 * time.Millisecond, nil},
		"hybrid 10 ms":                 {[]byte{12 << toc, 1}, 10 * time.Millisecond, nil},
		"hybrid 20 ms":                 {[]byte{15 << toc, 1}, 20 * time.Millisecond, nil},
		"two equal frames":             {[]byte{31<<toc | 1, 1, 1}, 40 * time.Millisecond, nil},
		"two different frames":         {[]byte{11<<toc | 2, 1, 1}, 120 * time.Millisecond, nil},
		"six frames of 20 ms":          {[]byte{31<<toc | 3, 6, 1}, 120 * time.Millisecond, nil},
		"forty-eight frames of 2.5 ms": {[]byte{28<<toc | 3, 0x80 | 48, 1}, 120 * time.Millisecond, nil},
		"DTX, only the first octet":    {[]byte{31 << toc}, 20 * time.Millisecond, nil},
		"seven frames are too long":    {[]byte{31<<toc | 3, 7, 1}, 0, errOpusLength},
		"no frames":                    {[]byte{31<<toc | 3, 0xc0}, 0, errOpusCount},
		"count cut off":                {[]byte{31<<toc | 3}, 0, errOpusCount},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := opusDuration(c.payload, 48000)
			if got != c.want || !errors.Is(err, c.err) {
				t.Errorf("got %v, %v; want %v, %v", got, err, c.want, c.err)
			}
		})
	}
}

func TestAudioDurations(t *testing.T) {
	for id, rate := range map[mixer.Codec]uint32{mixer.PCMU: 8000, mixer.PCMA: 8000, mixer.G722: 8000} {
		got := track(t, id, rate).Push(pkt(1, 0, make([]byte, 160)...))
		if len(got) != 1 || got[0].Duration != 20*time.Millisecond || !got[0].Key || got[0].Codec != id {
			t.Errorf("%s: 160 octets became %+v", id, got)
		}
	}
}

// TestOpusSilenceIsNoLoss: with DTX the timestamp jumps, but not the sequence number.
func TestOpusSilenceIsNoLoss(t *testing.T) {
	tr := track(t, mixer.Opus, 48000)
	got := pushAll(t, tr, []*rtp.Packet{pkt(1, 0, 0xf8, 1), pkt(2, 960*20, 0xf8, 2)})
	if want := "0:f801 400:f802"; show(got) != want {
		t.Errorf("got %s, want %s", show(got), want)
	}
}

// TestAudioWaitsForOnePacket: two packets may be swapped. A lost packet delays one packet, not 150 ms.
func TestAudioWaitsForOnePacket(t *testing.T) {
	a, b := []byte{0xf8, 1}, []byte{0xf8, 2}
	got := pushAll(t, track(t, mixer.Opus, 48000), []*rtp.Packet{
		pkt(1, 0, a...), pkt(3, 1920, a...), pkt(2, 960, b...), pkt(5, 3840, a...), pkt(6, 4800, b...),
	})
	if want := "0:f801 20:f802 40:f801 !80:f801 100:f802"; show(got) != want {
		t.Errorf("got %s, want %s", show(got), want)
	}
}

func TestOpusMalformedIsLost(t *testing.T) {
	tr := track(t, mixer.Opus, 48000)
	got := pushAll(t, tr, []*rtp.Packet{pkt(1, 0, 0xf8, 1), pkt(2, 960, 0xfb), pkt(3, 1920, 0xf8, 3)})
	if want := "0:f801 !40:f803"; show(got) != want {
		t.Errorf("got %s, want %s", show(got), want)
	}
	if s := tr.Stats(); s.Malformed != 1 || s.Dropped != 1 || !errors.Is(s.Fault, errOpusCount) {
		t.Errorf("stats %+v", s)
	}
}
