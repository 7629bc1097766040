package stomp

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"azulejo/signal/auth"
	"azulejo/signal/room"
	"azulejo/signal/signaltest/await"
)

func meshes(names ...string) map[string]room.Settings {
	all := map[string]room.Settings{}
	for _, name := range names {
		all[name] = room.Settings{Mode: room.Mesh}
	}
	return all
}

// enters makes a client of a room. When it returns, the server has handled the subscriptions.
func (s *server) enters(t *testing.T, key, in string) *stranger {
	t.Helper()
	x := s.raw(t)
	x.connect()
	x.subscribeAs(key, in)
	x.silent()
	return x
}

// TestMesh: in a mesh room the server is a STOMP broker, for each room of its own.
func TestMesh(t *testing.T) {
	s := serve(t, setup{rooms: meshes("pair", "other")})
	a, b, far := s.enters(t, "a", "pair"), s.enters(t, "b", "pair"), s.enters(t, "c", "other")
	mixed := s.enters(t, "d", "yard")
	a.say("SEND", "[object Object]", header{"destination", "/app/call/key"})
	for _, x := range []*stranger{a, b} {
		if f := x.hearFrom("/topic/call/key"); f.body != "[object Object]" || f.headers.get("content-type") != "text/plain;charset=UTF-8" || f.headers.get("subscription") != "sub-3" {
			t.Errorf("the call came as %v", f)
		}
	}
	b.say("SEND", `"b"`, header{"destination", "/app/send/key"})
	for _, x := range []*stranger{a, b} {
		if f := x.hearFrom("/topic/send/key"); f.body != `"b"` || f.headers.get("content-type") != jsonType {
			t.Errorf("the key came as %v", f)
		}
	}
	for _, kind := range []string{"offer", "answer", "iceCandidate"} {
		body := `{"key":"a","body":"` + kind + `"}`
		a.say("SEND", body, header{"destination", "/app/peer/" + kind + "/b/pair"}, header{"content-type", "text/x"})
		if f := b.hearFrom("/topic/peer/" + kind + "/b/pair"); f.body != body || f.headers.get("content-type") != "text/x" {
			t.Errorf("the %s came as %v", kind, f)
		}
	}
	for _, x := range []*stranger{a, b, far} {
		x.silent()
	}
	mixed.silentBut("/topic/peer/")
	if info, err := s.registry.Info("pair"); err != nil || info.Viewers != 2 || info.Mode != room.Mesh {
		t.Errorf("the room is %+v (%v); want two clients in a mesh", info, err)
	}
	again := s.enters(t, "a", "pair")
	a.refused(room.CodeReplaced)
	again.say("SEND", "{}", header{"destination", "/app/peer/offer/c/other"})
	again.refused(codeUnexpected, "other", "pair")
	b.say("DISCONNECT", "")
	await.Until(t, "both have left", func() bool {
		info, err := s.registry.Info("pair")
		return err == nil && info.Viewers == 0
	})
}

// flood makes new clients of a room send more to one client than its queue and the buffers of TCP hold. It returns the
// number of the senders, which go on.
func (s *server) flood(t *testing.T, to, in string) int {
	t.Helper()
	const senders = 40
	body := strings.Repeat("x", maxBody)
	for i := range senders {
		x := s.enters(t, fmt.Sprint("f", i), in)
		for range meshByteBurst / maxFrame {
			x.say("SEND", body, header{"destination", "/app/peer/offer/" + to + "/" + in})
		}
		x.silent()
	}
	return senders
}

// TestSlowClientsEnd: a client that does not read is closed; the senders and other clients of the room are not disturbed.
func TestSlowClientsEnd(t *testing.T) {
	s := serve(t, setup{rooms: meshes("pair")})
	s.deaf(t, "deaf", "pair")
	witness := s.enters(t, "w", "pair")
	floods := s.flood(t, "deaf", "pair")
	await.Until(t, "the one who does not read is out", func() bool {
		info, err := s.registry.Info("pair")
		return err == nil && info.Viewers == 1+floods
	})
	witness.silent()
}

