package whip_test

import (
	"log/slog"
	"net/http"
	"regexp"
	"testing"

	"github.com/pion/webrtc/v4"

	"azulejo/signal/auth"
	"azulejo/signal/auth/authtest"
	"azulejo/signal/peer"
	"azulejo/signal/signaltest/await"
	"azulejo/signal/turn"
)

// serveRelays is a server with tokens and an embedded TURN server.
func serveRelays(t *testing.T) *server {
	t.Helper()
	var relays *turn.Relays
	s := serve(t, setup{auth: authtest.Config(), webrtc: peer.Config{Relays: func(user string) []peer.ICEServer {
		var all []peer.ICEServer
		for _, one := range relays.Servers(user) {
			all = append(all, peer.ICEServer(one))
		}
		return all
	}}})
	relays, err := turn.New(turn.Config{Listen: "127.0.0.1:0", Realm: "azulejo", Media: s.engine.Media}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	await.Running(t, relays.Run)
	return s
}

// relayLink is a Link to a TURN server (RFC 9725, section 4.6).
var relayLink = regexp.MustCompile(`^<(turn:127\.0\.0\.1:\d+\?transport=(?:udp|tcp))>; rel="ice-server"; username="(\d+:\w+)"; credential="([\w+/=]+)"; credential-type="password"$`)

// relaysOf are the TURN servers of an answer, and the name that its client has there.
func relaysOf(t *testing.T, h http.Header) (servers []webrtc.ICEServer, name string) {
	t.Helper()
	for _, link := range h.Values("Link") {
		if m := relayLink.FindStringSubmatch(link); m != nil {
			servers = append(servers, webrtc.ICEServer{URLs: []string{m[1]}, Username: m[2], Credential: m[3]})
			name = m[2]
		}
	}
	if len(servers) != 2 {
		t.Fatalf("Link: %q; want a TURN server over UDP and TCP", h.Values("Link"))
	}
	return servers, name
}

// TestRelays: every OPTIONS and every POST returns other TURN credentials. A publisher and a viewer that are restricted to
// relays connect with them.
func TestRelays(t *testing.T) {
	s := serveRelays(t)
	names := map[string]string{}
	call := func(endpoint, token string) *caller {
		c := s.newCaller(t, "Authorization", "Bearer "+token)
		servers, early := relaysOf(t, c.ask(http.MethodOptions, endpoint, "").header)
		if err := c.pc.SetConfiguration(webrtc.Configuration{ICEServers: servers, ICETransportPolicy: webrtc.ICETransportPolicyRelay}); err != nil {
			t.Fatal(err)
		}
		if endpoint == "/whep/yard" {
			c.view(endpoint)
		} else {
			c.publish(endpoint, orange, 0)
		}
		_, late := relaysOf(t, c.header)
		for answer, name := range map[string]string{"OPTIONS ": early, "POST ": late} {
			if before := names[name]; before != "" {
				t.Errorf("%s%s tells the credentials that were in that to %s", answer, endpoint, before)
			}
			names[name] = answer + endpoint
		}
		return c
	}
	publisher := call("/whip/yard/gate", authtest.Token(t, "yard", auth.Publish))
	viewer := call("/whep/yard", authtest.Token(t, "yard", auth.View))
	await.Until(t, "the colour arrives", viewer.sees(orange.Colour))
	for _, c := range []*caller{publisher, viewer} {
		pair, err := c.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
		if err != nil || pair == nil || pair.Local.Typ != webrtc.ICECandidateTypeRelay {
			t.Errorf("connected by %v (%v); want a relay", pair, err)
		}
	}
}
