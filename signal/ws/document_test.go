package ws

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
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
	_, after, found := strings.Cut(string(text), "\n## Native: JSON over a WebSocket\n")
	ours, _, ends := strings.Cut(after, "\n## ")
	if !found || !ends {
		t.Fatal("PROTOCOL.md has no part for the native dialect")
	}
	return ours
}

// TestDocumentIsTrue: PROTOCOL.md has every message of the server with all its fields, and the server reads every example
// of a client's message.
func TestDocumentIsTrue(t *testing.T) {
	toServer, toClient, ok := strings.Cut(document(t), "## Server to client")
	if !ok {
		t.Fatal("PROTOCOL.md has no part for what the server says")
	}
	theirs := examples(t, toServer)
	for _, kind := range strings.Split(knownTypes, ", ") {
		if theirs[kind] == nil {
			t.Errorf("%s is not in the document", kind)
		} else if _, err := parse(theirs[kind]); err != nil {
			t.Errorf("%s: %v", theirs[kind], err)
		}
	}
	for _, field := range []string{"room", "name", "key", "token", "publish", "screen", "layers"} {
		if !strings.Contains(string(theirs["join"]), `"`+field+`"`) {
			t.Errorf("join: field %s is not in the document", field)
		}
	}
	ours := examples(t, toClient)
	for kind, message := range map[string]any{
		"joined": joinedMessage{}, "answer": answerMessage{}, "candidate": serverCandidate{}, "participants": viewing.Participants{},
		"rendition": viewing.Rendition{}, "layout": viewing.Layout{}, "tile": viewing.Tile{}, "overload": viewing.Overload{}, "views": viewsMessage{},
		"error": errorMessage{}, "pong": pongMessage{},
	} {
		var documented map[string]json.RawMessage
		if err := json.Unmarshal(ours[kind], &documented); err != nil {
			t.Errorf("%s: %q: %v", kind, ours[kind], err)
			continue
		}
		for _, field := range fields(reflect.TypeOf(message)) {
			if documented[field] == nil {
				t.Errorf("%s: field %s is not in the document", kind, field)
			}
			delete(documented, field)
		}
		for field := range documented {
			t.Errorf("%s: field %s is in the document only", kind, field)
		}
	}
}

// TestDocumentHasTheCodes that a client may get, of this dialect and of the packages that it uses.
func TestDocumentHasTheCodes(t *testing.T) {
	_, errors, ok := strings.Cut(document(t), "## Errors")
	if !ok {
		t.Fatal("PROTOCOL.md has no part for errors")
	}
	for _, code := range []string{
		viewing.CodeBadMessage, peer.CodeUnexpected, viewing.CodeUnsupported, room.CodeBadView, codeTooLarge, codeSlow, codeNotJoined, codeInternal,
		auth.CodeUnauthorized, auth.CodeForbidden, auth.CodeTooMany, peer.CodeICEFailed, peer.CodeSecondOffer, room.CodeBadRoom, room.CodeBadName, room.CodeBadKey,
		room.CodeRooms, room.CodeFull, room.CodeViewers, room.CodeReplaced, room.CodeClosing, room.CodeOverloaded, room.CodeMesh,
		room.CodeNoSuchView, room.CodeRecorded, room.CodeViews,
	} {
		if !strings.Contains(errors, "`"+code+"`") {
			t.Errorf("code %s is not in the document", code)
		}
	}
}

// examples are the first message of each type, with lists that were left out.
func examples(t *testing.T, text string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, m := range regexp.MustCompile("`(\\{\"type\":\"(\\w+)\".*?\\})`").FindAllStringSubmatch(text, -1) {
		if all[m[2]] == nil {
			all[m[2]] = []byte(strings.ReplaceAll(m[1], "[…]", "[]"))
		}
	}
	return all
}

// fields are the JSON names of a struct's fields, with those of embedded structs.
func fields(t reflect.Type) []string {
	var all []string
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous {
			all = append(all, fields(f.Type)...)
		} else {
			all = append(all, name)
		}
	}
	return all
}
