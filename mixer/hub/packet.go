package hub

import (
	"sync"

	"azulejo/codec/pack"
	"azulejo/mixer"
)

// Packet is one packet of a rendition. All sinks share the packet, so nobody may change it.
type Packet struct {
	mixer.Packet
	shared *payloads
}

// payloads holds the RTP payloads of a packet. The first sink that needs the payloads cuts them.
type payloads struct {
	once sync.Once
	all  [][]byte
}

// NewPacket returns p as a packet that sinks can share.
func NewPacket(p mixer.Packet) Packet { return Packet{Packet: p, shared: &payloads{}} }

// Payloads returns the RTP payloads of the packet. The first call cuts them for all sinks. Payloads may be called from any
// goroutine. The caller must not change the payloads.
func (p Packet) Payloads() [][]byte {
	p.shared.once.Do(func() {
		if p.Boundaries == nil {
			p.shared.all = pack.Payloads(p.Codec, p.Data)
			return
		}
		for _, b := range p.Boundaries {
			p.shared.all = append(p.shared.all, pack.Payload(b, p.Data))
		}
	})
	return p.shared.all
}