// TestAbsentClientsEnd: a client that stops polling, and one that does not read its stream.
func TestAbsentClientsEnd(t *testing.T) {
	s := serve(t, setup{rooms: meshes("pair"), stomp: Config{Absent: 3 * time.Second, WriteWithin: 300 * time.Millisecond}})
	viewers := func(n int) func() bool {
		return func() bool {
			info, err := s.registry.Info("pair")
			return err == nil && info.Viewers == n
		}
	}
	enter := []string{frame{"CONNECT", headers{{"accept-version", "1.2"}}, ""}.encode(v12)}
	for i, d := range topicsOf("deaf", "pair") {
		enter = append(enter, frame{"SUBSCRIBE", headers{{"id", fmt.Sprint(i)}, {"destination", d}}, ""}.encode(v12))
	}
	base := s.url + "/signaling/000/absent"
	if text, err := post(t.Context(), base+"/xhr", ""); err != nil || text != "o\n" {
		t.Fatalf("%q, %v", text, err)
	}
	for _, f := range enter {
		if _, err := post(t.Context(), base+"/xhr_send", asJSON([]string{f})); err != nil {
			t.Fatal(err)
		}
	}
	await.Until(t, "the one who stays away is in", viewers(1))
	await.Until(t, "the one who stays away is out", viewers(0))

	s.deafStream(t, s.url+"/signaling/000/deaf", enter)
	await.Until(t, "the deaf one is in", viewers(1))
	floods := s.flood(t, "deaf", "pair")
	await.Until(t, "the deaf one is out", viewers(floods))
}

// TestFloods: a client that sends too fast, to all or to one, is stopped before a receiver has lost anything.
func TestFloods(t *testing.T) {
	const mine, foreign = "peer/offer/w/pair", "peer/offer/x/pair"
	for name, c := range map[string]struct {
		to    string
		size  int // of each body
		times int
		least int // messages for the witness
	}{
		"calls":      {"call/key", 2, 4 * backlog, meshBurst - 10},
		"to another": {foreign, 2, 4 * backlog, 0},
		"large ones": {mine, maxBody, 20, 0}, // more bytes than the burst
		"small ones": {mine, 2, 4 * backlog, meshBurst - 10},
	} {
		s := serve(t, setup{rooms: meshes("pair")})
		witness, x := s.enters(t, "w", "pair"), s.enters(t, "x", "pair")
		one := frame{"SEND", headers{{"destination", toServer + c.to}}, strings.Repeat("x", c.size)}.encode(v12)
		for sent := 0; sent < c.times; {
			n := min(c.times-sent, meshByteBurst/len(one))
			if x.send(strings.Repeat(one, n)) != nil {
				break
			}
			sent += n
		}
		x.untilRefused(auth.CodeTooMany)
		for range c.least {
			if f, err := witness.next(await.Patience); err != nil || f.headers.get("destination") != fromServer+c.to {
				t.Fatalf("%s: the witness heard %v (%v)", name, f, err)
			}
		}
		if c.to == foreign {
			witness.silent()
		}
		witness.silentBut(fromServer + c.to)
	}
}

// TestCallsAreShort in a mesh room, where all clients receive them.
func TestCallsAreShort(t *testing.T) {
	s := serve(t, setup{rooms: meshes("pair")})
	x := s.enters(t, "x", "pair")
	x.say("SEND", strings.Repeat("x", maxBroadcast), header{"destination", "/app/call/key"})
	x.hearFrom("/topic/call/key")
	x.say("SEND", strings.Repeat("x", maxBroadcast+1), header{"destination", "/app/send/key"})
	x.refused(codeTooLarge, "1024")
}

// TestLimits: each ends the session with a reason that arrives.
func TestLimits(t *testing.T) {
	s := serve(t, setup{})
	large := s.sockJS(t)
	large.connect()
	large.say("SEND", strings.Repeat("x", maxBody), header{"destination", "/app/call/key"}, header{"receipt", "1"})
	large.hear("RECEIPT")
	large.say("SEND", strings.Repeat("x", maxBody+1), header{"destination", "/app/call/key"})
	large.refused(codeTooLarge, "65536")

	huge := s.raw(t)
	huge.connect()
	if err := huge.send(strings.Repeat("x", 8<<20)); err != nil {
		t.Logf("cut off while it was sent: %v", err)
	}
	huge.refused(codeTooLarge, "more than")

	fast := s.raw(t)
	fast.connect()
	for range messageBurst + messageRate*20 {
		if fast.send("\n") != nil {
			break
		}
	}
	fast.refused("too_many_requests", "50 messages")

	polls := s.poll(t)
	polls.connect()
	if err := polls.send(strings.Repeat("x", maxMessage)); err == nil || !strings.Contains(err.Error(), "413") {
		t.Errorf("a body that is too large: %v; want 413", err)
	}
	polls.say("HELLO", "")
	polls.refused(codeBadFrame, "HELLO")
}

