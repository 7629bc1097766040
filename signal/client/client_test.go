package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"azulejo/mixer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestPlayKeepsTime plays two passes of a loop on a fake clock.
func TestPlayKeepsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		packets := []mixer.Packet{{PTS: 0}, {PTS: 40 * time.Millisecond}, {PTS: 100 * time.Millisecond}}
		next, n := Loop(packets, 200*time.Millisecond), 0
		begin := time.Now()
		var got []time.Duration
		err := Play(t.Context(), func() (mixer.Packet, error) {
			if n++; n > 6 {
				return mixer.Packet{}, io.EOF
			}
			return next()
		}, func(mixer.Packet) error {
			got = append(got, time.Since(begin)/time.Millisecond)
			return nil
		})
		want := []time.Duration{0, 40, 100, 200, 240, 300}
		if err != nil || len(got) != len(want) {
			t.Fatalf("played %d packets, %v; want %d", len(got), err, len(want))
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("packet %d came at %d ms; want %d", i, got[i], want[i])
			}
		}
	})
}

func TestPlayEnds(t *testing.T) {
	broken := errors.New("broken")
	ctx, cancel := context.WithCancel(t.Context())
	one := func() (mixer.Packet, error) { return mixer.Packet{}, nil }
	if err := Play(ctx, one, func(mixer.Packet) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("put fails: got %v", err)
	}
	if err := Play(ctx, Loop(nil, time.Second), nil); err != nil {
		t.Errorf("an empty loop: got %v", err)
	}
	cancel()
	if err := Play(ctx, Loop([]mixer.Packet{{PTS: time.Hour}, {PTS: 2 * time.Hour}}, 0), func(mixer.Packet) error { return nil }); err != nil {
		t.Errorf("cancelled: got %v", err)
	}
}

func TestConfigNamesWhatIsAccepted(t *testing.T) {
	for want, cfg := range map[string]Config{
		"ws://":           {URL: "http://x", View: true},
		"h264, vp8":       {URL: "ws://x", PublishVideo: mixer.AV1},
		"at least one is": {URL: "ws://x"},
	} {
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v; want an error that says %s", err, want)
		}
		if _, err := Dial(t.Context(), cfg); err == nil {
			t.Errorf("dialled with %+v", cfg)
		}
	}
}

// TestDialTellsWhatHappened: no server, a server of something else, and one that never answers.
func TestDialTellsWhatHappened(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	for want, url := range map[string]string{
		"refused": "ws://127.0.0.1:1/ws", "404": "ws" + strings.TrimPrefix(other.URL, "http"),
	} {
		_, err := Dial(t.Context(), Config{URL: url, Room: "yard", View: true})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v; want an error that says %s", url, err, want)
		}
	}
}

func TestStatsAreJSON(t *testing.T) {
	var in receiveCounters
	at := time.Unix(1000, 0).UTC()
	in.count(mixer.Packet{Codec: mixer.VP8, Data: make([]byte, 5), Key: true}, at)
	in.count(mixer.Packet{Codec: mixer.VP8, Data: make([]byte, 7), Lost: true}, at.Add(1500*time.Microsecond))
	got, err := json.Marshal(in.snapshot())
	want := `{"codec":"vp8","units":2,"keys":1,"bytes":12,"lost":0,"breaks":1,"first":"1970-01-01T00:16:40Z","longestGapMs":1.5}`
	if err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}
