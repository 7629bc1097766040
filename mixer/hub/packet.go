package hub

import (
	"sync"

	"azulejo/codec/pack"
	"azulejo/mixer"
)

// Packet is one packet of a rendition on its way to all its sinks, which share it: nobody writes to it.
type Packet struct {
	mixer.Packet
	shared *payloads
}

// payloads are the RTP payloads of a packet, made when the first sink needs them.
type payloads struct {
	once sync.Once
	all  [][]byte
}

// NewPacket shares a packet among sinks.
func NewPacket(p mixer.Packet) Packet { return Packet{Packet: p, shared: &payloads{}} }

// Payloads returns the RTP payloads of the packet, cut once for all who share it. It may be called from any goroutine;
// nobody writes to what it returns.
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
