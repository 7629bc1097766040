package stomp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"azulejo/codec"
	"azulejo/signal/peer"
	"azulejo/signal/room"
	"azulejo/signal/signaltest/await"
)

// joins makes a client offer, as browsers and Flutter do, and receive the mix. It sends its candidates before its offer, as
// Flutter does.
func (x *stranger) joins(c *caller, key, in string) (mixer string) {
	x.t.Helper()
	x.subscribeAs(key, in)
	mixer = x.call()
	x.offers(c, key, in, mixer)
	return mixer
}

func (x *stranger) offers(c *caller, key, in, mixer string) {
	x.t.Helper()
	offer := c.offer(nil)
	x.trickle(c, key, "/app/peer/iceCandidate/"+mixer+"/"+in)
	x.say("SEND", asJSON(descriptionMessage{Key: key, Body: description{"offer", offer}}), header{"destination", "/app/peer/offer/" + mixer + "/" + in})
	// hearFrom is strict: no candidate may come before the answer.
	c.accept(described(x.t, x.hearFrom("/topic/peer/answer/"+key+"/"+in), "answer", mixer))
	x.takeCandidates(c, key, in, mixer)
}

// TestWaitingClientsAreCalled: the server offers to a client that subscribes and does not offer. The client's answer decides
// what it publishes.
func TestWaitingClientsAreCalled(t *testing.T) {
	servers := []peer.ICEServer{{URLs: []string{"stun:192.0.2.1"}}}
	s := serve(t, setup{stomp: Config{CallAfter: 100 * time.Millisecond}, webrtc: peer.Config{ICEServers: servers}})
	red := colours()[0]
	for _, colour := range []*codec.Colour{&red, nil} {
		x, key := s.sockJS(t), fmt.Sprint("sends", colour != nil)
		x.connect()
		x.subscribeAs(key, "yard")
		c, _ := newCaller(t, colour)
		if offer := x.isCalled(s, c, key); !strings.Contains(offer, `"iceServers":[{"urls":["stun:192.0.2.1"]}]`) {
			t.Errorf("the offer is %s; want the ICE servers with it, for who knows the key", offer)
		}
		await.Until(t, "the one who was called sees the mix", func() bool { return c.shows(red) })
		x.silentBut("/topic/peer/iceCandidate/")
	}
	if got := s.people("yard"); got != "guest send" {
		t.Errorf("in the room publish %q; want the one who sends alone", got)
	}
}

// isCalled answers the server's offer, after its candidates, and returns it.
func (x *stranger) isCalled(s *server, c *caller, key string) string {
	x.t.Helper()
	mixer := s.handler.mixerKey("yard")
	f := x.hearFrom("/topic/peer/offer/" + key + "/yard")
	answer := c.answer(described(x.t, f, "offer", mixer))
	x.trickle(c, key, "/app/peer/iceCandidate/"+mixer+"/yard")
	x.say("SEND", asJSON(descriptionMessage{Key: key, Body: description{"answer", answer}}), header{"destination", "/app/peer/answer/" + mixer + "/yard"})
	x.takeCandidates(c, key, "yard", mixer)
	return f.body
}

// TestReconnectedClientsAreCalled: a page whose socket broke does not offer again, because it still has a peer connection
// for the server's key. The server offers, and the page gets its place back.
func TestReconnectedClientsAreCalled(t *testing.T) {
	s := serve(t, setup{stomp: Config{CallAfter: 300 * time.Millisecond}})
	red, green := colours()[0], colours()[1]
	x := s.sockJS(t)
	x.connect(header{"name", "first"})
	c, _ := newCaller(t, &red)
	x.joins(c, "a", "yard")
	other := s.sockJS(t)
	other.connect(header{"name", "second"})
	c2, _ := newCaller(t, &green)
	other.joins(c2, "b", "yard")
	await.Until(t, "both are there", func() bool { return c2.shows(red, green) })
	x.breaks()
	await.Until(t, "the first one is away", func() bool { return s.people("yard") == "(first) second" })
	x = s.sockJS(t)
	x.connect(header{"name", "first"})
	x.subscribeAs("a", "yard")
	x.call()
	again, _ := newCaller(t, &red)
	x.isCalled(s, again, "a")
	await.Until(t, "the first one has its place back", func() bool {
		return s.people("yard") == "first second" && again.shows(red, green)
	})
}

