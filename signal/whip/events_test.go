package whip_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"azulejo/mixer"
	"azulejo/signal/auth"
	"azulejo/signal/auth/authtest"
	"azulejo/signal/signaltest/await"
	"azulejo/signal/viewing"
	"azulejo/signal/whip"
)

// listener reads a stream of events.
type listener struct {
	done chan struct{}

	mu     sync.Mutex
	kinds  []string // in the order of their coming
	newest map[string]string
	beats  int
}

// listen reads a stream until it ends, or the test.
func (s *server) listen(t *testing.T, location string, header ...string) *listener {
	t.Helper()
	return s.listenBy(t, http.DefaultClient, location+"/events", header...)
}

func (s *server) listenBy(t *testing.T, by *http.Client, path string, header ...string) *listener {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(header) > 0 {
		r.Header.Set(header[0], header[1])
	}
	res, err := by.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("GET of events: %d, %v", res.StatusCode, res.Header)
	}
	l := &listener{done: make(chan struct{}), newest: map[string]string{}}
	go l.read(res.Body)
	t.Cleanup(func() {
		cancel()
		<-l.done
		_ = res.Body.Close()
	})
	return l
}

func (l *listener) read(body io.Reader) {
	defer close(l.done)
	kind := ""
	for lines := bufio.NewScanner(body); lines.Scan(); {
		l.mu.Lock()
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "event":
			kind = value
		case "data":
			l.kinds = append(l.kinds, kind)
			l.newest[kind] = value
		case ":":
			l.beats++
		}
		l.mu.Unlock()
	}
}

// last is the newest message of a kind; empty: there was none.
func (l *listener) last(kind string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.newest[kind]
}

func (l *listener) over() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}

// heard is the newest message of a kind, decoded; zero if there is none.
func heard[T any](t *testing.T, l *listener, kind string) T {
	t.Helper()
	var m T
	if text := l.last(kind); text != "" {
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			t.Fatalf("%s: %s: %v", kind, text, err)
		}
	}
	return m
}

// TestEvents: a viewer gets the events of the view that it watches, also if it opens the stream of events late. It gets the
// view that it selects.
func TestEvents(t *testing.T) {
	s := serve(t, setup{whip: whip.Config{Beat: 50 * time.Millisecond}})
	s.newCaller(t).publish("/whip/yard/a", orange, 0)
	await.Until(t, "a is there", func() bool { return s.names() == "a" })
	s.newCaller(t).publish("/whip/yard/b", violet, 0)
	await.Until(t, "b is there", func() bool { return s.names() == "a b" })
	viewer := s.newCaller(t).view("/whep/yard")
	link := viewer.header.Get("Link")
	if want := "<" + viewer.location + `/events>; rel="urn:ietf:params:whep:ext:core:server-sent-events"`; !strings.HasPrefix(link, want) {
		t.Errorf("Link: %s; want %s", link, want)
	}
	events := s.listen(t, viewer.location, "Accept", "text/event-stream")
	await.Until(t, "both tiles", func() bool {
		l := heard[viewing.Layout](t, events, "layout")
		return l.Type == "layout" && l.View == "main" && len(l.Tiles) == 2 && l.Canvas == mixer.Size{W: width, H: height}
	})
	await.Until(t, "the rendition", func() bool {
		r := heard[viewing.Rendition](t, events, "rendition")
		return r.Type == "rendition" && r.Width == width && r.Height == height && r.Codec == "h264"
	})
	await.Until(t, "the participants", func() bool {
		p := heard[viewing.Participants](t, events, "participants")
		return p.Type == "participants" && len(p.Participants) == 2 && p.Participants[1].Name == "b"
	})
	await.Until(t, "heart-beats", func() bool { events.mu.Lock(); defer events.mu.Unlock(); return events.beats >= 3 })

	viewer.show(`{"spotlight":"b","exclude":"a","rung":"180p"}`)
	await.Until(t, "b alone, small, as is said", func() bool {
		l, r := heard[viewing.Layout](t, events, "layout"), heard[viewing.Rendition](t, events, "rendition")
		return l.View == "" && len(l.Tiles) == 1 && l.Tiles[0].Name == "b" && r.Width == 320 && viewer.width() == 320 && viewer.sees(violet.Colour)()
	})
	late := s.listen(t, viewer.location)
	await.Until(t, "who comes later hears the newest", func() bool {
		l, r := heard[viewing.Layout](t, late, "layout"), heard[viewing.Rendition](t, late, "rendition")
		return len(l.Tiles) == 1 && r.Width == 320 && late.last("participants") != ""
	})
	viewer.end()
	for _, l := range []*listener{events, late} {
		await.Until(t, "the end", func() bool { return l.over() })
		if got := l.last("end"); !strings.Contains(got, `"type":"end","code":"left"`) {
			t.Errorf("the last event is %q; want an end", got)
		}
	}
}

