package ws_test

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"azulejo/mixer"
	"azulejo/mixer/mixertest"
	"azulejo/signal/client"
	"azulejo/signal/signaltest/await"
)

// stranger is a client whose messages the test writes itself.
type stranger struct {
	t    *testing.T
	conn *websocket.Conn
}

func (s *server) stranger(t *testing.T) *stranger {
	t.Helper()
	conn, response, err := websocket.DefaultDialer.DialContext(t.Context(), s.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	t.Cleanup(func() { _ = conn.Close() })
	return &stranger{t, conn}
}

func (x *stranger) say(text string) {
	x.t.Helper()
	if err := x.conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		x.t.Fatalf("say %.40s: %v", text, err)
	}
}

// sayJSON sends any value.
func (x *stranger) sayJSON(v any) {
	x.t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		x.t.Fatal(err)
	}
	x.say(string(data))
}

// hear returns the next message of a type and skips all others.
func (x *stranger) hear(kind string) map[string]any {
	x.t.Helper()
	for {
		m, err := x.next()
		if err != nil {
			x.t.Fatalf("waiting for %s: %v", kind, err)
		}
		if m["type"] == kind {
			return m
		}
	}
}

func (x *stranger) next() (map[string]any, error) {
	if err := x.conn.SetReadDeadline(time.Now().Add(await.Patience)); err != nil {
		return nil, err
	}
	var m map[string]any
	err := x.conn.ReadJSON(&m)
	return m, err
}

// wantError hears an error and checks its code and words.
func (x *stranger) wantError(code string, words ...string) {
	x.t.Helper()
	m := x.hear("error")
	text, _ := m["message"].(string)
	if m["code"] != code {
		x.t.Errorf("got error %v: %s; want %s", m["code"], text, code)
	}
	for _, w := range words {
		if !strings.Contains(text, w) {
			x.t.Errorf("error %s says %q; want it to say %q", code, text, w)
		}
	}
}

// wantClose reads until the server closes.
func (x *stranger) wantClose(code int) {
	x.t.Helper()
	for {
		_, err := x.next()
		if err == nil {
			continue
		}
		var e *websocket.CloseError
		if !errors.As(err, &e) || e.Code != code {
			x.t.Errorf("ended with %v; want close code %d", err, code)
		}
		return
	}
}

// alive proves that the connection goes on.
func (x *stranger) alive() {
	x.t.Helper()
	x.say(`{"type":"ping"}`)
	x.hear("pong")
}

func (x *stranger) join(name string) {
	x.t.Helper()
	x.sayJSON(map[string]any{"type": "join", "room": "yard", "name": name, "publish": map[string]bool{"video": name != ""}})
	x.hear("joined")
}

// witness is a publisher and a viewer that strangers must not disturb.
type witness struct {
	t         *testing.T
	s         *server
	publisher *client.Client
	viewer    *client.Client
	tv        *mixertest.Screen
	picture   mixertest.Video
	before    client.Stats
	pulse     *pulse
}

func (s *server) witness(t *testing.T) *witness {
	t.Helper()
	w := &witness{t: t, s: s, picture: tenPictures()[0], pulse: newPulse(t)}
	w.publisher, _ = s.publishPicture(t, "witness", w.picture)
	w.viewer, w.tv = s.view(t, mixer.H264)
	await.Until(t, "the witness sees the picture", func() bool { return w.tv.ShowsAll(w.picture) })
	w.before = w.viewer.Stats()
	w.pulse.missed.Store(0)
	return w
}

// pulse is the control: a goroutine that wakes up every 10 ms and sums up by how much it is late. Only the load of the
// machine affects it.
type pulse struct{ missed atomic.Int64 }

func newPulse(t *testing.T) *pulse {
	const beat = 10 * time.Millisecond
	p := &pulse{}
	var beating sync.WaitGroup
	beating.Go(func() {
		ticker := time.NewTicker(beat)
		defer ticker.Stop()
		for last := time.Now(); ; {
			select {
			case <-t.Context().Done():
				return
			case <-ticker.C:
			}
			now := time.Now()
			p.missed.Add(int64(max(0, now.Sub(last)-2*beat)))
			last = now
		}
	})
	t.Cleanup(beating.Wait)
	return p
}

// late is the time for which the machine was too loaded to wake up the goroutine.
func (p *pulse) late() time.Duration { return time.Duration(p.missed.Load()) }

// late is the time for which the machine was too slow to compose.
func (s *server) late() time.Duration {
	info, err := s.registry.Info("yard")
	if err != nil {
		return 0
	}
	return time.Duration(info.LateTicks) * time.Second / fps
}

// starved is the time of standstill that may fill the queue of a peer, which holds a second of media.
const starved = 500 * time.Millisecond

// undisturbed checks that the witness's connections go on, that no frame was lost, that there was no pause, and that frames
// still come. It allows for the time for which the machine stood still.
func (w *witness) undisturbed() {
	w.t.Helper()
	if w.publisher.Err() != nil || w.viewer.Err() != nil {
		w.t.Fatalf("a witness was thrown out: %v, %v", w.publisher.Err(), w.viewer.Err())
	}
	seen := w.viewer.Stats().Received.Video
	await.Until(w.t, "new pictures", func() bool { return w.viewer.Stats().Received.Video.Units >= seen.Units+3 })
	now, before := w.viewer.Stats().Received.Video, w.before.Received.Video
	late := w.pulse.late()
	if breaks := now.Breaks - before.Breaks; breaks > uint64(late/starved) {
		w.t.Errorf("%d breaks in the witness's stream, while the machine stood still for %v", breaks, late)
	}
	if limit := max(2*time.Second+w.s.late()+late, before.LongestGap); now.LongestGap > limit {
		w.t.Errorf("the witness saw nothing for %v; want at most %v", now.LongestGap, limit)
	}
	await.Until(w.t, "the witness's own picture is new", func() bool { age, live := w.s.age("witness"); return live && age < time.Second })
}

// undisturbedAlone waits until the place a stranger took is free, and then checks the same.
func (w *witness) undisturbedAlone() {
	w.t.Helper()
	await.Until(w.t, "the witness is alone again", func() bool { return w.tv.ShowsAll(w.picture) })
	w.undisturbed()
}
