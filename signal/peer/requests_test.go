package peer

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/webrtc/v4"

	"azulejo/mixer"
)

func TestLayersOfAnOffer(t *testing.T) {
	plain := offerOf(t, webrtc.RTPTransceiverDirectionSendrecv, webrtc.RTPTransceiverDirectionSendrecv)
	for _, c := range []struct {
		name, simulcast string
		want            []string
		refused         bool
	}{
		{"none", "", []string{""}, false},
		{"three", "send f;h;q", []string{"f", "h", "q"}, false},
		{"low to high", "send 0;1", []string{"0", "1"}, false},
		{"paused, and alternatives", "send ~a,b;c", []string{"a", "c"}, false},
		{"both directions", "recv x;y send a;b", []string{"a", "b"}, false},
		{"only received", "recv x;y", []string{""}, false},
		{"nothing named", "send", []string{""}, false},
		{"one twice", "send a;a", []string{"a"}, false},
		{"four", "send a;b;c;d", nil, true},
	} {
		text := plain
		if c.simulcast != "" {
			lines := fmt.Sprintf("a=mid:0\r\na=simulcast:%s\r\n", c.simulcast)
			text = strings.Replace(plain, "a=mid:0\r\n", lines, 1)
			if !strings.Contains(strings.SplitN(text, "m=audio", 2)[0], "a=simulcast") { // mid 0 is the audio section
				text = strings.Replace(plain, "a=mid:1\r\n", strings.Replace(lines, "mid:0", "mid:1", 1), 1)
			}
		}
		o, err := readOffer(text)
		if c.refused {
			if err == nil || !strings.Contains(err.Error(), "has 4 layers") || !strings.Contains(err.Error(), "up to 3") {
				t.Errorf("%s: got %v; want what was found and what is accepted", c.name, err)
			}
			continue
		}
		if err != nil || !slices.Equal(o.rids, c.want) {
			t.Errorf("%s: got %v, %v; want %v", c.name, o, err, c.want)
		}
	}
	many := strings.Replace(plain, "a=mid:0\r\n", "a=mid:0\r\n"+strings.Repeat("a=rid:x send\r\n", 500), 1)
	if _, err := readOffer(many); err == nil {
		t.Error("500 layers without a=simulcast were accepted")
	}
}

func TestBitrateFollowsTheTile(t *testing.T) {
	for _, c := range []struct {
		w, h, layers int
		audio        bool
		want         float32
	}{
		{0, 0, 1, false, 80_000},
		{0, 0, 3, true, 128_000},
		{64, 36, 1, false, 80_000},
		{320, 180, 1, false, 144_000},
		{640, 360, 1, true, 624_000},
		{640, 360, 3, false, 768_000},
		{1280, 720, 1, false, 2_304_000},
		{1920, 1080, 1, false, 2_500_000},
	} {
		if got := bitrateFor(mixer.Demand{Width: c.w, Height: c.h}, c.layers, c.audio); got != c.want {
			t.Errorf("%dx%d in %d layers, audio %v: %.0f bits a second; want %.0f", c.w, c.h, c.layers, c.audio, got, c.want)
		}
	}
}

// TestLimitFallsLater: a lower limit is sent after lowerDelay, a higher one at once.
func TestLimitFallsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l bitrateLimit
		start := time.Now()
		lowered := func(want float32, after time.Duration) {
			t.Helper()
			<-l.lower
			l.current, l.lower = l.pending, nil
			if l.current != want || time.Since(start) != after {
				t.Errorf("lowered to %.0f after %v; want %.0f after %v", l.current, time.Since(start), want, after)
			}
		}
		if l.update(500) {
			t.Error("the first limit was sent at once")
		}
		time.Sleep(2 * time.Second)
		l.update(300) // does not restart the delay
		lowered(300, 5*time.Second)
		if !l.update(400) || l.current != 400 || l.lower != nil {
			t.Errorf("the higher limit was not sent at once: %+v", l)
		}
		l.update(100)
		if l.update(400) || l.lower != nil {
			t.Errorf("the withdrawn limit is still pending, or 400 was sent again: %+v", l)
		}
		l.update(100)
		lowered(100, 10*time.Second)
	})
}

// TestOnlyTheLastDemandCounts: 100 demands that are not handled do not block, and the last one is kept.
func TestOnlyTheLastDemandCounts(t *testing.T) {
	p := openEngine(t, Config{}).NewPeer(Options{}, quiet)
	defer func() { _ = p.Close() }()
	for i := range 100 {
		p.Demand(mixer.Demand{Width: i})
	}
	if d := <-p.demands; d.Width != 99 || len(p.demands) != 0 {
		t.Errorf("got %v with %d behind it", d, len(p.demands))
	}
}
