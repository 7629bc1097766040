package main

import (
	"fmt"
	"net/netip"
	"time"

	"azulejo/signal/peer"
	"azulejo/signal/turn"
)

// TurnConfig has the settings of TURN relays, see turn.Config.
type TurnConfig struct {
	Listen     string        `yaml:"listen"`
	Realm      string        `yaml:"realm"`
	External   []string      `yaml:"external"`
	Secret     Secret        `yaml:"secret"`
	PublicIPs  []string      `yaml:"public_ips"` // empty: webrtc.public_ips is used
	RelayPorts string        `yaml:"relay_ports"`
	AllowPeers []string      `yaml:"allow_peers"`
	Lifetime   time.Duration `yaml:"lifetime"`
	Bitrate    int           `yaml:"bitrate"`
}

func (c Config) turn() turn.Config {
	t := c.Turn
	public := t.PublicIPs
	if len(public) == 0 {
		public = c.WebRTC.PublicIPs
	}
	return turn.Config{
		Listen: t.Listen, Realm: t.Realm, External: t.External, Secret: string(t.Secret), PublicIPs: public,
		RelayPorts: t.RelayPorts, AllowPeers: t.AllowPeers, Lifetime: t.Lifetime, Bitrate: t.Bitrate,
	}
}

func (c Config) validateTurn() error {
	if c.Turn.Listen != "" && c.WebRTC.UDP == "" {
		return fmt.Errorf("turn.listen: %q: relays send UDP and need webrtc.udp; accepted is both or neither", c.Turn.Listen)
	}
	t := c.turn()
	if len(c.Turn.PublicIPs) == 0 && c.WebRTC.Validate() != nil {
		t.PublicIPs = nil // they are those of webrtc, which has its own error
	}
	return t.Validate()
}

// openMedia opens the ports of WebRTC and of the TURN relays. It passes the addresses of the relays to the peer engine, which
// sends them to the clients. It passes the ports of the peer engine to the relays. The relays may always send to these ports.
func (s *server) openMedia() (err error) {
	relays := s.cfg.turn()
	relays.Media = func() []netip.AddrPort { return s.peers.Media() }
	if s.relays, err = turn.New(relays, s.log); err != nil {
		return err
	}
	media := s.cfg.WebRTC
	media.Relays = func(user string) []peer.ICEServer {
		var all []peer.ICEServer
		for _, server := range s.relays.Servers(user) {
			all = append(all, peer.ICEServer(server))
		}
		return all
	}
	s.peers, err = peer.NewEngine(media, s.log)
	return err
}
