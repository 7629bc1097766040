package depack

import (
	"errors"

	"github.com/pion/rtp"

	"azulejo/mixer"
)

// maxUnit bounds one access unit, in bytes of payload; a 4K intra picture of a camera stays well below.
const maxUnit = 8 << 20

var errUnitSize = errors.New("access unit is larger than 8 MiB")

// parser reads the payloads of one video codec into the access unit at hand.
type parser interface {
	// starts tells whether an access unit can begin with this payload, which is not empty.
	starts(payload []byte) bool
	// add appends a payload, which is not empty and is only lent. After an error comes drop.
	add(payload []byte) error
	// take ends the unit and returns it in memory of its own; nil when there is no picture in it.
	take() (data []byte, key bool, err error)
	// drop forgets the unit.
	drop()
}

// video cuts a stream into access units, and lets only whole ones out.
type video struct {
	id     mixer.Codec
	track  *Track
	parser parser

	joined   bool // a first packet has come
	markless bool // units end by a new timestamp and not by a marker
	open     bool // a unit has begun, with the timestamp and pts below
	stamp    uint32
	pts      ticks
	size     int
	broken   bool // a part of the open unit is missing or malformed
	lost     bool // a unit before the next one is missing
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
	v.part(p.Payload)
	if p.Marker {
		v.markless = false
		v.close()
	}
}

func (v *video) part(payload []byte) {
	if v.broken {
		return
	}
	err := errUnitSize
	if v.size += len(payload); v.size <= maxUnit {
		err = v.parser.add(payload)
	}
	if err != nil {
		v.track.malformed(err)
		v.broken = true
	}
}

// close ends the open unit, all of whose packets have come unless it is broken.
func (v *video) close() {
	v.open = false
	if v.broken {
		v.discard()
		return
	}
	data, key, err := v.parser.take()
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
	v.parser.drop()
	v.track.stats.Dropped++
	v.broken, v.lost = false, true
}

// end closes the open unit if the sender does not mark the last packet; else its end is yet to come.
func (v *video) end() {
	if !v.open {
		return
	}
	v.broken = v.broken || !v.markless
	v.close()
}
