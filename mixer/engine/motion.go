package engine

import (
	"sync/atomic"

	"azulejo/mixer"
)

// lowMotion is the bits per pixel below which video counts as hardly changing. Street footage of 720p15 with traffic
// has 0.08 bits per pixel; the same street at night without traffic has 0.01.
const lowMotion = 0.02

// motionMeter estimates from the size of packets how much moves in a source's video.
type motionMeter struct {
	bits float64     // mean bits per pixel of the latest frames that are not keyframes; owned by the goroutine that adds
	low  atomic.Bool // hardly anything moves
}

// add counts the packet of a frame of that size. Keyframes do not count.
func (m *motionMeter) add(p mixer.Packet, size mixer.Size) {
	if p.Key {
		return
	}
	bits := float64(8*len(p.Data)) / float64(size.W*size.H)
	m.bits += (bits - m.bits) / 16
	m.low.Store(m.bits < lowMotion)
}
