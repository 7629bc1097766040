package turn

import (
	"net"
	"net/netip"
	"sync"

	"github.com/pion/turn/v5"
)

// maxGrants bounds the addresses to which one client has permissions at a time; a server has few.
const maxGrants = 64

// grants are the present permissions of clients, by the client's address.
type grants struct {
	mu sync.Mutex
	of map[string]map[netip.Addr]struct{}
}

// hasRoom tells whether a client may have a permission, or has it already.
func (g *grants) hasRoom(client net.Addr, ip netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := g.of[client.String()]
	_, here := all[ip]
	return here || len(all) < maxGrants
}

// events are the callbacks by which pion keeps grants up to date.
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
