package peer

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"azulejo/signal/signaltest/await"
	"azulejo/signal/turn"
)

const sharedSecret = "the secret that both of them know"

// openRelayed opens an engine with TURN relays; media are received on the loopback interface only.
func openRelayed(t *testing.T, cfg turn.Config) *Engine {
	t.Helper()
	var relays *turn.Relays
	e := openEngine(t, Config{Relays: func(user string) []ICEServer {
		var all []ICEServer
		for _, s := range relays.Servers(user) {
			all = append(all, ICEServer(s))
		}
		return all
	}})
	cfg.Media = e.Media
	relays, err := turn.New(cfg, quiet)
	if err != nil {
		t.Fatal(err)
	}
	await.Running(t, relays.Run)
	return e
}

// coturn starts the distribution's TURN server on the loopback interface and returns its port.
func coturn(t *testing.T) int {
	t.Helper()
	path, err := exec.LookPath("turnserver")
	if err != nil {
		t.Fatalf("%v: scripts/setup fetches it (Debian's package is coturn)", err)
	}
	port := freeTCPPort(t)
	dir := t.TempDir()
	cmd := exec.Command(path, "-n", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", fmt.Sprintf("--listening-port=%d", port),
		"--use-auth-secret", "--static-auth-secret="+sharedSecret, "--realm=azulejo", "--allow-loopback-peers",
		"--no-tls", "--no-dtls", "--no-cli", "--no-multicast-peers", "--no-software-attribute",
		"--pidfile="+dir+"/pid", "--userdb="+dir+"/db", "--log-file=stdout", "--min-port=49152", "--max-port=65535")
	var out strings.Builder
	cmd.Stdout, cmd.Stderr, cmd.Dir = &out, &out, dir
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
		if t.Failed() {
			t.Logf("turnserver said:\n%s", out.String())
		}
	})
	await.Until(t, "turnserver listens", func() bool {
		conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return port
}

func freeTCPPort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return portOf(l.Addr())
}

// TestOnlyThroughARelay: a client with relay candidates alone connects over UDP and over TCP, through our own TURN server
// and through a real coturn with our secret.
func TestOnlyThroughARelay(t *testing.T) {
	external := coturn(t)
	for name, cfg := range map[string]turn.Config{
		"embedded":            {Listen: "127.0.0.1:0", Realm: "azulejo"},
		"embedded everywhere": {Listen: ":0", Realm: "azulejo"},
		"coturn": {Secret: sharedSecret, External: []string{
			fmt.Sprintf("turn:127.0.0.1:%d?transport=udp", external), fmt.Sprintf("turn:127.0.0.1:%d?transport=tcp", external),
		}},
	} {
		for _, protocol := range []string{"udp", "tcp"} {
			t.Run(name+" "+protocol, func(t *testing.T) {
				c := newCaller(t, openRelayed(t, cfg), onLoopback(webrtc.NetworkTypeUDP4, webrtc.NetworkTypeTCP4), webrtc.Configuration{})
				c.relayOnly(protocol)
				c.call(nil)
				c.awaitMedia("through the relay")
				c.wantRelay(protocol)
			})
		}
	}
}

// relayOnly configures the client with the TURN servers of our engine that use one protocol.
func (c *caller) relayOnly(protocol string) {
	c.t.Helper()
	cfg := webrtc.Configuration{ICETransportPolicy: webrtc.ICETransportPolicyRelay}
	for _, s := range c.peer.engine.ICEServers("ana") {
		for _, u := range s.URLs {
			if strings.HasSuffix(u, "transport="+protocol) {
				cfg.ICEServers = append(cfg.ICEServers, webrtc.ICEServer{URLs: []string{u}, Username: s.Username, Credential: s.Credential})
			}
		}
	}
	if len(cfg.ICEServers) == 0 {
		c.t.Fatalf("no TURN servers over %s are handed out", protocol)
	}
	if err := c.pc.SetConfiguration(cfg); err != nil {
		c.t.Fatal(err)
	}
}

// wantRelay checks the type of the client's first local candidate.
func (c *caller) wantRelay(protocol string) {
	c.t.Helper()
	for _, s := range c.pc.GetStats() {
		if local, ok := s.(webrtc.ICECandidateStats); ok && local.Type == webrtc.StatsTypeLocalCandidate {
			if local.CandidateType != webrtc.ICECandidateTypeRelay || local.RelayProtocol != protocol {
				c.t.Errorf("the client has a %s candidate over %q; want none but relays over %s", local.CandidateType, local.RelayProtocol, protocol)
			}
			return
		}
	}
	c.t.Error("the client has no candidate")
}
