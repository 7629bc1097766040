package stomp

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"azulejo/signal/peer"
	"azulejo/signal/room"
	"azulejo/signal/signaltest/await"
)

func TestVersionsAreAgreed(t *testing.T) {
	s := serve(t, setup{webrtc: peer.Config{ICEServers: []peer.ICEServer{{URLs: []string{"stun:192.0.2.1"}}}}})
	for accept, want := range map[string]version{"": v10, "1.0": v10, "1.1,1.0": v11, "1.0,1.1,1.2": v12, "2.1, 1.1": v11} {
		for _, command := range []string{"CONNECT", "STOMP"} {
			x := s.raw(t)
			h := headers{{"host", "x"}}
			if accept != "" {
				h = append(h, header{"accept-version", accept})
			}
			x.say(command, "", h...)
			f := x.hear("CONNECTED")
			if got := f.headers.get("version"); got != string(want) || f.headers.get("session") == "" {
				t.Errorf("%q: CONNECTED is %v; want version %s", accept, f, want)
			}
			if beat, told := f.headers.find("heart-beat"); told != (want != v10) || told && beat != "10000,10000" {
				t.Errorf("%s: heart-beat is %q; want ours, since 1.1", want, beat)
			}
			if got := f.headers.get("ice-servers"); got != `[{"urls":["stun:192.0.2.1"]}]` {
				t.Errorf("%s: ice-servers are %q", want, got)
			}
		}
	}
	x := s.raw(t)
	x.say("CONNECT", "", header{"accept-version", "3.0"})
	if f := x.refused(codeUnsupported, "3.0", "1.0, 1.1, 1.2"); f.headers.get("version") != "1.0,1.1,1.2" {
		t.Errorf("the ERROR is %v; want it to have the versions that there are", f)
	}
}

// TestReceipts: every frame but CONNECT gets a RECEIPT if it asks for one, after the frame was handled.
func TestReceipts(t *testing.T) {
	s := serve(t, setup{})
	x := s.raw(t)
	x.connect()
	for i, f := range []frame{
		{"SUBSCRIBE", headers{{"id", "0"}, {"destination", "/topic/send/key"}}, ""},
		{"SUBSCRIBE", headers{{"id", "1"}, {"destination", "/topic/something/else"}, {"ack", "client"}}, ""},
		{"SEND", headers{{"destination", "/app/something/else"}}, "x"},
		{"ACK", headers{{"id", "1"}}, ""},
		{"NACK", headers{{"id", "1"}}, ""},
		{"UNSUBSCRIBE", headers{{"id", "1"}}, ""},
		{"UNSUBSCRIBE", headers{{"id", "nobody's"}}, ""},
		{"DISCONNECT", nil, ""},
	} {
		id := fmt.Sprint("r:", i)
		x.say(f.command, f.body, append(f.headers, header{"receipt", id})...)
		if got := x.hear("RECEIPT").headers.get("receipt-id"); got != id {
			t.Errorf("%s has the receipt %q; want %q", f.command, got, id)
		}
	}
	if _, err := x.next(await.Patience); err == nil || !strings.Contains(err.Error(), "1000") {
		t.Errorf("after DISCONNECT came %v; want a normal end", err)
	}
}

// TestAcknowledgements have no effect, but 1.2 wants them to be possible.
func TestAcknowledgements(t *testing.T) {
	s := serve(t, setup{rooms: meshes("pair")})
	for _, v := range []version{v11, v12} {
		for mode, acks := range map[string]bool{"": false, "auto": false, "client": true, "client-individual": true} {
			x := s.raw(t)
			x.version = v
			x.say("CONNECT", "", header{"accept-version", string(v)})
			x.hear("CONNECTED")
			h := headers{{"id", "mine"}, {"destination", "/topic/peer/offer/k/pair"}}
			if mode != "" {
				h = append(h, header{"ack", mode})
			}
			x.say("SUBSCRIBE", "", h...)
			x.say("SEND", "{}", header{"destination", "/app/peer/offer/k/pair"})
			f := x.hearFrom("/topic/peer/offer/k/pair")
			if got := f.headers.get("ack"); (got != "") != (acks && v == v12) {
				t.Errorf("%s, ack:%s: the message has ack %q", v, mode, got)
			}
			x.say("ACK", "", header{"id", f.headers.get("ack")}, header{"message-id", f.headers.get("message-id")}, header{"subscription", "mine"})
			x.silent()
		}
	}
}