// TestLostPathsAreReplaced: a client does not react when its media path dies while its socket lives. The server offers, and
// the client gets its place back.
func TestLostPathsAreReplaced(t *testing.T) {
	s := serve(t, setup{webrtc: peer.Config{Timeout: 5 * time.Second}})
	red, blue := colours()[0], colours()[2]
	x := s.sockJS(t)
	x.connect(header{"name", "first"})
	c, cut := frailCaller(t, &red)
	x.joins(c, "a", "yard")
	await.Until(t, "the first one sees itself", func() bool { return c.shows(red) })
	other := s.sockJS(t)
	other.connect(header{"name", "second"})
	c2, _ := newCaller(t, &blue)
	other.joins(c2, "b", "yard")
	await.Until(t, "both are there", func() bool { return c.shows(red, blue) })
	x.untilCandidates()
	cut()
	again, _ := newCaller(t, &red)
	x.isCalled(s, again, "a")
	await.Until(t, "the first one has its place back", func() bool {
		return s.people("yard") == "first second" && again.shows(red, blue)
	})
}

// TestOffersCross: a client that offers while an offer of the server is under way gets the answer to its own.
func TestOffersCross(t *testing.T) {
	s := serve(t, setup{stomp: Config{CallAfter: 50 * time.Millisecond}})
	x := s.raw(t)
	x.connect()
	x.subscribeAs("k", "yard")
	offer := described(t, x.hearFrom("/topic/peer/offer/k/yard"), "offer", s.handler.mixerKey("yard"))
	x.untilCandidates()
	green := colours()[1]
	c, _ := newCaller(t, &green)
	x.offers(c, "k", "yard", s.handler.mixerKey("yard"))
	late, _ := newCaller(t, nil)
	x.say("SEND", asJSON(descriptionMessage{Key: "k", Body: description{"answer", late.answer(offer)}}), header{"destination", "/app/peer/answer/" + s.handler.mixerKey("yard") + "/yard"})
	await.Until(t, "the client sees itself", func() bool { return c.shows(green) })
	if got := s.people("yard"); got != "guest k" {
		t.Errorf("in the room are %q", got)
	}
}

// untilCandidates skips candidates until none has come for 0.5 s.
func (x *stranger) untilCandidates() {
	for {
		if _, err := x.next(500 * time.Millisecond); err != nil {
			return
		}
	}
}

// TestCallBeforeRoom: a client that sends call before it is in a room gets the answer when it is in one.
func TestCallBeforeRoom(t *testing.T) {
	s := serve(t, setup{})
	x := s.raw(t)
	x.connect()
	x.say("SUBSCRIBE", "", header{"id", "a"}, header{"destination", "/topic/peer/answer/k/yard"})
	x.say("SEND", "{}", header{"destination", "/app/call/key"})
	x.silent()
	x.say("SUBSCRIBE", "", header{"id", "b"}, header{"destination", "/topic/send/key"})
	if got := x.hearFrom("/topic/send/key").body; got != `"`+s.handler.mixerKey("yard")+`"` {
		t.Errorf("the answer to call is %s", got)
	}
	x.silent()
	early := s.raw(t)
	early.connect()
	early.say("SEND", "{}", header{"destination", "/app/call/key"})
	early.silent()
	early.subscribeAs("e", "yard")
	if got := early.hearFrom("/topic/send/key").body; got != `"`+s.handler.mixerKey("yard")+`"` {
		t.Errorf("the answer to call is %s", got)
	}
	early.silent()
	if a, b := s.handler.mixerKey("yard"), s.handler.mixerKey("garden"); a == b {
		t.Errorf("two rooms have one key %s", a)
	}
}

