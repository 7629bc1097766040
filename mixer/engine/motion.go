package engine

import (
	"sync/atomic"

	"azulejo/mixer"
)

// lowMotion is the number of bits per pixel below which a video counts as hardly moving. Footage of a street in 720p15
// takes 0.08 bits per pixel with traffic, and 0.01 at night without traffic.
const lowMotion = 0.02

// motionMeter estimates from the sizes of packets how much a source's video moves.
type motionMeter struct {
	bits float64     // mean bits per pixel of the latest frames that are not keyframes; owned by the goroutine that calls add
	low  atomic.Bool // bits is below lowMotion
}

// add counts p, the packet of a frame of the given size. Packets of keyframes do not count.
func (m *motionMeter) add(p mixer.Packet, size mixer.Size) {
	if p.Key {
		return
	}
	perPixel := float64(8*len(p.Data)) / float64(size.W*size.H)
	m.bits += (perPixel - m.bits) / 16
	m.low.Store(m.bits < lowMotion)
}
