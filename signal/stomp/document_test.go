package stomp

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"azulejo/signal/auth"
	"azulejo/signal/peer"
	"azulejo/signal/room"
	"azulejo/signal/viewing"
)

// document is the part of PROTOCOL.md about this dialect.
func document(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), "\n## STOMP over SockJS\n")
	ours, _, ends := strings.Cut(after, "\n## ")
	if !found || !ends {
		t.Fatal("PROTOCOL.md has no part for STOMP")
	}
	return ours
}

// shown is a frame of the document, with the text that it was read from.
type shown struct {
	frame
	text string
}

func shownFrames(t *testing.T) []shown {
	t.Helper()
	var all []shown
	for _, m := range regexp.MustCompile("(?s)```stomp\n(.*?)\n```").FindAllStringSubmatch(document(t), -1) {
		d := decoder{version: v11}
		if strings.HasPrefix(m[1], "CONNECT\n") {
			d.version = ""
		}
		text := strings.ReplaceAll(m[1], "^@", "\x00")
		d.write(text)
		f, err := d.next()
		if err != nil || f == nil || d.rest != "" {
			t.Errorf("%s\nis not one whole frame: %v", m[1], err)
			continue
		}
		all = append(all, shown{*f, text})
	}
	return all
}

// TestDocumentIsTrue: every frame of the document is one that the decoder reads, or that the encoder writes. It has every
// command and every topic.
func TestDocumentIsTrue(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range shownFrames(t) {
		seen[f.command] = true
		switch f.command {
		case "SEND", "SUBSCRIBE":
			seen[f.command+" "+string(checkTheirs(t, f))] = true
		case "MESSAGE":
			seen["MESSAGE "+string(checkOurs(t, f))] = true
		case "CONNECTED", "RECEIPT", "ERROR":
			checkOurs(t, f)
		}
	}
	wanted := []string{"CONNECT", "CONNECTED", "SUBSCRIBE", "UNSUBSCRIBE", "RECEIPT", "ERROR", "SEND call/key", "SEND send/key", "MESSAGE send/key", "SUBSCRIBE layout", "MESSAGE layout", "MESSAGE overload"}
	for _, topic := range []topic{topicOffer, topicAnswer, topicCandidate} {
		wanted = append(wanted, "SEND "+string(topic), "MESSAGE "+string(topic))
	}
	for _, w := range wanted {
		if !seen[w] {
			t.Errorf("no %s is in the document", w)
		}
	}
}

// checkTheirs reads a frame of a client.
func checkTheirs(t *testing.T, f shown) topic {
	t.Helper()
	prefix := toServer
	if f.command == "SUBSCRIBE" {
		prefix = fromServer
	}
	d, ok := parseDestination(f.headers.get("destination"), prefix)
	if !ok || d.topic == topicUnknown {
		t.Errorf("%s\nhas a destination that nobody knows", f.text)
	}
	if f.command == "SEND" {
		checkBody(t, d.topic, f.body)
	}
	return d.topic
}

// checkOurs checks that a frame of the server is written as the encoder writes it.
func checkOurs(t *testing.T, f shown) topic {
	t.Helper()
	f.headers = slices.DeleteFunc(f.headers, func(h header) bool { return h.name == "content-length" })
	if made := f.encode(v11); made != f.text {
		t.Errorf("%q\nis not as it would be written: %q", f.text, made)
	}
	if f.command != "MESSAGE" {
		return topicUnknown
	}
	s := &client{id: strings.Split(f.headers.get("message-id"), "-")[0]}
	made := s.messageFrame(subscription{id: "x", destination: "x"}, message{body: f.body})
	names := func(all headers) (n []string) {
		for _, h := range all {
			n = append(n, h.name)
		}
		return n
	}
	if !slices.Equal(names(made.headers), names(f.headers)) {
		t.Errorf("%s\nhas other headers than %v", f.text, names(made.headers))
	}
	d, _ := parseDestination(f.headers.get("destination"), fromServer)
	checkBody(t, d.topic, f.body)
	return d.topic
}

func checkBody(t *testing.T, about topic, body string) {
	t.Helper()
	var err error
	switch about {
	case topicOffer:
		_, err = parseDescription(body, "offer")
	case topicAnswer:
		_, err = parseDescription(body, "answer")
	case topicCandidate:
		var m candidateMessage
		if m, err = parseCandidate(body); err == nil && (m.Body == nil || m.Body.Candidate == "" || m.Key == "") {
			err = fmt.Errorf("%s has no candidate", body)
		}
	case topicLayout:
		err = strictly(body, &viewing.Layout{})
	case topicOverload:
		err = strictly(body, &viewing.Overload{})
	case topicKey:
		var key string
		err = json.Unmarshal([]byte(body), &key)
	}
	if err != nil {
		t.Error(err)
	}
}

// strictly decodes JSON without fields that into does not have.
func strictly(body string, into any) error {
	d := json.NewDecoder(strings.NewReader(body))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// TestDocumentHasTheCodes that a client may get.
func TestDocumentHasTheCodes(t *testing.T) {
	_, text, _ := strings.Cut(document(t), "### Limits and refusals")
	for _, code := range []string{
		codeBadFrame, codeBadMessage, codeUnexpected, codeUnsupported, codeTooLarge, codeTooMany, codeSlow, codeNotJoined, codeInternal,
		auth.CodeUnauthorized, auth.CodeForbidden, auth.CodeTooMany, peer.CodeBadSDP, peer.CodeSecondOffer, room.CodeBadRoom,
		room.CodeBadName, room.CodeBadKey, room.CodeFull, room.CodeRooms, room.CodeViewers, room.CodeOverloaded, room.CodeReplaced,
		room.CodeClosing,
	} {
		if !strings.Contains(text, "`"+code+"`") {
			t.Errorf("code %s is not in the document", code)
		}
	}
}

// TestDocumentHasTheLimits in numbers.
func TestDocumentHasTheLimits(t *testing.T) {
	text := strings.Join(strings.Fields(document(t)), " ")
	for _, limit := range []string{
		fmt.Sprintf("%d KiB and %d lines of command and headers, and %d KiB of body", maxHead>>10, maxHeaders, maxBody>>10),
		fmt.Sprintf("a SockJS message has at most %d KiB.", maxMessage>>10), fmt.Sprintf("at most %d subscriptions, with up to %d bytes of id and destination each.", maxSubscriptions, maxSubscription),
		fmt.Sprintf("%d messages and %d MiB at once, then %d messages and %d KiB a second;", messageBurst, byteBurst>>20, messageRate, byteRate>>10),
		fmt.Sprintf("in a mesh room %d messages and %d KiB at once, and %d KiB of body to all clients.", meshBurst, meshByteBurst>>10, maxBroadcast>>10),
		fmt.Sprintf("At most %d frames or %d MiB wait for a client", backlog, backlogBytes>>20),
	} {
		if !strings.Contains(text, limit) {
			t.Errorf("the document does not say: %s", limit)
		}
	}
}
