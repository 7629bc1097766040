package ws_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/webrtc/v4"

	"azulejo/signal/auth"
	"azulejo/signal/peer"
	"azulejo/signal/room"
	"azulejo/signal/signaltest/await"
	"azulejo/signal/ws"
)

// TestTooLarge: a message over 64 KiB ends the connection, and the client gets the reason; one of
// exactly 64 KiB does not.
func TestTooLarge(t *testing.T) {
	s := serve(t, setup{})
	w := s.witness(t)
	const limit = 64 << 10
	padded := func(size int) string {
		head := `{"type":"ping","pad":"`
		return head + strings.Repeat("x", size-len(head)-2) + `"}`
	}
	x := s.stranger(t)
	x.join("")
	x.say(padded(limit))
	x.hear("pong")
	x.say(padded(limit + 1))
	x.wantError("too_large", fmt.Sprint(limit))
	x.wantClose(websocket.CloseMessageTooBig)

	// Far too large, and sent without reading: the reason must still arrive.
	y := s.stranger(t)
	y.say(padded(8 << 20))
	y.wantError("too_large", fmt.Sprint(limit))
	y.wantClose(websocket.CloseMessageTooBig)
	w.undisturbed()
}

// TestSilentConnectionsEnd: a client that answers no pings is disconnected after three intervals.
func TestSilentConnectionsEnd(t *testing.T) {
	s := serve(t, setup{ws: ws.Config{Ping: 100 * time.Millisecond}})
	x := s.stranger(t)
	x.join("mute")
	x.conn.SetPingHandler(func(string) error { return nil })
	await.Until(t, "the silent one is out", func() bool { return len(s.registry.List()) == 0 })
}

// TestConnectionsMustJoin: a connection without a join ends with the reason, long before it would miss a
// ping; one that joined in time goes on.
func TestConnectionsMustJoin(t *testing.T) {
	s := serve(t, setup{ws: ws.Config{JoinWithin: 2 * time.Second}})
	guest := s.stranger(t)
	guest.join("")
	x := s.stranger(t)
	x.say(`{"type":"join","room":"a b"}`)
	x.wantError("bad_room")
	x.wantError("not_joined", "2s", "accepted")
	x.wantClose(websocket.ClosePolicyViolation)
	guest.alive()
}

// TestSlowReaderEnds: a client that sends requests without reading answers is disconnected, and blocks no other client.
func TestSlowReaderEnds(t *testing.T) {
	s := serve(t, setup{})
	w := s.witness(t)
	x := s.stranger(t)
	x.join("slow")
	flood := `{"type":"` + strings.Repeat("ä", 100) + `"}`
	for range 200_000 {
		if err := x.conn.WriteMessage(websocket.TextMessage, []byte(flood)); err != nil {
			break
		}
	}
	await.Until(t, "the slow one is out", func() bool {
		info, err := s.registry.Info("yard")
		return err == nil && len(info.Participants) == 1
	})
	w.undisturbedAlone()
}

// TestICEFailure: a client whose ICE never connects gets the reason, and its place is freed.
func TestICEFailure(t *testing.T) {
	s := serve(t, setup{webrtc: peer.Config{UDP: "127.0.0.1:0", Timeout: time.Second}})
	x := s.stranger(t)
	x.join("lost")
	x.sayJSON(map[string]string{"type": "offer", "sdp": offerFor(t, webrtc.MimeTypeVP8)})
	x.hear("answer")
	x.wantError("ice_failed", "1s")
	x.wantClose(websocket.CloseInternalServerErr)
	await.Until(t, "the place is free", func() bool { return len(s.registry.List()) == 0 })
}

// TestFullRoomStillServes: a client that may not publish in a full room may view.
func TestFullRoomStillServes(t *testing.T) {
	s := serve(t, setup{limits: room.Limits{Participants: 1}})
	w := s.witness(t)
	x := s.stranger(t)
	x.sayJSON(map[string]any{"type": "join", "room": "yard", "name": "x", "publish": map[string]bool{"audio": true}})
	x.wantError("room_full", "viewing")
	x.join("")
	w.undisturbed()
}

func TestOrigins(t *testing.T) {
	s := serve(t, setup{auth: auth.Config{Origins: []string{"https://example.org"}}})
	host := strings.TrimSuffix(strings.TrimPrefix(s.url, "ws://"), "/ws")
	for origin, want := range map[string]int{
		"": 101, "http://" + host: 101, "https://example.org": 101,
		"https://evil.example": 403, "null": 403, "https://example.org.evil.example": 403,
	} {
		header := http.Header{}
		if origin != "" {
			header.Set("Origin", origin)
		}
		conn, response, err := websocket.DefaultDialer.DialContext(t.Context(), s.url, header)
		if response == nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("origin %q: status %d; want %d", origin, response.StatusCode, want)
		}
		if conn != nil {
			_ = conn.Close()
		}
	}
}

// TestJoined has the fields that a page needs, with the documented names.
func TestJoined(t *testing.T) {
	s := serve(t, setup{webrtc: peer.Config{UDP: "127.0.0.1:0", ICEServers: []peer.ICEServer{{URLs: []string{"stun:192.0.2.1"}}}}})
	x := s.stranger(t)
	x.say(`{"type":"join","room":"yard","name":" Ana ","publish":{"video":true}}`)
	m := x.hear("joined")
	for _, p := range m["participants"].([]any) {
		for _, key := range []string{"reason", "detail", "since"} { // the engine says a moment later that no video has come yet
			delete(p.(map[string]any), key)
		}
	}
	got, err := json.Marshal([]any{m["room"], m["iceServers"], m["participants"]})
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`["yard",[{"urls":["stun:192.0.2.1"]}],[{"id":%q,"kind":"peer","muted":{"audio":false,"video":false},"name":"Ana","publish":{"audio":false,"video":true}}]]`, m["id"])
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	x.say(`{"type":"mute","video":true}`)
	event := fmt.Sprint(x.hear("participants")["participants"])
	if !strings.Contains(event, "muted:map[audio:false video:true]") {
		t.Errorf("after mute: %s", event)
	}
}

// TestLeavingAfterTheConnection: a client's leave counts also if the end of its peer connection arrives first.
func TestLeavingAfterTheConnection(t *testing.T) {
	s := serve(t, setup{})
	for range 3 {
		x := s.stranger(t)
		x.say(`{"type":"join","room":"yard","name":"Ana","key":"hers","publish":{"video":true}}`)
		x.hear("joined")
		pc := x.connect(webrtc.RTPTransceiverDirectionSendrecv)
		x.hear("rendition")
		if err := pc.GracefulClose(); err != nil {
			t.Fatal(err)
		}
		x.say(`{"type":"leave"}`)
		x.wantClose(websocket.CloseNormalClosure)
		y := s.stranger(t)
		y.say(`{"type":"join","room":"yard"}`)
		if all, _ := y.hear("joined")["participants"].([]any); len(all) != 0 {
			t.Fatalf("there still are %v", all)
		}
	}
}
