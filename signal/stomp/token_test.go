package stomp

import (
	"testing"
	"time"

	"azulejo/signal/auth"
)

const (
	secret  auth.Secret = "0123456789abcdef0123456789abcdef"
	another auth.Secret = "fedcba9876543210fedcba9876543210"
)

func token(t *testing.T, s auth.Secret, room, name string, ttl time.Duration, grants ...auth.Grant) string {
	t.Helper()
	text, err := auth.Mint(s, auth.Pass{Room: room, Name: name, Grants: grants, Expires: time.Now().Add(ttl)})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestTokens: two clients, one room, one with a token that is no good, in every way that one can be no good.
func TestTokens(t *testing.T) {
	s := serve(t, setup{auth: auth.Config{Mode: auth.ModeToken, Secret: secret}, rooms: meshes("pair")})
	red := colours()[0]
	good := s.sockJS(t)
	good.connect(header{"token", token(t, secret, "yard", "Ana", time.Hour, auth.View, auth.Publish)})
	c, _ := newCaller(t, &red)
	good.joins(c, "a", "yard")
	await(t, "the good one sees itself", func() bool { return c.tv.shows(red) })

	// No good for anything: refused at the door.
	for name, h := range map[string]headers{
		"none":         nil,
		"nonsense":     {{"token", "nonsense"}},
		"wrong secret": {{"token", token(t, another, "yard", "", time.Hour, auth.View, auth.Publish)}},
		"expired":      {{"token", token(t, secret, "yard", "", -time.Hour, auth.View, auth.Publish)}},
	} {
		x := s.sockJS(t)
		x.say("CONNECT", "", append(headers{{"accept-version", "1.2"}}, h...)...)
		if f := x.refused(auth.CodeUnauthorized, "token"); t.Failed() {
			t.Fatalf("%s: %v", name, f)
		}
	}
	// Good for something else: refused where that is wanted.
	x := s.raw(t)
	x.connect(header{"token", token(t, secret, "garden", "", time.Hour, auth.View, auth.Publish)})
	x.say("SUBSCRIBE", "", header{"id", "0"}, header{"destination", "/topic/peer/offer/k/yard"})
	x.refused(auth.CodeForbidden, "another room")

	x = s.raw(t)
	x.connect(header{"token", token(t, secret, "pair", "", time.Hour, auth.View)})
	x.say("SUBSCRIBE", "", header{"id", "0"}, header{"destination", "/topic/peer/offer/k/pair"})
	x.refused(auth.CodeForbidden, "publish")

	for code, h := range map[string]headers{
		"publish": {{"token", token(t, secret, "yard", "", time.Hour, auth.View)}},
		"Bea":     {{"token", token(t, secret, "yard", "Bea", time.Hour, auth.View, auth.Publish)}, {"login", "Ana"}},
	} {
		x = s.raw(t)
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

// TestTokenInTheAddress is for clients whose address is all that can be changed, and who only view.
func TestTokenInTheAddress(t *testing.T) {
	s := serve(t, setup{auth: auth.Config{Mode: auth.ModeToken, Secret: secret}})
	x := s.rawAt(t, "?token="+token(t, secret, "*", "", time.Hour, auth.View))
	x.connect()
	c, _ := newCaller(t, nil)
	for _, kind := range []string{"video", "audio"} {
		c.receive(kind)
	}
	x.joins(c, "k", "yard")
	await(t, "the viewer gets pictures", func() bool { return c.tv.shows() })
	if info, err := s.house.Info("yard"); err != nil || info.Viewers != 1 || len(info.Participants) != 0 {
		t.Errorf("the room is %+v (%v); want one viewer", info, err)
	}
	x.say("CONNECT", "")
	x.untilRefused(codeUnexpected)
	await(t, "a viewer keeps no place", func() bool {
		_, err := s.house.Info("yard")
		return err != nil
	})
}
