package stomp

import (
	"encoding/json"
	"image"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/engine/layout"
	"azulejo/mixer/mixertest"
	"azulejo/signal/room"
	"azulejo/signal/session"
	"azulejo/signal/signaltest/await"
	"azulejo/signal/viewing"
)

// TestLayouts: a subscriber gets the layouts, which agree with the frames; a late subscription gets the newest at once.
func TestLayouts(t *testing.T) {
	s := serve(t, setup{})
	red, green := colours()[0], colours()[1]
	x, other := s.sockJS(t), s.sockJS(t)
	x.connect(header{"name", "Ana"})
	other.connect(header{"name", "Bea"})
	c, _ := newCaller(t, &red)
	c2, _ := newCaller(t, &green)
	x.joins(c, "a", "yard")
	x.untilCandidates()
	x.say("SUBSCRIBE", "", header{"id", "layout"}, header{"destination", "/topic/layout/a/yard"})
	other.joins(c2, "b", "yard")
	last := x.untilLayout(func(l viewing.Layout) bool {
		return len(l.Tiles) == 2 && l.Tiles[0].State == mixer.Live && l.Tiles[1].State == mixer.Live
	})
	if last.View != mixer.MainView || last.Canvas != (mixer.Size{W: width, H: height}) {
		t.Errorf("the layout is %+v", last)
	}
	await.Until(t, "the picture that the layout is of", func() bool { _, came := c.times.Load(last.RTP); return came })
	await.Until(t, "the picture is as the layout says", func() bool {
		return c.showsAt(last, "Ana", red) && c.showsAt(last, "Bea", green)
	})
	other.silentBut("/topic/peer/iceCandidate/")
	other.say("SUBSCRIBE", "", header{"id", "late"}, header{"destination", "/topic/layout/b/yard"})
	other.untilLayout(func(l viewing.Layout) bool { return len(l.Tiles) == 2 })
}

// untilLayout skips other layouts and candidates.
func (x *stranger) untilLayout(ok func(viewing.Layout) bool) viewing.Layout {
	x.t.Helper()
	deadline := time.Now().Add(await.Patience)
	for {
		var l viewing.Layout
		f := x.hear("MESSAGE")
		if strings.HasPrefix(f.headers.get("destination"), "/topic/peer/iceCandidate/") {
			continue
		}
		if err := json.Unmarshal([]byte(f.body), &l); err != nil || l.Type != "layout" {
			x.t.Fatalf("heard %v (%v); want a layout", f, err)
		}
		if ok(l) {
			return l
		}
		if time.Now().After(deadline) {
			x.t.Fatalf("the layout is still %+v", l)
		}
	}
}

// showsAt tells whether the newest frame shows a source of this colour in the tile that a layout gives it.
func (c *caller) showsAt(l viewing.Layout, name string, colour codec.Colour) bool {
	for _, tile := range l.Tiles {
		if tile.Name != name {
			continue
		}
		p := still(colour)
		r := layout.Fit(p.Width, p.Height, layout.Rect{X: tile.X, Y: tile.Y, W: tile.W, H: tile.H})
		got, ok := c.tv.Mean(func(image.Rectangle) image.Rectangle {
			return image.Rect(r.X, r.Y, r.X+r.W, r.Y+r.H).Inset(min(r.W, r.H) / 8)
		})
		return ok && mixertest.Near(got, colour, 12)
	}
	return false
}

// TestOverload is sent when it changes, and to each new subscription.
func TestOverload(t *testing.T) {
	c := &client{version: v12, pump: &pump{outgoing: make(chan string, backlog)}}
	m := &mixing{c: c, id: identity{"k", "yard"}, session: session.New(session.Server{}, slog.New(slog.DiscardHandler), nil)}
	subscribe := func(id string) {
		t.Helper()
		sub := subscription{id: id, destination: "/topic/overload/k/yard", dest: m.destination(topicOverload)}
		c.subs = append(c.subs, sub)
		if err := m.catchUp(sub); err != nil {
			t.Error(err)
		}
	}
	event := func(level int) {
		t.Helper()
		if err := m.event(room.Event{Overload: level}); err != nil {
			t.Error(err)
		}
	}
	wantSent := func(want ...string) {
		t.Helper()
		var got []string
		for len(c.pump.outgoing) > 0 {
			d := decoder{version: v12}
			d.write(<-c.pump.outgoing)
			f, err := d.next()
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, f.headers.get("subscription")+" "+f.body)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	event(1) // no subscription yet
	event(0)
	subscribe("1")
	wantSent()
	event(2)
	event(2)
	wantSent(`1 {"type":"overload","level":2}`)
	subscribe("2")
	wantSent(`2 {"type":"overload","level":2}`)
	event(0)
	wantSent(`1 {"type":"overload","level":0}`, `2 {"type":"overload","level":0}`)
}
