package whip_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/mixertest"
	"azulejo/signal/auth"
	"azulejo/signal/auth/authtest"
	"azulejo/signal/peer"
	"azulejo/signal/room"
	"azulejo/signal/signaltest/await"
	"azulejo/signal/whip"
)

var green = mixertest.Video{Codec: mixer.H264, Width: 320, Height: 180, FPS: pictureRate, Colour: codec.RGB(40, 180, 60), Moves: true}

// TestComingBack: a publisher of the same name takes over the place at once, although the old session still lives.
func TestComingBack(t *testing.T) {
	s := serve(t, setup{})
	ghost := s.newCaller(t).publish("/whip/yard/gate", orange, 0)
	viewer := s.newCaller(t).view("/whep/yard")
	await.Until(t, "the first picture", viewer.sees(orange.Colour))
	id := s.people()[0].ID
	s.newCaller(t).publish("/whip/yard/gate", green, 0)
	await.Until(t, "the second picture, alone", viewer.sees(green.Colour))
	if who := s.people(); len(who) != 1 || who[0].ID != id {
		t.Errorf("the room has %+v; want one, with the id %s", who, id)
	}
	await.Until(t, "the session that was replaced is over", func() bool { return s.engine.Stats().Peers == 2 })
	if a := ghost.ask(http.MethodDelete, ghost.location, ""); a.status != http.StatusNotFound {
		t.Errorf("DELETE of the session that was replaced: %d; want 404", a.status)
	}
	if s.names() != "gate" {
		t.Errorf("the room has %q; want gate", s.names())
	}
}

// TestPlaces: with tokens, a publisher takes over the place of a name only with the same right to it.
func TestPlaces(t *testing.T) {
	s := serve(t, setup{auth: authtest.Config()})
	publish := func(name string, token []string) *caller {
		return s.newCaller(t, token...).publish("/whip/yard/"+name, orange, 0)
	}
	mine, other := bearer(t, "", auth.Publish), bearer(t, "", auth.Publish, auth.View)
	first := publish("gate", mine)
	publish("gate", other) // a token for any name
	await.Until(t, "a stranger stands beside it", func() bool { return s.names() == "gate gate" })
	goOnUp(t, s, first)
	publish("gate", mine)
	await.Until(t, "the same token takes its place", func() bool { return s.names() == "gate gate" && s.engine.Stats().Peers == 2 })

	publish("door", bearer(t, "door", auth.Publish))
	publish("door", bearer(t, "door", auth.Publish, auth.View))
	await.Until(t, "another token for the name takes its place", func() bool { return s.names() == "gate gate door" && s.engine.Stats().Peers == 3 })
	publish("door", other)
	await.Until(t, "one for any name does not", func() bool { return s.names() == "gate gate door door" })
}

// goOnUp waits for new frames of the publishers, and checks that a publisher's session answers.
func goOnUp(t *testing.T, s *server, c *caller) {
	t.Helper()
	up := s.engine.Stats().UpUnits
	await.Until(t, "pictures go on", func() bool { return s.engine.Stats().UpUnits > up+2*pictureRate })
	if a := c.patch("*", "a=end-of-candidates\r\n"); a.status != http.StatusNoContent {
		t.Errorf("PATCH of a session that should live: %d %s", a.status, a.body)
	}
}

// TestLostAndLeft: a connection that breaks keeps its place for a while; a client that closes its connection leaves.
func TestLostAndLeft(t *testing.T) {
	s := serve(t, setup{webrtc: peer.Config{UDP: "127.0.0.1:0", Timeout: 3 * time.Second}})
	left := s.newCaller(t).publish("/whip/yard/left", orange, 0)
	lost := s.newCaller(t)
	lost.video = lost.sends("video/H264")
	a := lost.ask(http.MethodPost, "/whip/yard/lost", lost.offer(), "Content-Type", sdpType) // it never connects
	if a.status != http.StatusCreated {
		t.Fatalf("%d %s", a.status, a.body)
	}
	await.Until(t, "one is away", func() bool { return s.names() == "left lost!" })
	if err := left.pc.GracefulClose(); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "the other has left", func() bool { return s.names() == "lost!" && s.engine.Stats().Peers == 0 })
	if gone := s.ask(t, http.MethodDelete, a.header.Get("Location"), ""); gone.status != http.StatusNotFound {
		t.Errorf("DELETE of a lost session: %d; want 404", gone.status)
	}
}

// TestNeverConnected: a session without a connection ends in bounded time.
func TestNeverConnected(t *testing.T) {
	s := serve(t, setup{webrtc: peer.Config{UDP: "127.0.0.1:0", Timeout: time.Minute}, whip: whip.Config{ConnectWithin: 500 * time.Millisecond}})
	c := s.newCaller(t)
	c.receives(1)
	a := s.ask(t, http.MethodPost, "/whep/yard", c.offer(), "Content-Type", sdpType)
	events := s.listen(t, a.header.Get("Location"))
	await.Until(t, "it ends", func() bool { return strings.Contains(events.last("end"), `"code":"not_connected"`) })
	await.Until(t, "no peer is left", func() bool { return s.engine.Stats().Peers == 0 })
}

// TestLayers: the answer takes all layers of an offer with three, and an offer with four is refused.
func TestLayers(t *testing.T) {
	s := serve(t, setup{})
	c := s.newCaller(t)
	c.video = c.sends("video/VP8")
	offer := c.offer() + "a=rid:f send\r\na=rid:h send\r\na=rid:q send\r\na=simulcast:send f;h;q\r\n"
	a := s.ask(t, http.MethodPost, "/whip/yard/gate", offer, "Content-Type", sdpType)
	if a.status != http.StatusCreated || !strings.Contains(a.body, "a=simulcast:recv f;h;q") {
		t.Fatalf("%d %s; want an answer with three layers", a.status, a.body)
	}
	four := offer + "a=rid:x send\r\n"
	if a := s.ask(t, http.MethodPost, "/whip/yard/gate", four, "Content-Type", sdpType); a.status != http.StatusUnprocessableEntity {
		t.Errorf("four layers: %d %s; want 422", a.status, a.body)
	}
}

// TestClosing: Close ends all sessions, and later requests are refused.
func TestClosing(t *testing.T) {
	s := serve(t, setup{rooms: map[string]room.Settings{"yard": {}}})
	publisher := s.newCaller(t).publish("/whip/yard/gate", orange, 0)
	viewer := s.newCaller(t).view("/whep/yard")
	await.Until(t, "the colour arrives", viewer.sees(orange.Colour))
	events := s.listen(t, viewer.location)
	await.Until(t, "events come", func() bool { return events.last("layout") != "" })
	s.handler.EndEvents()
	await.Until(t, "events end", func() bool { return strings.Contains(events.last("end"), `"code":"closing"`) && events.over() })
	goOn(t, s, viewer)
	if err := s.handler.Close(); err != nil {
		t.Error(err)
	}
	if n := s.engine.Stats().Peers; n != 0 {
		t.Errorf("%d peers after Close; want none", n)
	}
	a := s.ask(t, http.MethodPost, "/whip/yard/gate", publisher.pc.LocalDescription().SDP, "Content-Type", sdpType)
	if code, _ := a.problem(t); a.status != http.StatusServiceUnavailable || code != room.CodeClosing {
		t.Errorf("POST after Close: %d %s; want 503", a.status, a.body)
	}
}