// TestKeysThatAreGone: messages for the server's key of before a restart are ignored. Clients send some after they
// reconnect.
func TestKeysThatAreGone(t *testing.T) {
	s := serve(t, setup{})
	green := colours()[1]
	x := s.sockJS(t)
	x.connect()
	x.subscribeAs("k", "yard")
	for _, about := range []string{"iceCandidate", "answer", "offer"} {
		x.say("SEND", `{"key":"k","body":{}}`, header{"destination", "/app/peer/" + about + "/mixofbefore/yard"})
	}
	x.silent()
	c, _ := newCaller(t, &green)
	x.offers(c, "k", "yard", x.call())
	await.Until(t, "the client sees itself", func() bool { return c.shows(green) })
}

// TestPlaces: a client whose connection ends keeps its place, a connection with its key gets the place, and a client that
// unsubscribes leaves it, all within one session.
func TestPlaces(t *testing.T) {
	s := serve(t, setup{})
	red, blue := colours()[0], colours()[2]
	x := s.sockJS(t)
	x.connect(header{"login", "Ana"})
	c, end := newCaller(t, &red)
	mixer := x.joins(c, "k", "yard")
	await.Until(t, "Ana sees herself", func() bool { return c.shows(red) })
	end()
	await.Until(t, "Ana is away", func() bool { return s.people("yard") == "(Ana)" })

	x.untilCandidates()
	c, _ = newCaller(t, &blue)
	x.offers(c, "k", "yard", mixer)
	await.Until(t, "Ana is back, in another colour", func() bool { return s.people("yard") == "Ana" && c.shows(blue) })

	x.untilCandidates()
	again, _ := newCaller(t, &red)
	x.offers(again, "k", "yard", mixer) // the connection before goes on
	await.Until(t, "the new connection has the place", func() bool { return s.people("yard") == "Ana" && again.shows(red) })

	x.untilCandidates()
	other := s.sockJS(t)
	other.connect(header{"name", "Ana"})
	third, _ := newCaller(t, &blue)
	other.joins(third, "k", "yard")
	x.refused(room.CodeReplaced)
	await.Until(t, "the other session has the place", func() bool { return s.people("yard") == "Ana" && third.shows(blue) })
	for i := range topicsOf("", "") {
		other.say("UNSUBSCRIBE", "", header{"id", fmt.Sprint("sub-", i)})
	}
	await.Until(t, "who unsubscribes leaves", func() bool { return s.people("yard") == "no room" })
	other.untilCandidates()
	other.subscribeAs("k2", "garden")
	if got := other.call(); got != s.handler.mixerKey("garden") {
		t.Errorf("in the other room is %s", got)
	}
}

// TestICERestart by an offer of the same session (o=) with new credentials.
func TestICERestart(t *testing.T) {
	s := serve(t, setup{})
	red := colours()[0]
	x := s.raw(t)
	x.connect()
	c, _ := newCaller(t, &red)
	mixer := x.joins(c, "k", "yard")
	await.Until(t, "the client sees itself", func() bool { return c.shows(red) })
	x.untilCandidates()
	offer := c.offer(&webrtc.OfferOptions{ICERestart: true})
	x.say("SEND", asJSON(descriptionMessage{Key: "k", Body: description{"offer", offer}}), header{"destination", "/app/peer/offer/" + mixer + "/yard"})
	c.accept(described(t, x.hearFrom("/topic/peer/answer/k/yard"), "answer", mixer))
	x.trickle(c, "k", "/app/peer/iceCandidate/"+mixer+"/yard")
	await.Until(t, "ICE is up again", func() bool { return c.pc.ICEConnectionState() == webrtc.ICEConnectionStateConnected })
	x.silentBut("/topic/peer/iceCandidate/")
	x.say("SEND", asJSON(descriptionMessage{Key: "k", Body: description{"offer", offer}}), header{"destination", "/app/peer/offer/" + mixer + "/yard"})
	x.untilRefused(peer.CodeSecondOffer)
}

