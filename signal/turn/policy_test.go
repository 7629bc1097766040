package turn

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestPolicy(t *testing.T) {
	p := &policy{
		allow:   []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")},
		own:     []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("5.6.7.8")},
		media:   []netip.AddrPort{netip.MustParseAddrPort("10.0.0.5:8189")},
		relays:  []netip.Addr{netip.MustParseAddr("5.6.7.8")},
		isRelay: func(port uint16) bool { return port == 50000 },
	}
	for at, want := range map[string]bool{
		"8.8.8.8:53": true, "[2a00:1450::1]:443": true, "8.8.8.8:0": false,
		"10.0.0.5:8189": true, "10.0.0.5:22": false, "[::ffff:10.0.0.5]:8189": true, "[::ffff:10.0.0.5]:22": false,
		"127.0.0.1:8189": false, "[::ffff:127.0.0.1]:8189": false, "[::1]:8189": false, "[::ffff:192.168.1.1]:80": false,
		"5.6.7.8:50000": true, "5.6.7.8:22": false, "10.0.0.5:50000": false,
		"10.9.1.1:22": true, "10.8.1.1:22": false, "172.16.0.1:1": false, "192.168.1.1:1": false, "[fd00::1]:1": false,
		"169.254.169.254:80": false, "[fe80::1]:1": false, "[fe80::1%eth0]:1": false,
		"224.0.0.251:5353": false, "[ff02::fb]:5353": false, "255.255.255.255:9": false,
		"0.0.0.0:8189": false, "0.1.2.3:80": false, "[::]:8189": false, "[::127.0.0.1]:80": false,
		"[64:ff9b::7f00:1]:80": false, "[2002:7f00:1::]:80": false, "100.64.0.1:80": false, "198.18.0.1:80": false,
	} {
		if got := p.allowsPeer(netip.MustParseAddrPort(at)); got != want {
			t.Errorf("%s: got %v; want %v", at, got, want)
		}
	}
}

// TestCredentials have the form of the TURN REST convention, as other servers compute it.
func TestCredentials(t *testing.T) {
	s := newSecret(Config{Secret: "north remembers all", Realm: "azulejo"})
	s.now = func() time.Time { return time.Unix(1_700_000_000, 0) }
	username, credential := s.issue("member")
	if want := "1700003600:member"; username != want {
		t.Errorf("the username is %s; want %s: the time an hour from now, and who", username, want)
	}
	// printf 1700003600:member | openssl dgst -sha1 -hmac 'north remembers all' -binary | base64
	if want := "NJZ4B5oR15kBlcnqlWg8gMIWb58="; credential != want {
		t.Errorf("the credential is %s; want %s", credential, want)
	}
	var out bytes.Buffer
	server := Server{URLs: []string{"turn:here"}, Username: username, Credential: credential}
	slog.New(slog.NewTextHandler(&out, nil)).Info("told", "server", server)
	if strings.Contains(out.String(), credential) || !strings.Contains(out.String(), "turn:here") {
		t.Errorf("logged %s; want the URLs without the credential", out.String())
	}
	if a, b := newSecret(Config{}), newSecret(Config{}); bytes.Equal(a.key, b.key) || len(a.key) < 20 {
		t.Error("two servers without a configured secret made the same one, or a short one")
	}
}

func TestConfigNamesTheBadKey(t *testing.T) {
	if err := (Config{}).Validate(); err != nil {
		t.Errorf("no TURN at all: %v", err)
	}
	secret := strings.Repeat("s", leastSecret)
	for want, cfg := range map[string]Config{
		`turn.listen: "3478"`:                     {Listen: "3478", Realm: "x"},
		`turn.listen: ":x"`:                       {Listen: ":x", Realm: "x"},
		`turn.listen: "host:1"`:                   {Listen: "host:1", Realm: "x"},
		`turn.realm: ""`:                          {Listen: ":1"},
		`turn.external[0]: "stun:x"`:              {External: []string{"stun:x"}, Secret: secret},
		`turn.external[0]: "turn:x?transport=sc"`: {External: []string{"turn:x?transport=sc"}, Secret: secret},
		`turn.external[0]: "turn://x"`:            {External: []string{"turn://x"}, Secret: secret},
		`turn.secret: empty`:                      {External: []string{"turn:x:3478?transport=udp"}},
		`turn.secret: 5 characters`:               {Secret: "short"},
		`turn.public_ips[0]: "x"`:                 {PublicIPs: []string{"x"}},
		`turn.allow_peers[0]: "10.0.0.1"`:         {AllowPeers: []string{"10.0.0.1"}},
		`turn.relay_ports: "80-90"`:               {RelayPorts: "80-90"},
		`turn.relay_ports: "5000"`:                {RelayPorts: "5000"},
		`turn.lifetime: 1s`:                       {Lifetime: time.Second},
		`turn.bitrate: 5`:                         {Bitrate: 5},
	} {
		err := cfg.Validate()
		if err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "accepted") {
			t.Errorf("got %v; want an error that begins with %s", err, want)
		}
		if err != nil && cfg.Secret != "" && strings.Contains(err.Error(), cfg.Secret) {
			t.Errorf("%v shows the secret", err)
		}
	}
}

// TestURLs: those of the embedded server come first, for both protocols and each address; external ones follow.
func TestURLs(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{Listen: "127.0.0.1:0", Realm: "x"}, "[turn:127.0.0.1:PORT?transport=udp turn:127.0.0.1:PORT?transport=tcp]"},
		{
			Config{Listen: ":0", Realm: "x", PublicIPs: []string{"5.6.7.8", "2a00::1"}, External: []string{"turn:there:3478?transport=udp"}, Secret: "a secret shared with it"},
			"[turn:5.6.7.8:PORT?transport=udp turn:[2a00::1]:PORT?transport=udp turn:5.6.7.8:PORT?transport=tcp turn:[2a00::1]:PORT?transport=tcp turn:there:3478?transport=udp]",
		},
		{Config{External: []string{"turns:there"}, Secret: "a secret shared with it"}, "[turns:there]"},
	} {
		r, err := New(c.cfg, quiet)
		if err != nil {
			t.Fatal(err)
		}
		port := ""
		if r.tcp != nil {
			port = fmt.Sprint(r.tcp.Addr().(interface{ AddrPort() netip.AddrPort }).AddrPort().Port())
		}
		servers := r.Servers("ana")
		if got := strings.ReplaceAll(fmt.Sprint(servers[0].URLs), ":"+port+"?", ":PORT?"); got != c.want {
			t.Errorf("got %s; want %s", got, c.want)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}
