package whip_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"azulejo/signal/auth"
	"azulejo/signal/auth/authtest"
	"azulejo/signal/peer"
	"azulejo/signal/room"
)

const (
	sdpType  = "application/sdp"
	fragType = "application/trickle-ice-sdpfrag"
)

// TestStatuses are those of RFC 9725 and the WHEP draft, one request each.
func TestStatuses(t *testing.T) {
	s := serve(t, setup{
		webrtc: peer.Config{ICEServers: []peer.ICEServer{{URLs: []string{"stun:stun.example.org"}}}},
		rooms:  map[string]room.Settings{"pair": {Mode: room.Mesh}},
	})
	sends := s.newCaller(t)
	sends.video = sends.sends("video/H264")
	publishing := sends.offer()
	gets := s.newCaller(t).view("/whep/yard")
	tag := gets.header.Get("ETag")
	watching := gets.pc.LocalDescription().SDP
	mine := "a=ice-ufrag:" + attribute(watching, "ice-ufrag") + "\r\na=ice-pwd:" + attribute(watching, "ice-pwd") + "\r\n"
	newer := "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
	candidate := "m=audio 9 RTP/AVP 0\na=mid:0\na=candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host ufrag x\n"
	const in, out = "/whip/yard/gate", "/whep/yard"
	big := strings.Repeat("a", 65<<10)
	for _, c := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
		code                     string // of the problem; empty: it is none
		wanted                   string // "Header: value" of the answer, or words of the problem
	}{
		{"no type", "POST", in, publishing, nil, 415, "unsupported_media_type", "Accept-Post: application/sdp"},
		{"another type", "POST", in, "{}", []string{"Content-Type", "application/json"}, 415, "unsupported_media_type", "application/json"},
		{"parameters of the type", "POST", in, publishing, []string{"Content-Type", "Application/SDP; charset=utf-8"}, 201, "", "Content-Type: application/sdp"},
		{"another answer wanted", "POST", in, publishing, []string{"Content-Type", sdpType, "Accept", "application/json, text/*"}, 406, "not_acceptable", sdpType},
		{"SDP not wanted", "POST", out, watching, []string{"Content-Type", sdpType, "Accept", "application/sdp;q=0, */*"}, 406, "not_acceptable", sdpType},
		{"anything wanted", "POST", out, watching, []string{"Content-Type", sdpType, "Accept", "text/html, */*;q=0.1"}, 201, "", `Link: <stun:stun.example.org>; rel="ice-server"`},
		{"too much", "POST", in, big, []string{"Content-Type", sdpType}, 413, "too_large", "65536"},
		{"nothing", "POST", in, "", []string{"Content-Type", sdpType}, 400, "unreadable", "an empty body; accepted is an offer as RTCPeerConnection.createOffer"},
		{"nothing of no type", "POST", in, "", nil, 415, "unsupported_media_type", "Accept-Post: application/sdp"},
		{"no SDP", "POST", out, "hello", []string{"Content-Type", sdpType}, 400, "unreadable", "createOffer"},
		{"no media", "POST", in, "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", []string{"Content-Type", sdpType}, 422, peer.CodeBadSDP, "no media at all"},
		{"no codec of ours", "POST", in, strings.NewReplacer("VP8/", "X/", "H264/", "X/", "VP9/", "X/", "AV1/", "X/", "H265/", "X/").Replace(publishing), []string{"Content-Type", sdpType}, 422, peer.CodeBadSDP, "H.264"},
		{"a viewer at WHIP", "POST", in, watching, []string{"Content-Type", sdpType}, 422, "no_media", "sendonly"},
		{"a publisher at WHEP", "POST", out, publishing, []string{"Content-Type", sdpType}, 422, "no_media", "recvonly"},
		{"bad room", "POST", "/whip/-yard/gate", publishing, []string{"Content-Type", sdpType}, 400, room.CodeBadRoom, "-yard"},
		{"bad name", "POST", "/whip/yard/%07", publishing, []string{"Content-Type", sdpType}, 400, room.CodeBadName, "printable"},
		{"unknown view", "POST", out + "?view=attic", watching, []string{"Content-Type", sdpType}, 422, "unsupported", "main"},
		{"bad rung", "POST", out + "?rung=hd", watching, []string{"Content-Type", sdpType}, 422, "unsupported", "720p"},
		{"bad screen", "POST", in + "?screen=yes", publishing, []string{"Content-Type", sdpType}, 400, "bad_message", "0 and 1"},
		{"bad page", "POST", out + "?page=two", watching, []string{"Content-Type", sdpType}, 400, "bad_message", "numbers from 1"},
		{"no such page", "POST", out + "?page=-2", watching, []string{"Content-Type", sdpType}, 422, room.CodeBadView, "page: -2"},
		{"bad audio", "POST", out + "?audio=off", watching, []string{"Content-Type", sdpType}, 400, "bad_message", "0 and 1"},
		{"GET of an endpoint", "GET", in, "", nil, 405, "method_not_allowed", "Allow: POST, OPTIONS"},
		{"PUT to an endpoint", "PUT", out, "", nil, 405, "method_not_allowed", "Allow: POST, OPTIONS"},
		{"DELETE of an endpoint", "DELETE", out, "", nil, 405, "method_not_allowed", "Allow: POST, OPTIONS"},
		{"GET of a session", "GET", gets.location, "", nil, 405, "method_not_allowed", "Allow: DELETE, PATCH, OPTIONS"},
		{"POST to a session", "POST", gets.location, watching, []string{"Content-Type", sdpType}, 405, "method_not_allowed", "Allow: DELETE, PATCH, OPTIONS"},
		{"no such session", "PATCH", out + "/nobody", mine, []string{"Content-Type", fragType, "If-Match", tag}, 404, "not_found", "POST"},
		{"a session of another room", "DELETE", "/whep/attic/" + last(gets.location), "", nil, 404, "not_found", "POST"},
		{"a viewer as a publisher", "DELETE", in + "/" + last(gets.location), "", nil, 404, "not_found", "POST"},
		{"nothing there", "GET", "/whip/yard", "", nil, 404, "not_found", "/whip/{room}/{name}"},
		{"fragment of another type", "PATCH", gets.location, mine, []string{"Content-Type", sdpType, "If-Match", tag}, 415, "unsupported_media_type", "Accept-Patch: " + fragType},
		{"fragment without If-Match", "PATCH", gets.location, mine + candidate, []string{"Content-Type", fragType}, 428, "precondition_required", "ETag"},
		{"fragment for another ICE session", "PATCH", gets.location, mine + candidate, []string{"Content-Type", fragType, "If-Match", `"other"`}, 412, "stale_ice_session", `"other"`},
		{"a weak tag", "PATCH", gets.location, mine + candidate, []string{"Content-Type", fragType, "If-Match", "W/" + tag}, 412, "stale_ice_session", "W/"},
		{"fragment that is none", "PATCH", gets.location, "{}", []string{"Content-Type", fragType, "If-Match", tag}, 400, "unreadable", "{}"},
		{"empty fragment", "PATCH", gets.location, "", []string{"Content-Type", fragType, "If-Match", tag}, 400, "unreadable", "neither"},
		{"half a candidate", "PATCH", gets.location, "a=candidate:1 1 udp\n", []string{"Content-Type", fragType, "If-Match", tag}, 400, "unreadable", "1 1 udp"},
		{"too large a fragment", "PATCH", gets.location, big, []string{"Content-Type", fragType, "If-Match", tag}, 413, "too_large", "65536"},
		{"candidates", "PATCH", gets.location, mine + candidate, []string{"Content-Type", fragType, "If-Match", tag}, 204, "", ""},
		{"one of many tags", "PATCH", gets.location, mine + candidate, []string{"Content-Type", fragType, "If-Match", `"a", ` + tag}, 204, "", ""},
		{"candidates for whatever there is", "PATCH", gets.location, mine + candidate, []string{"Content-Type", fragType, "If-Match", "*"}, 204, "", ""},
		{"the same in quotes", "PATCH", gets.location, mine + candidate, []string{"Content-Type", fragType, "If-Match", `"*"`}, 204, "", ""},
		{"candidates that cannot be used", "PATCH", gets.location, "a=candidate:1 1 sctp 1 nowhere.invalid 1 typ host\na=candidate:1 1 udp 1 host.local 1 typ host\n", []string{"Content-Type", fragType, "If-Match", tag}, 204, "", ""},
		{"restart of a named ICE session", "PATCH", gets.location, newer, []string{"Content-Type", fragType, "If-Match", tag}, 422, "bad_fragment", "If-Match: *"},
		{"restart with half of the credentials", "PATCH", gets.location, "a=ice-ufrag:abcd\n", []string{"Content-Type", fragType, "If-Match", "*"}, 422, peer.CodeBadSDP, "ice-pwd"},
		{"restart with credentials that differ", "PATCH", gets.location, newer + "m=x\na=ice-ufrag:efgh\n", []string{"Content-Type", fragType, "If-Match", "*"}, 422, "bad_fragment", "ice-ufrag"},
		{"restart", "PATCH", gets.location, newer, []string{"Content-Type", fragType, "If-Match", "*"}, 200, "", "Content-Type: " + fragType},
		{"candidates for the ICE session before", "PATCH", gets.location, candidate, []string{"Content-Type", fragType, "If-Match", tag}, 412, "stale_ice_session", tag},
		{"a view", "POST", gets.location + "/view", `{"spotlight":"gate","rung":"180p"}`, []string{"Content-Type", "application/json"}, 204, "", ""},
		{"a view of another type", "POST", gets.location + "/view", "rung=180p", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "unsupported_media_type", "Accept-Post: application/json"},
		{"a view that is no JSON", "POST", gets.location + "/view", "rung", []string{"Content-Type", "application/json"}, 400, "bad_message", "spotlight"},
		{"a view with a wrong field", "POST", gets.location + "/view", `{"rung":7}`, []string{"Content-Type", "application/json"}, 400, "bad_message", `"rung" is a number`},
		{"a view that nobody can show", "POST", gets.location + "/view", `{"layout":"heap"}`, []string{"Content-Type", "application/json"}, 422, "bad_view", "grid, spotlight"},
		{"a view that is too much", "POST", gets.location + "/view", `{"layout":{"w":1920,"h":1080}}`, []string{"Content-Type", "application/json"}, 422, "bad_view", "640x360"},
		{"events of another type", "GET", gets.location + "/events", "", []string{"Accept", "application/json"}, 406, "not_acceptable", "text/event-stream"},
		{"events of all kinds", "POST", gets.location + "/events", "", nil, 201, "", "Location: " + gets.location + "/events"},
		{"events of some kinds", "POST", gets.location + "/events", `["end","viewercount","layout"]`, []string{"Content-Type", "application/json"}, 201, "", "Location: " + gets.location + "/events?events=layout%2Cend"},
		{"events in no list", "POST", gets.location + "/events", `{"layout":true}`, []string{"Content-Type", "application/json"}, 400, "bad_message", "JSON array"},
		{"events that are null", "POST", gets.location + "/events", "null", []string{"Content-Type", "application/json"}, 400, "bad_message", "layout,rendition"},
		{"events that are numbers", "POST", gets.location + "/events", "[1]", []string{"Content-Type", "application/json"}, 400, "bad_message", "JSON array"},
		{"events of another type of list", "POST", gets.location + "/events", "layout", []string{"Content-Type", "text/plain"}, 415, "unsupported_media_type", "Accept-Post: application/json"},
		{"too many events", "POST", gets.location + "/events", big, []string{"Content-Type", "application/json"}, 413, "too_large", "65536"},
		{"DELETE of events", "DELETE", gets.location + "/events", "", nil, 405, "method_not_allowed", "Allow: GET, POST, OPTIONS"},
		{"events of nobody", "GET", out + "/nobody/events", "", nil, 404, "not_found", "POST"},
		{"DELETE", "DELETE", gets.location, "", []string{"If-Match", `"other"`}, 200, "", ""},
		{"DELETE again", "DELETE", gets.location, "", nil, 404, "not_found", "POST"},
		{"PATCH after DELETE", "PATCH", gets.location, mine + candidate, []string{"Content-Type", fragType, "If-Match", "*"}, 404, "not_found", "POST"},
		{"a view after DELETE", "POST", gets.location + "/view", "{}", []string{"Content-Type", "application/json"}, 404, "not_found", "POST"},
		{"events after DELETE", "GET", gets.location + "/events", "", nil, 404, "not_found", "POST"},
		{"a publisher in a mesh", "POST", "/whip/pair/gate", publishing, []string{"Content-Type", sdpType}, 409, room.CodeMesh, "/signaling"},
		{"a viewer of a mesh", "POST", "/whep/pair", watching, []string{"Content-Type", sdpType}, 409, room.CodeMesh, "/signaling"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := s.ask(t, c.method, c.path, c.body, c.header...)
			if a.status != c.status {
				t.Fatalf("%d: %s; want %d", a.status, a.body, c.status)
			}
			said := ""
			if c.code != "" {
				code, detail := a.problem(t)
				if said = detail; code != c.code {
					t.Errorf("code %q; want %q", code, c.code)
				}
			}
			for name, values := range a.header {
				said += "\n" + name + ": " + strings.Join(values, "\n"+name+": ")
			}
			if !strings.Contains(strings.ToLower(said), strings.ToLower(c.wanted)) {
				t.Errorf("got %s; want it to say %q", said, c.wanted)
			}
		})
	}
}

