package stomp

import (
	"fmt"
	"strings"
	"testing"

	"azulejo/signal/signaltest/await"
)

// TestFlutterClients sends the frames of stomp_dart_client: three clients in a room receive one mix of all three, and get
// messages of the server only.
func TestFlutterClients(t *testing.T) {
	s := serve(t, setup{})
	callers, all := make([]*caller, 3), make([]*stranger, 3)
	for i, colour := range colours() {
		x, key := s.sockJS(t), fmt.Sprint("key", i)
		if err := x.send("CONNECT\naccept-version:1.0,1.1,1.2\nheart-beat:5000,5000\n\n\x00"); err != nil {
			t.Fatal(err)
		}
		if f := x.hear("CONNECTED"); f.headers.get("version") != "1.2" || f.headers.get("heart-beat") != "10000,10000" {
			t.Errorf("CONNECTED is %v", f)
		}
		callers[i], _ = newCaller(t, &colour)
		all[i] = x
		x.joins(callers[i], key, "yard")
		// A waiting client of a mesh answers a call with its key; the server does not relay that.
		x.say("SEND", `"`+key+`"`, header{"destination", "/app/send/key"})
		if err := x.send("\n"); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range callers {
		await.Until(t, fmt.Sprintf("client %d sees all", i), func() bool { return c.shows(colours()...) })
		if a, b := <-c.streams, <-c.streams; a != b || a == "" {
			t.Errorf("sound and picture come in streams %q and %q; want one, which is all that Flutter's client shows", a, b)
		}
	}
	if got := s.people("yard"); got != "guest key0 guest key1 guest key2" {
		t.Errorf("in the room are %q", got)
	}
	for i, x := range all {
		x.silentBut("/topic/peer/iceCandidate/")
		x.say("DISCONNECT", "", header{"receipt", "disconnect-0"})
		if f := x.hear("RECEIPT"); f.headers.get("receipt-id") != "disconnect-0" {
			t.Errorf("client %d got %v", i, f)
		}
	}
	await.Until(t, "all have left, at once", func() bool { return s.people("yard") == "no room" })
}

// TestFlutterNeverEscapes: stomp_dart_client 2 and 3 negotiate 1.2, but over SockJS they neither write nor read escapes,
// since their SockJSParser does not pass the version to its StompParser. The test writes such frames, with a key that 1.2
// would escape.
func TestFlutterNeverEscapes(t *testing.T) {
	s := serve(t, setup{})
	x := s.sockJS(t)
	say := func(text string) {
		t.Helper()
		if err := x.send(text + "\x00"); err != nil {
			t.Fatal(err)
		}
	}
	send := func(destination, body string) {
		t.Helper()
		say(fmt.Sprintf("SEND\ndestination:%s\ncontent-length:%d\n\n%s", destination, len(body), body))
	}
	const key = "ab:12:é"
	say("CONNECT\naccept-version:1.0,1.1,1.2\nheart-beat:5000,5000\n\n")
	if f := x.hear("CONNECTED"); f.headers.get("version") != "1.2" {
		t.Errorf("CONNECTED is %v", f)
	}
	for i, d := range topicsOf(key, "yard") {
		say(fmt.Sprintf("SUBSCRIBE\ndestination:%s\nid:sub-%d\n\n", d, i))
	}
	send("/app/call/key", "{}")
	f := x.hearFrom("/topic/send/key")
	mixer := strings.Trim(f.body, `"`)
	if f.headers.get("subscription") != "sub-4" { // by which the client finds its subscription
		t.Errorf("the key came as %v", f)
	}
	green := colours()[1]
	c, _ := newCaller(t, &green)
	offer := c.offer(nil)
	found := <-c.found
	send("/app/peer/iceCandidate/"+mixer+"/yard", asJSON(candidateMessage{key, &found}))
	send("/app/peer/offer/"+mixer+"/yard", asJSON(descriptionMessage{Key: key, Body: description{"offer", offer}}))
	f = x.hearFrom("/topic/peer/answer/" + key + "/yard")
	if f.headers.get("subscription") != "sub-1" {
		t.Errorf("the answer came as %v", f)
	}
	c.accept(described(t, f, "answer", mixer))
	x.takeCandidates(c, key, "yard", mixer)
	await.Until(t, "the client sees itself", func() bool { return c.shows(green) })
	say("UNSUBSCRIBE\nid:sub-3\n\n")
	say("DISCONNECT\nreceipt:disconnect-0\n\n")
	for f.command != "RECEIPT" {
		var err error
		if f, err = x.next(await.Patience); err != nil {
			t.Fatal(err)
		}
	}
	await.Until(t, "it has left", func() bool { return s.people("yard") == "no room" })
}
