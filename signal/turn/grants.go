package turn

import (
	"net"
	"net/netip"
	"sync"

	"github.com/pion/turn/v5"
)

// maxGrants is how many addresses of peers one client may have permissions for at a time. The server that it talks to
// has few.
const maxGrants = 64

// grants are the TURN permissions that exist now, by the client's address.
type grants struct {
	mu sync.Mutex
	of map[string]map[netip.Addr]struct{}
}

// allows tells whether a client may have a permission for an address, or has it already.
func (g *grants) allows(client net.Addr, ip netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := g.of[client.String()]
	_, here := all[ip]
	return here || len(all) < maxGrants
}

// events returns the callbacks by which pion reports new and deleted permissions.
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
