package turn

import (
	"net"
	"net/netip"
	"sync"

	"github.com/pion/turn/v5"
)

// maxPermissions is the largest number of simultaneous permissions of one client. Each permission is for one peer's IP
// address. A client needs one for each address of the media server.
const maxPermissions = 64

// permissions are the existing TURN permissions (RFC 8656, section 9).
type permissions struct {
	mu       sync.Mutex
	byClient map[string]map[netip.Addr]struct{} // the keys are the clients' addresses, the values those of the peers
}

// allows tells whether a client may have a permission for the peer address ip. It may if it already has this permission, or
// has fewer than maxPermissions.
func (p *permissions) allows(client net.Addr, ip netip.Addr) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.byClient[client.String()]
	_, exists := all[ip]
	return exists || len(all) < maxPermissions
}

// events returns the callbacks by which pion reports new and deleted permissions.
func (p *permissions) events() turn.EventHandler {
	return turn.EventHandler{
		OnPermissionCreated: func(client, _ net.Addr, _, _, _ string, _ net.Addr, peer net.IP) { p.add(client.String(), peer) },
		OnPermissionDeleted: func(client, _ net.Addr, _, _, _ string, _ net.Addr, peer net.IP) { p.remove(client.String(), peer) },
	}
}

func (p *permissions) add(client string, peer net.IP) {
	ip, _ := netip.AddrFromSlice(peer)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byClient[client] == nil {
		p.byClient[client] = map[netip.Addr]struct{}{}
	}
	p.byClient[client][ip.Unmap()] = struct{}{}
}

func (p *permissions) remove(client string, peer net.IP) {
	ip, _ := netip.AddrFromSlice(peer)
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.byClient[client], ip.Unmap())
	if len(p.byClient[client]) == 0 {
		delete(p.byClient, client)
	}
}