// TestPartsOfFrames: a frame may be split over several messages. stompjs splits large frames into parts of 16 KiB.
func TestPartsOfFrames(t *testing.T) {
	s := serve(t, setup{rooms: meshes("pair")})
	a, b := s.sockJS(t), s.enters(t, "b", "pair")
	inParts := func(text string, size int) {
		t.Helper()
		for part := range slices.Chunk([]byte(text), size) {
			if err := a.send(string(part)); err != nil {
				t.Fatal(err)
			}
		}
	}
	inParts("CONNECT\naccept-version:1.1\n\n\x00", 10)
	a.hear("CONNECTED")
	a.version = v11
	a.subscribeAs("a", "pair")
	body := `{"key":"a","body":{"type":"offer","sdp":"` + strings.Repeat("0123456789", 4000) + `"}}`
	inParts(frame{"SEND", headers{{"destination", "/app/peer/offer/b/pair"}}, body}.encode(v11), 16<<10)
	if f := b.hearFrom("/topic/peer/offer/b/pair"); f.body != body {
		t.Errorf("%d bytes came; want the %d that were sent", len(f.body), len(body))
	}
	inParts(frame{"ACK", headers{{"id", "1"}, {"receipt", "r"}}, ""}.encode(v11), 1)
	a.hear("RECEIPT")
}