// TestManyRestarts are refused; the session goes on.
func TestManyRestarts(t *testing.T) {
	s := serve(t, setup{})
	c := s.newCaller(t).view("/whep/yard")
	for n := 0; ; n++ {
		a := c.patch("*", fmt.Sprintf("a=ice-ufrag:abc%d\na=ice-pwd:abcdefghijklmnopqrstuvwx\n", n))
		if a.status == http.StatusTooManyRequests {
			if code, _ := a.problem(t); n < 10 || code != auth.CodeTooMany || a.header.Get("Retry-After") == "" {
				t.Errorf("after %d restarts: %s %v", n, a.body, a.header)
			}
			break
		}
		if a.status != http.StatusOK || n > 500 {
			t.Fatalf("restart %d: %d %s", n, a.status, a.body)
		}
	}
	c.end()
}

// TestMeshRooms refuse publishers and viewers.
func TestMeshRooms(t *testing.T) {
	s := serve(t, setup{rooms: map[string]room.Settings{"pair": {Mode: room.Mesh}}})
	sends, gets := s.newCaller(t), s.newCaller(t)
	sends.sends("video/VP8")
	gets.receives(1)
	for path, offer := range map[string]string{"/whip/pair/gate": sends.offer(), "/whep/pair": gets.offer()} {
		a := s.ask(t, http.MethodPost, path, offer, "Content-Type", sdpType)
		if code, _ := a.problem(t); a.status != http.StatusConflict || code != room.CodeMesh {
			t.Errorf("%s: %d %s; want 409", path, a.status, a.body)
		}
	}
}

