package stomp

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"azulejo/signal/auth"
	"azulejo/signal/auth/authtest"
	"azulejo/signal/peer"
	"azulejo/signal/room"
	"azulejo/signal/signaltest/await"
)

// TestTokens: clients with insufficient tokens of each kind are refused, and the client in the room is not disturbed.
func TestTokens(t *testing.T) {
	s := serve(t, setup{auth: authtest.Config(), rooms: meshes("pair")})
	red := colours()[0]
	good := s.sockJS(t)
	good.connect(header{"token", authtest.Named(t, "yard", "Ana", auth.View, auth.Publish)})
	c, _ := newCaller(t, &red)
	good.joins(c, "a", "yard")
	await.Until(t, "the good one sees itself", func() bool { return c.shows(red) })

	for in, grants := range map[string][]auth.Grant{"yard": {auth.View}, "pair": {auth.View, auth.Publish}} {
		for _, bad := range authtest.BadTokens(t, in, grants...) {
			x := s.sockJS(t)
			x.say("CONNECT", "", header{"accept-version", "1.2"}, header{"token", bad.Token})
			if bad.Code == auth.CodeForbidden { // a valid token, which the subscription needs more than
				x.hear("CONNECTED")
				x.say("SUBSCRIBE", "", header{"id", "0"}, header{"destination", "/topic/peer/offer/k/" + in})
			}
			if x.refused(bad.Code, bad.Word); t.Failed() {
				t.Fatalf("%s, with %s", in, bad.Name)
			}
		}
	}
	for code, h := range map[string]headers{
		"publish": {{"token", authtest.Token(t, "yard", auth.View)}},
		"Bea":     {{"token", authtest.Named(t, "yard", "Bea", auth.View, auth.Publish)}, {"login", "Ana"}},
	} {
		x := s.raw(t)
		x.connect(h...)
		x.subscribeAs("k", "yard")
		mixer := x.call()
		sender, _ := newCaller(t, &red)
		offer := descriptionMessage{Key: "k", Body: description{"offer", sender.offer(nil)}}
		x.say("SEND", asJSON(offer), header{"destination", "/app/peer/offer/" + mixer + "/yard"})
		x.refused(auth.CodeForbidden, code)
	}
	if got := s.people("yard"); got != "Ana" {
		t.Errorf("in the room are %q", got)
	}
	good.silentBut("/topic/peer/iceCandidate/")
}

// TestRelaysAreForMedia: a client that may neither view nor publish gets no TURN credentials; every other client gets its
// own.
func TestRelaysAreForMedia(t *testing.T) {
	const urls = "turn:192.0.2.1:3478"
	relays := func(user string) []peer.ICEServer {
		return []peer.ICEServer{{URLs: []string{urls}, Username: "for " + user, Credential: "secret of " + user}}
	}
	s := serve(t, setup{auth: authtest.Config(), webrtc: peer.Config{Relays: relays}, stomp: Config{CallAfter: 50 * time.Millisecond}})
	seen := map[string]bool{}
	for i, grants := range [][]auth.Grant{{auth.View}, {auth.View, auth.Publish}, {auth.Publish}, {auth.Admin}, {auth.Footage}} {
		x := s.sockJS(t)
		f := x.connect(header{"token", authtest.Token(t, "yard", grants...)})
		text, given := f.headers.find("ice-servers")
		if grants[0] == auth.Footage {
			if given {
				t.Errorf("for footage alone there are %s", text)
			}
			continue
		}
		var servers []peer.ICEServer
		if err := json.Unmarshal([]byte(text), &servers); err != nil || len(servers) != 1 || servers[0].URLs[0] != urls ||
			seen[servers[0].Username] || servers[0].Credential != "secret of "+strings.TrimPrefix(servers[0].Username, "for ") {
			t.Fatalf("with %v the servers are %s (%v); want credentials of its own", grants, text, err)
		}
		seen[servers[0].Username] = true
		if grants[0] != auth.View {
			continue
		}
		key := fmt.Sprint("k", i)
		x.subscribeAs(key, "yard")
		if offer := x.hearFrom("/topic/peer/offer/" + key + "/yard").body; !strings.Contains(offer, asJSON(servers)) {
			t.Errorf("the offer is %s; want the same servers with it", offer)
		}
	}
}

// TestKeysOfOthers: a client of a mesh cannot use the key of a client whose token has another name.
func TestKeysOfOthers(t *testing.T) {
	s := serve(t, setup{auth: authtest.Config(), rooms: meshes("pair")})
	enter := func(name string) *stranger {
		x := s.raw(t)
		x.connect(header{"token", authtest.Named(t, "pair", name, auth.View, auth.Publish)})
		x.say("SUBSCRIBE", "", header{"id", "0"}, header{"destination", "/topic/peer/offer/k/pair"})
		return x
	}
	ana := enter("Ana")
	ana.silent()
	for _, name := range []string{"Bea", ""} {
		enter(name).refused(auth.CodeForbidden, `"k"`)
	}
	ana.silent()
	again := enter("Ana")
	again.silent()
	ana.refused(room.CodeReplaced)
	again.silent()
}

// TestTokenInTheAddress: a viewer may have its token in the query of the address.
func TestTokenInTheAddress(t *testing.T) {
	s := serve(t, setup{auth: authtest.Config()})
	x := s.rawAt(t, "?token="+authtest.Token(t, auth.AllRooms, auth.View))
	x.connect()
	c, _ := newCaller(t, nil)
	for _, kind := range []string{"video", "audio"} {
		c.receive(kind)
	}
	x.joins(c, "k", "yard")
	await.Until(t, "the viewer gets pictures", func() bool { _, size := c.tv.Shown(); return size.W == width })
	if info, err := s.registry.Info("yard"); err != nil || info.Viewers != 1 || len(info.Participants) != 0 {
		t.Errorf("the room is %+v (%v); want one viewer", info, err)
	}
	x.say("CONNECT", "")
	x.untilRefused(codeUnexpected)
	await.Until(t, "a viewer keeps no place", func() bool {
		_, err := s.registry.Info("yard")
		return err != nil
	})
}

// TestRates: joins and failures of one address are limited.
func TestRates(t *testing.T) {
	s := serve(t, setup{auth: auth.Config{JoinsPerMinute: 2}, rooms: meshes("pair")})
	s.enters(t, "a", "pair")
	s.enters(t, "b", "pair")
	x := s.raw(t)
	x.connect()
	x.say("SUBSCRIBE", "", header{"id", "0"}, header{"destination", "/topic/peer/offer/c/pair"})
	x.refused(auth.CodeTooMany, "joins", "2 a minute")

	s = serve(t, setup{auth: auth.Config{Mode: auth.ModeToken, Secret: authtest.Secret, FailuresPerMinute: 2}})
	for _, want := range []string{auth.CodeUnauthorized, auth.CodeUnauthorized, auth.CodeTooMany} {
		x := s.poll(t)
		x.say("CONNECT", "", header{"accept-version", "1.2"}, header{"token", "guess"})
		x.refused(want)
	}
}
