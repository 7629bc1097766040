package turn

import (
	"net"
	"net/netip"
	"sync"

	"github.com/pion/turn/v5"
)

// maxGrants bounds the addresses that one client relays to at a time: a server has a handful.
const maxGrants = 64

// grants are the permissions that clients have, by their address.
type grants struct {
	mu sync.Mutex
	of map[string]map[netip.Addr]struct{}
}

// hasRoom tells whether a client may have this permission, which it may have already.
func (g *grants) hasRoom(client net.Addr, ip netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := g.of[client.String()]
	_, here := all[ip]
	return here || len(all) < maxGrants
}

// events keep the books.
func (g *grants) events() turn.EventHandler {
	return turn.EventHandler{
		OnPermissionCreated: func(client, _ net.Addr, _, _, _ string, _ net.Addr, peer net.IP) { g.add(client.String(), peer) },
		OnPermissionDeleted: func(client, _ net.Addr, _, _, _ string, _ net.Addr, peer net.IP) { g.remove(client.String(), peer) },
	}
}

func (g *grants) add(client string, peer net.IP) {
	ip, _ := netip.AddrFromSlice(peer)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.of[client] == nil {
		g.of[client] = map[netip.Addr]struct{}{}
	}
	g.of[client][ip.Unmap()] = struct{}{}
}

func (g *grants) remove(client string, peer net.IP) {
	ip, _ := netip.AddrFromSlice(peer)
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.of[client], ip.Unmap())
	if len(g.of[client]) == 0 {
		delete(g.of, client)
	}
}