// TestOptions: the methods of each address, and the answers to CORS preflights.
func TestOptions(t *testing.T) {
	s := serve(t, setup{auth: auth.Config{Mode: auth.ModeToken, Secret: authtest.Secret, Origins: []string{"https://studio.example"}}})
	for path, want := range map[string][2]string{
		"/whip/yard/gate":     {"POST, OPTIONS", "Accept-Post: application/sdp"},
		"/whep/yard":          {"POST, OPTIONS", "Accept-Post: application/sdp"},
		"/whip/yard/gate/x":   {"DELETE, PATCH, OPTIONS", "Accept-Patch: " + fragType},
		"/whep/yard/x":        {"DELETE, PATCH, OPTIONS", "Accept-Patch: " + fragType},
		"/whep/yard/x/view":   {"POST, OPTIONS", "Accept-Post: application/json"},
		"/whep/yard/x/events": {"GET, POST, OPTIONS", "Accept-Post: application/json"},
	} {
		a := s.ask(t, http.MethodOptions, path, "", "Origin", "https://studio.example",
			"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type")
		h := a.header
		if a.status != http.StatusOK || h.Get("Allow") != want[0] || h.Get("Access-Control-Allow-Methods") != want[0] {
			t.Errorf("OPTIONS %s: %d, %v; want 200 and %s", path, a.status, h, want[0])
		}
		if h.Get("Access-Control-Allow-Origin") != "https://studio.example" || h.Get("Vary") != "Origin" ||
			h.Get("Access-Control-Allow-Headers") != "Authorization, Content-Type, If-Match" {
			t.Errorf("OPTIONS %s: %v; want the origin and the headers allowed", path, h)
		}
		if name, value, _ := strings.Cut(want[1], ": "); name != "" && h.Get(name) != value {
			t.Errorf("OPTIONS %s: %s is %q; want %q", path, name, h.Get(name), value)
		}
		if h.Get("Link") != "" {
			t.Errorf("OPTIONS %s tells servers to strangers: %s", path, h.Get("Link"))
		}
	}
	a := s.ask(t, http.MethodPost, "/whip/yard/gate", "", "Origin", "https://studio.example")
	for _, name := range []string{"Location", "ETag", "Link", "Accept-Patch"} {
		if !strings.Contains(a.header.Get("Access-Control-Expose-Headers"), name) {
			t.Errorf("%s is hidden from pages: %v", name, a.header)
		}
	}
	for _, method := range []string{http.MethodOptions, http.MethodPost} {
		a := s.ask(t, method, "/whip/yard/gate", "", "Origin", "https://evil.example")
		if code, _ := a.problem(t); a.status != http.StatusForbidden || code != auth.CodeForbidden || a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s from a strange page: %d %v", method, a.status, a.header)
		}
	}
}