// show posts a view.
func (c *caller) show(view string) {
	c.t.Helper()
	if a := c.ask(http.MethodPost, c.location+"/view", view, "Content-Type", "application/json"); a.status != http.StatusNoContent {
		c.t.Fatalf("view %s: %d %s", view, a.status, a.body)
	}
}

// TestQuietEventsOverHTTP2: the pause between two events may be longer than the time limit of a write. HTTP/2 ends a stream
// at its deadline even if nothing is being written.
func TestQuietEventsOverHTTP2(t *testing.T) {
	s := serve(t, setup{whip: whip.Config{Beat: 1500 * time.Millisecond, WriteWithin: 500 * time.Millisecond}})
	viewer := s.newCaller(t).view("/whep/yard")
	secure := httptest.NewUnstartedServer(s.handler)
	secure.EnableHTTP2 = true
	secure.StartTLS()
	t.Cleanup(secure.Close)
	events := (&server{url: secure.URL}).listenBy(t, secure.Client(), viewer.location+"/events")
	await.Until(t, "two heart-beats, or the end", func() bool {
		events.mu.Lock()
		defer events.mu.Unlock()
		return events.beats >= 2 || events.over()
	})
	if events.over() {
		t.Error("the stream was cut off")
	}
}

// TestManyListeners: a fifth stream of a session ends the oldest one.
func TestManyListeners(t *testing.T) {
	s := serve(t, setup{})
	viewer := s.newCaller(t).view("/whep/yard")
	var all []*listener
	for range 5 {
		l := s.listen(t, viewer.location)
		await.Until(t, "it is told something", func() bool { return l.last("participants") != "" })
		all = append(all, l)
	}
	await.Until(t, "the first is over", all[0].over)
	for _, l := range all[1:] {
		if l.over() {
			t.Error("another one is over too")
		}
	}
}

// TestSubscribing (WHEP draft): POST returns the address from which to GET the wanted events, without headers.
func TestSubscribing(t *testing.T) {
	s := serve(t, setup{auth: authtest.Config()})
	viewer := s.newCaller(t, bearer(t, "", auth.View)...).view("/whep/yard")
	subscribe := func(body string, header ...string) *listener {
		a := viewer.ask(http.MethodPost, viewer.location+"/events", body, header...)
		at := a.header.Get("Location")
		if a.status != http.StatusCreated || !strings.HasPrefix(at, viewer.location+"/events") {
			t.Fatalf("%q: %d, %v, %s; want 201 and where the events are", body, a.status, a.header, a.body)
		}
		return s.listenBy(t, http.DefaultClient, at)
	}
	const kind = "application/json"
	all := map[string]*listener{
		"[end layout participants rendition]": subscribe(""),
		"[end participants]":                  subscribe(`["viewercount","participants","end"]`, "Content-Type", kind),
		"[rendition]":                         subscribe(`["rendition"]`, "Content-Type", kind+"; charset=utf-8"),
		"[]":                                  subscribe(`["active","inactive","layers","viewercount"]`, "Content-Type", kind),
	}
	await.Until(t, "everything is heard", func() bool {
		l := all["[end layout participants rendition]"]
		return l.last("layout") != "" && l.last("participants") != "" && l.last("rendition") != "" && all["[rendition]"].last("rendition") != ""
	})
	viewer.end()
	for want, l := range all {
		await.Until(t, "the end", l.over)
		if got := fmt.Sprint(slices.Compact(slices.Sorted(slices.Values(l.kinds)))); got != want {
			t.Errorf("heard %s; want %s", got, want)
		}
	}
}