// TestTooMuchAtOnce: one message of many frames, and few of many bytes.
func TestTooMuchAtOnce(t *testing.T) {
	s := serve(t, setup{})
	const ack, framing = "ACK\n\n\x00", 8 << 10
	many := s.raw(t)
	many.connect()
	if err := many.send(strings.Repeat(ack, (maxMessage-framing)/len(ack))); err != nil {
		t.Fatal(err)
	}
	many.refused(auth.CodeTooMany, "50 messages")

	broad := s.raw(t)
	broad.connect()
	for n := range messageBurst * 4 / 5 {
		broad.say("SEND", strings.Repeat("x", maxBody), header{"destination", "/app/something/else"}, header{"receipt", "1"})
		f, err := broad.next(await.Patience)
		switch {
		case err == nil && f.command == "RECEIPT":
			continue
		case err != nil || f.headers.get("message") != auth.CodeTooMany:
			t.Errorf("after %d messages of %d bytes: %v (%v)", n, maxBody, f, err)
		}
		return
	}
	t.Errorf("%d messages of %d bytes were taken at once", messageBurst*4/5, maxBody)
}

// TestTooManySessions: a session beyond the limit gets the reason, over each transport, and the present one goes on.
func TestTooManySessions(t *testing.T) {
	s := serve(t, setup{stomp: Config{Sessions: 1}})
	first := s.sockJS(t)
	first.connect()
	for _, second := range []*stranger{s.sockJS(t), s.raw(t), s.poll(t)} {
		second.refused(codeTooMany, "too many", "1 at once")
	}
	first.silent()
}

// TestHalfOpen: connections in no room are bounded for each address.
func TestHalfOpen(t *testing.T) {
	s := serve(t, setup{rooms: meshes("pair")})
	for _, key := range []string{"a", "b"} {
		s.enters(t, key, "pair")
	}
	for range 256 {
		s.sockJS(t)
	}
	for _, x := range []*stranger{s.sockJS(t), s.poll(t)} {
		x.refused(auth.CodeTooMany, "256")
		if err := x.end(); err == nil || !strings.Contains(err.Error(), auth.CodeTooMany) {
			t.Errorf("one more ended with %v; want the reason", err)
		}
	}
}

// TestHalfInRooms: a client that only subscribed in a room that mixes counts as in no room, and so does one that has left.
func TestHalfInRooms(t *testing.T) {
	s := serve(t, setup{stomp: Config{CallAfter: time.Hour}})
	x := s.raw(t)
	x.connect()
	c, _ := newCaller(t, nil)
	c.receive("video")
	x.joins(c, "in", "yard")
	for i := range 256 {
		s.enters(t, fmt.Sprint("k", i), "yard")
	}
	s.sockJS(t).refused(auth.CodeTooMany, "256")
	for i := range topicsOf("", "") {
		unsubscribe := frame{"UNSUBSCRIBE", headers{{"id", fmt.Sprint("sub-", i)}}, ""}
		if x.send(unsubscribe.encode(x.version)) != nil {
			break // the server has refused the client already, at an earlier topic
		}
	}
	x.untilRefused(auth.CodeTooMany)
}

// TestQuietStreamsOverHTTP2: the pause between two messages may be longer than the time limit of a write. HTTP/2 ends a
// stream at its deadline even if nothing is being written.
func TestQuietStreamsOverHTTP2(t *testing.T) {
	s := serve(t, setup{stomp: Config{WriteWithin: 500 * time.Millisecond, Beat: 1500 * time.Millisecond}})
	secure := httptest.NewUnstartedServer(s.handler)
	secure.EnableHTTP2 = true
	secure.StartTLS()
	t.Cleanup(secure.Close)
	ask := func(tail, body string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, secure.URL+"/signaling/000/quiet/"+tail, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		res, err := secure.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		return res
	}
	lines := bufio.NewScanner(ask("xhr_streaming", "").Body)
	for lines.Scan() && lines.Text() != "o" {
	}
	ask("xhr_send", asJSON([]string{"CONNECT\naccept-version:1.2\nheart-beat:0,1\n\n\x00"}))
	beats := 0
	for beats < 2 && lines.Scan() {
		if lines.Text() == `a["\n"]` {
			beats++
		}
	}
	if beats < 2 {
		t.Errorf("the stream was cut off after %d heart-beats: %v", beats, lines.Err())
	}
}

// TestPollsFollowEachOther: every message ends a poll, and the next poll comes at once.
func TestPollsFollowEachOther(t *testing.T) {
	s := serve(t, setup{})
	x := s.poll(t)
	x.connect()
	for i := range 400 {
		id := fmt.Sprint(i)
		x.say("ACK", "", header{"id", "1"}, header{"receipt", id})
		if got := x.hear("RECEIPT").headers.get("receipt-id"); got != id {
			t.Fatalf("receipt %s came, want %s", got, id)
		}
	}
}