// TestOptionsHaveServers for clients that may make a session.
func TestOptionsHaveServers(t *testing.T) {
	s := serve(t, setup{
		auth:   authtest.Config(),
		webrtc: peer.Config{ICEServers: []peer.ICEServer{{URLs: []string{"stun:stun.example.org"}}}},
	})
	const servers = `<stun:stun.example.org>; rel="ice-server"`
	for _, c := range []struct{ path, token, link string }{
		{"/whep/yard", authtest.Token(t, "yard", auth.View), servers},
		{"/whip/yard/gate", authtest.Token(t, "yard", auth.Publish), servers},
		{"/whep/yard", authtest.Token(t, "yard", auth.Publish), ""},
		{"/whip/yard/gate", authtest.Token(t, "attic", auth.Publish), ""},
		{"/whep/yard", "", ""},
		{"/whep/yard/x/view", authtest.Token(t, "yard", auth.View), ""},
	} {
		a := s.ask(t, http.MethodOptions, c.path, "", "Authorization", "Bearer "+c.token)
		if link := a.header.Get("Link"); a.status != http.StatusOK || link != c.link {
			t.Errorf("OPTIONS %s: %d, Link: %s; want 200 and %q", c.path, a.status, link, c.link)
		}
	}
}

// TestLimits: the limits of rooms apply to sessions.
func TestLimits(t *testing.T) {
	s := serve(t, setup{limits: room.Limits{Rooms: 1, Participants: 1, Viewers: 1}})
	s.newCaller(t).publish("/whip/yard/gate", orange, 0)
	s.newCaller(t).view("/whep/yard")
	sends, gets := s.newCaller(t), s.newCaller(t)
	sends.video = sends.sends("video/H264")
	gets.receives(1, 2)
	for _, c := range []struct{ path, offer, code string }{
		{"/whip/yard/other", sends.offer(), room.CodeFull},
		{"/whep/yard", gets.offer(), room.CodeViewers},
		{"/whep/attic", gets.pc.LocalDescription().SDP, room.CodeRooms},
	} {
		a := s.ask(t, http.MethodPost, c.path, c.offer, "Content-Type", sdpType)
		if code, _ := a.problem(t); a.status != http.StatusServiceUnavailable || code != c.code || a.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s %v; want 503 and %s", c.path, a.status, code, a.header, c.code)
		}
	}
	if n := s.engine.Stats().Peers; n != 2 {
		t.Errorf("%d peers; want those of the two sessions", n)
	}
}