// TestMistakesAreNamed: each mistake ends its session with a reason.
func TestMistakesAreNamed(t *testing.T) {
	s := serve(t, setup{})
	sub := func(id, d string) frame { return frame{"SUBSCRIBE", headers{{"id", id}, {"destination", d}}, ""} }
	send := func(d, body string) frame { return frame{"SEND", headers{{"destination", d}}, body} }
	mine := sub("0", "/topic/peer/answer/k/yard")
	for name, c := range map[string]struct {
		frames []frame
		code   string
		word   string
	}{
		"no destination":         {[]frame{send("", "")}, codeBadFrame, "/app/"},
		"an odd destination":     {[]frame{send("/queue/a", "")}, codeBadFrame, "/queue/a"},
		"an odd subscription":    {[]frame{sub("1", "/queue/a")}, codeBadFrame, "/queue/a"},
		"no id":                  {[]frame{{"SUBSCRIBE", headers{{"destination", "/topic/call/key"}}, ""}}, codeBadFrame, "id"},
		"an id twice":            {[]frame{mine, sub("0", "/topic/call/key")}, codeBadFrame, "another subscription"},
		"an odd ack":             {[]frame{{"SUBSCRIBE", headers{{"id", "0"}, {"destination", "/topic/call/key"}, {"ack", "me"}}, ""}}, codeBadFrame, "auto"},
		"an unknown command":     {[]frame{{"HELLO", nil, ""}}, codeBadFrame, "HELLO"},
		"CONNECT twice":          {[]frame{{"CONNECT", headers{{"accept-version", "1.2"}}, ""}}, codeUnexpected, "once"},
		"a transaction":          {[]frame{{"BEGIN", headers{{"transaction", "t"}}, ""}}, codeUnsupported, "BEGIN"},
		"a SEND in one":          {[]frame{{"SEND", headers{{"destination", "/app/call/key"}, {"transaction", "t"}}, ""}}, codeUnsupported, "transaction"},
		"an offer from nobody":   {[]frame{send("/app/peer/offer/x/yard", "{}")}, codeUnexpected, "subscription"},
		"an offer elsewhere":     {[]frame{mine, send("/app/peer/offer/MIX/garden", "{}")}, codeUnexpected, "call/key"},
		"another room":           {[]frame{mine, sub("1", "/topic/peer/answer/k/garden")}, codeUnexpected, "one room"},
		"a bad name of a room":   {[]frame{sub("1", "/topic/peer/answer/k/a b")}, room.CodeBadRoom, "a b"},
		"too many subscriptions": {manySubscriptions(), codeTooMany, "64"},
		"a long subscription":    {[]frame{sub("1", "/topic/"+strings.Repeat("x", maxSubscription))}, codeTooLarge, "1024"},
		"no JSON":                {[]frame{mine, send("/app/peer/offer/MIX/yard", "hello")}, codeBadMessage, "JSON"},
		"no description":         {[]frame{mine, send("/app/peer/offer/MIX/yard", `{"key":"k","body":{"type":"answer"}}`)}, codeBadMessage, "answer"},
		"another's key":          {[]frame{mine, send("/app/peer/offer/MIX/yard", asJSON(descriptionMessage{Key: "x", Body: description{"offer", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"}}))}, codeBadMessage, `"x"`},
		"no SDP":                 {[]frame{mine, send("/app/peer/offer/MIX/yard", `{"key":"k","body":{"type":"offer","sdp":"hello"}}`)}, peer.CodeBadSDP, "SDP"},
		"a poor SDP":             {[]frame{mine, send("/app/peer/offer/MIX/yard", asJSON(descriptionMessage{Key: "k", Body: description{"offer", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"}}))}, peer.CodeBadSDP, "no video"},
	} {
		x := s.raw(t)
		x.connect()
		for _, f := range c.frames {
			for i := range f.headers {
				f.headers[i].value = strings.Replace(f.headers[i].value, "MIX", s.handler.mixerKey("yard"), 1)
			}
			x.say(f.command, f.body, append(f.headers, header{"receipt", "last"})...)
		}
		for range c.frames[1:] {
			x.hear("RECEIPT")
		}
		if f := x.refused(c.code, c.word); f.headers.get("receipt-id") != "last" && f.command != "CONNECT" && name != "CONNECT twice" {
			t.Errorf("%s: the ERROR names receipt %q", name, f.headers.get("receipt-id"))
		}
	}
	x := s.raw(t)
	x.say("SEND", "", header{"destination", "/app/call/key"})
	x.refused(codeUnexpected, "CONNECT first")
	x = s.raw(t)
	x.say("CONNECT", "", header{"heart-beat", "often"})
	x.refused(codeBadFrame, "often", "milliseconds")
}

func manySubscriptions() []frame {
	var all []frame
	for i := range maxSubscriptions + 1 {
		all = append(all, frame{"SUBSCRIBE", headers{{"id", fmt.Sprint(i)}, {"destination", "/topic/call/key"}}, ""})
	}
	return all
}

// TestHeartBeats: the server sends heart-beats; a session lives with those of the client, and ends without them.
func TestHeartBeats(t *testing.T) {
	s := serve(t, setup{stomp: Config{Beat: 500 * time.Millisecond}})
	x, silent := s.sockJS(t), s.sockJS(t)
	for _, one := range []*stranger{x, silent} {
		one.say("CONNECT", "", header{"accept-version", "1.1"}, header{"heart-beat", "100,100"})
		if got := one.hear("CONNECTED").headers.get("heart-beat"); got != "500,500" {
			t.Errorf("our heart-beat is %q", got)
		}
	}
	begin := time.Now()
	for ended := false; !ended; {
		if err := x.send("\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := x.next(100 * time.Millisecond); !errors.Is(err, errTimeout) {
			t.Fatalf("the one with heart-beats ended: %v", err)
		}
		_, err := silent.next(time.Millisecond)
		if ended = !errors.Is(err, errTimeout); !ended && time.Since(begin) > await.Patience {
			t.Fatalf("the silent one lives after %v", time.Since(begin))
		}
	}
	if took := time.Since(begin); took < time.Second {
		t.Errorf("the silent one ended after %v; want it to miss two heart-beats", took)
	}
	if x.beats < 2 {
		t.Errorf("%d heart-beats came in %v", x.beats, time.Since(begin))
	}
}

// TestSessionsMustJoin: a session that stays in no room ends with the reason.
func TestSessionsMustJoin(t *testing.T) {
	s := serve(t, setup{stomp: Config{JoinWithin: 300 * time.Millisecond}})
	idle, roomless, mute, guest := s.raw(t), s.raw(t), s.raw(t), s.raw(t)
	mute.connect() // it neither offers nor subscribes to offers
	mute.say("SUBSCRIBE", "", header{"id", "0"}, header{"destination", "/topic/peer/answer/m/yard"})
	guest.connect()
	guest.subscribeAs("g", "yard")
	roomless.connect()
	idle.refused(codeNotJoined, "CONNECT")
	roomless.refused(codeNotJoined, "/topic/peer/offer")
	mute.refused(codeNotJoined, "/topic/peer/offer")
	guest.silentBut("/topic/peer")
}

// silentBut is silent, but allows messages of some destinations.
func (x *stranger) silentBut(prefix string) {
	x.t.Helper()
	x.say("ACK", "", header{"id", "1"}, header{"receipt", "silent"})
	for {
		f, err := x.next(await.Patience)
		if err != nil || f.command == "RECEIPT" {
			if err != nil {
				x.t.Error(err)
			}
			return
		}
		if !strings.HasPrefix(f.headers.get("destination"), prefix) {
			x.t.Errorf("heard %v", f)
		}
	}
}

// TestClosing: clients of each transport get the reason.
func TestClosing(t *testing.T) {
	s := serve(t, setup{stomp: Config{Absent: 2 * time.Second}})
	all := []*stranger{s.raw(t), s.sockJS(t), s.poll(t)}
	for _, x := range all {
		x.connect()
	}
	if err := s.handler.Close(); err != nil {
		t.Fatal(err)
	}
	for _, x := range append(all, s.raw(t), s.poll(t)) { // the last two are late
		x.refused(room.CodeClosing, "closing")
	}
}

// TestFirstVersion: clients of 1.0 may subscribe without ids, and unsubscribe by destination.
func TestFirstVersion(t *testing.T) {
	s := serve(t, setup{})
	x := s.raw(t)
	x.version = v10
	x.say("CONNECT", "", header{"login", "me"}, header{"passcode", "you"})
	x.hear("CONNECTED")
	for _, d := range topicsOf("k", "yard") {
		x.say("SUBSCRIBE", "", header{"destination", d})
	}
	x.say("SEND", "", header{"destination", "/app/call/key"})
	f := x.hearFrom("/topic/send/key")
	if id, there := f.headers.find("subscription"); there {
		t.Errorf("the subscription is called %q", id)
	}
	x.say("UNSUBSCRIBE", "", header{"destination", "/topic/send/key"})
	x.say("SEND", "", header{"destination", "/app/call/key"})
	x.silentBut("/topic/peer/")
}
