package ws_test

import (
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// TestMistakesAreExplained: after each mistake the connection goes on, and no other client is disturbed.
func TestMistakesAreExplained(t *testing.T) {
	s := serve(t, setup{})
	w := s.witness(t)
	deep := strings.Repeat("[", 20_000)
	t.Run("before join", func(t *testing.T) {
		x := s.stranger(t)
		for _, c := range []struct {
			say, code string
			words     []string
		}{
			{"hello", "bad_message", []string{"JSON", "accepted", "join"}},
			{"", "bad_message", []string{"JSON"}},
			{"{", "bad_message", []string{"JSON"}},
			{"[]", "bad_message", []string{"JSON", "accepted"}},
			{"null", "bad_message", []string{"without type", "join"}},
			{"{}", "bad_message", []string{"without type", "join"}},
			{deep, "bad_message", nil},
			{`{"type":7}`, "bad_message", []string{`"type"`, "string"}},
			{`{"type":"dance"}`, "bad_message", []string{"dance", "offer"}},
			{`{"type":"` + strings.Repeat("x", 60_000) + `"}`, "bad_message", []string{"offer"}},
			{`{"type":"join","room":7}`, "bad_message", []string{"room", "number", "string"}},
			{`{"type":"join","room":"yard","name":"x","publish":"yes"}`, "bad_message", []string{"publish", "object"}},
			{`{"type":"join","room":"yard","name":"x","publish":{"audio":1}}`, "bad_message", []string{"publish.audio", "boolean"}},
			{`{"type":"offer","sdp":"v=0"}`, "unexpected", []string{"join"}},
			{`{"type":"candidate","candidate":""}`, "unexpected", []string{"join"}},
			{`{"type":"mute"}`, "unexpected", []string{"join"}},
			{`{"type":"view","view":"main"}`, "unexpected", []string{"join"}},
			{`{"type":"join","room":"a b","name":"x"}`, "bad_room", []string{"a b", "ASCII letters"}},
			{`{"type":"join","room":"../../etc/passwd","name":"x"}`, "bad_room", []string{"ASCII letters"}},
			{`{"type":"join","room":"","name":"x"}`, "bad_room", []string{"1 to 64"}},
			{`{"type":"join","room":"` + strings.Repeat("r", 65) + `","name":"x"}`, "bad_room", []string{"1 to 64"}},
			{`{"type":"join","room":"yard","name":"","publish":{"video":true}}`, "bad_name", []string{"1 to 128"}},
			{`{"type":"join","room":"yard","name":"a\u0000b","publish":{"video":true}}`, "bad_name", []string{"printable"}},
			{`{"type":"join","room":"yard","name":"x","key":"` + strings.Repeat("k", 300) + `"}`, "bad_key", []string{"256"}},
			{`{"type":"join","room":"yard","name":"x","view":"gate"}`, "unsupported", []string{"gate", "main"}},
			{`{"type":"join","room":"yard","name":"x","layout":{"size":1}}`, "bad_view", []string{"size", "capacity"}},
			{`{"type":"join","room":"yard","name":"x","exclude":{}}`, "bad_message", []string{"exclude", "list"}},
			{`{"type":"join","room":"yard","name":"x","publish":{"screen":true}}`, "bad_message", []string{"screen", "video"}},
			{`{"type":"join","room":"yard","name":"x","publish":{"video":true,"layers":4}}`, "bad_message", []string{"layers 4", "1 to 3"}},
			{`{"type":"join","room":"yard","name":"x","rung":"hd"}`, "unsupported", []string{"hd", "auto", "720p"}},
		} {
			x.say(c.say)
			x.wantError(c.code, c.words...)
		}
		if err := x.conn.WriteMessage(websocket.BinaryMessage, []byte(`{"type":"ping"}`)); err != nil {
			t.Fatal(err)
		}
		x.wantError("bad_message", "binary", "text")
		x.join("")
		x.alive()
	})
	t.Run("after join", func(t *testing.T) {
		x := s.stranger(t)
		x.join("")
		for _, c := range []struct{ say, code, word string }{
			{`{"type":"join","room":"yard","name":"x"}`, "unexpected", "second join"},
			{`{"type":"candidate","candidate":"candidate:1 1 udp 1 192.0.2.1 1 typ host"}`, "unexpected", "offer"},
			{`{"type":"offer"}`, "bad_sdp", "video"},
			{`{"type":"offer","sdp":"garbage"}`, "bad_sdp", "createOffer"},
			{`{"type":"offer","sdp":7}`, "bad_message", "sdp"},
			{`{"type":"view","view":"gate"}`, "unsupported", "main"},
			{`{"type":"view","layout":"1+5"}`, "bad_view", "spotlight"},
			{`{"type":"view","layout":{"kind":"1+5"}}`, "bad_view", "noLabels"},
			{`{"type":"view","exclude":5}`, "bad_message", "list"},
			{`{"type":"view","rung":"4k"}`, "unsupported", "720p"},
		} {
			x.say(c.say)
			x.wantError(c.code, c.word)
		}
		x.say(`{"type":"mute","audio":true}`) // a viewer has nothing to mute; no harm
		x.alive()
	})
	w.undisturbed()
}
