package depack

import (
	"errors"

	"github.com/pion/rtp"

	"azulejo/mixer"
)

// maxAccessUnit bounds one access unit, in bytes of payload. A 4K intra frame of a camera is much smaller.
const maxAccessUnit = 8 << 20

var errAccessUnitSize = errors.New("access unit is larger than 8 MiB")

// parser appends the payloads of one video codec to the open access unit.
type parser interface {
	// starts tells whether an access unit can start with this payload, which is not empty.
	starts(payload []byte) bool
	// add appends a payload, which is not empty and which the caller keeps. After an error the caller calls reset.
	add(payload []byte) error
	// finish closes the access unit and returns it in memory of its own; nil if it has no frame.
	finish() (data []byte, key bool, err error)
	// reset discards the access unit.
	reset()
}

// video divides a stream into access units and emits the complete ones.
type video struct {
	id     mixer.Codec
	track  *Track
	parser parser

	joined   bool // the first packet has arrived
	markless bool // access units end by a new timestamp and not by a marker
	open     bool // an access unit is open, with the timestamp and pts below
	stamp    uint32
	pts      ticks
	size     int
	broken   bool // a part of the open access unit is missing or malformed
	lost     bool // an access unit before the next one is missing
}

func (v *video) add(p *rtp.Packet, pts ticks, gap bool) {
	if gap {
		v.lost = true
		v.broken = v.open
	}
	if v.open && p.Timestamp != v.stamp {
		v.markless = v.markless || !v.broken
		v.close()
	}
	if !v.open {
		v.open, v.stamp, v.pts, v.size = true, p.Timestamp, pts, 0
		v.broken = (gap || !v.joined) && !v.parser.starts(p.Payload)
		v.joined = true
	}
	v.append(p.Payload)
	if p.Marker {
		v.markless = false
		v.close()
	}
}

func (v *video) append(payload []byte) {
	if v.broken {
		return
	}
	err := errAccessUnitSize
	if v.size += len(payload); v.size <= maxAccessUnit {
		err = v.parser.add(payload)
	}
	if err != nil {
		v.track.malformed(err)
		v.broken = true
	}
}

// close emits the open access unit, or discards it if it is broken.
func (v *video) close() {
	v.open = false
	if v.broken {
		v.discard()
		return
	}
	data, key, err := v.parser.finish()
	if err != nil {
		v.track.malformed(err)
		v.discard()
		return
	}
	if data == nil {
		return
	}
	v.track.emit(mixer.Packet{Codec: v.id, Data: data, PTS: v.track.clock.duration(v.pts), Key: key, Lost: v.lost})
	v.lost = false
}

func (v *video) discard() {
	v.parser.reset()
	v.track.stats.Dropped++
	v.broken, v.lost = false, true
}

// flush closes the open access unit. It is complete only if the sender sets no markers: with markers, its last packet is
// still missing.
func (v *video) flush() {
	if !v.open {
		return
	}
	v.broken = v.broken || !v.markless
	v.close()
}
