package depack

import (
	"testing"
	"time"

	"azulejo/mixer"
)

// TestCaptured: access units have the time of their sender's wall clock after a report, also across the wrap of
// timestamps. They have none if the report is of another sender or too far away.
func TestCaptured(t *testing.T) {
	const noon = 12 * time.Hour
	opus := []byte{0xf8, 1}
	tr := track(t, mixer.Opus, 48000)
	for i, c := range []struct {
		report time.Duration // zero: none
		at     uint32        // of the report
		stamp  uint32
		want   time.Duration
	}{
		{0, 0, 1<<32 - 960, 0},
		{noon, 1<<32 - 4800, 0, noon + 100*time.Millisecond},
		{0, 0, 960, noon + 120*time.Millisecond},
		{noon, 960 + 48000, 1920, noon - 980*time.Millisecond},
		{noon, 1 << 31, 2880, 0},
		{noon, 0, 3840, noon + 80*time.Millisecond},
	} {
		if c.report != 0 {
			tr.Report(c.at, c.report)
		}
		got := tr.Push(pkt(uint16(i), c.stamp, opus...))
		if len(got) != 1 || got[0].Captured != c.want {
			t.Errorf("packet %d became %+v; want one captured at %v", i, got, c.want)
		}
	}
	tr.Push(ssrc(2, pkt(700, 9, opus...)))
	if got := tr.Push(ssrc(2, pkt(701, 969, opus...))); len(got) != 2 || got[0].Captured != 0 || got[1].Captured != 0 {
		t.Errorf("of another sender came %+v; want two packets without a capture time", got)
	}
}