// untilRefused waits for an ERROR and skips other frames.
func (x *stranger) untilRefused(code string) {
	x.t.Helper()
	for {
		f, err := x.next(await.Patience)
		if err != nil {
			x.t.Fatalf("waiting for %s: %v", code, err)
		}
		if f.command == "ERROR" {
			if f.headers.get("message") != code {
				x.t.Errorf("got %v; want %s", f, code)
			}
			return
		}
	}
}

// TestAudioOnly: a client without a camera is a participant.
func TestAudioOnly(t *testing.T) {
	s := serve(t, setup{})
	x := s.sockJS(t)
	x.connect()
	c, _ := newCaller(t, nil)
	c.speak()
	x.joins(c, "voice", "yard")
	<-c.streams
	info, err := s.registry.Info("yard")
	if err != nil || len(info.Participants) != 1 || info.Participants[0].Publish != (room.Media{Audio: true}) {
		t.Errorf("in the room are %+v (%v); want one who sends sound", info.Participants, err)
	}
}

// TestBadCandidates do not end a session. Long ones are not stored: 64 of them would be some megabytes.
func TestBadCandidates(t *testing.T) {
	s := serve(t, setup{})
	x := s.raw(t)
	x.connect()
	x.subscribeAs("k", "yard")
	mixer := x.call()
	longCandidate := `{"key":"k","body":{"candidate":"` + strings.Repeat("x", maxCandidate) + `"}}`
	m := &mixing{}
	for range 2 {
		if err := m.candidate(longCandidate); err != nil || len(m.early) > 0 {
			t.Errorf("%d long candidates are kept (%v)", len(m.early), err)
		}
	}
	for range maxEarly + 5 {
		if err := m.candidate(`{"key":"k","body":{"candidate":"nonsense","sdpMid":"0"}}`); err != nil {
			t.Error(err)
		}
	}
	if len(m.early) != maxEarly {
		t.Errorf("%d early candidates are kept; want %d at most", len(m.early), maxEarly)
	}
	for _, body := range []string{`{"key":"k","body":null}`, `{"key":"k"}`, `{"key":"k","body":{"candidate":"nonsense","sdpMid":"0"}}`, longCandidate} {
		for range maxEarly {
			x.say("SEND", body, header{"destination", "/app/peer/iceCandidate/" + mixer + "/yard"})
		}
	}
	red := colours()[0]
	c, _ := newCaller(t, &red)
	x.offers(c, "k", "yard", mixer)
	await.Until(t, "the client sees itself", func() bool { return c.shows(red) })
}

// TestVanishing: a client whose socket breaks leaves nothing behind, at any step, except the place of a publisher for a
// while.
func TestVanishing(t *testing.T) {
	s := serve(t, setup{stomp: Config{CallAfter: 50 * time.Millisecond}})
	red := colours()[0]
	var mixer, offer string
	steps := []func(x *stranger, c *caller){
		func(x *stranger, _ *caller) { x.connect(header{"login", "Ana"}) },
		func(x *stranger, _ *caller) { x.subscribeAs("k", "yard") },
		func(x *stranger, _ *caller) { mixer = x.call() },
		func(x *stranger, c *caller) {
			offer = asJSON(descriptionMessage{Key: "k", Body: description{"offer", c.offer(nil)}})
			x.trickle(c, "k", "/app/peer/iceCandidate/"+mixer+"/yard")
		},
		func(x *stranger, _ *caller) {
			x.say("SEND", offer, header{"destination", "/app/peer/offer/" + mixer + "/yard"})
		},
		func(x *stranger, _ *caller) { x.hearFrom("/topic/peer/answer/k/yard") },
	}
	for n := range len(steps) + 1 {
		c, end := newCaller(t, &red)
		x, vanish := s.vanishing(t)
		for _, step := range steps[:n] {
			step(x, c)
		}
		vanish()
		end()
		await.Until(t, fmt.Sprintf("nothing is left of who vanished at step %d", n), func() bool {
			left := s.people("yard")
			return s.handler.sessionsOpen() == 0 && (left == "no room" || n > 4 && left == "(Ana)")
		})
	}
}

func (h *Handler) sessionsOpen() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.open
}
