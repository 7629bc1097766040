package depack

import (
	"errors"

	"github.com/pion/rtp"

	"azulejo/mixer"
)

// maxAccessUnit is the maximum size of an access unit, as the sum of its packets in bytes. A camera's intra frame in 4K is
// much smaller. Headers of RTP count too, because a payload of one byte becomes a NAL unit with a start code of four bytes.
const (
	maxAccessUnit = 8 << 20
	rtpHeaderLen  = 12 // without extensions
)

var errAccessUnitSize = errors.New("access unit is larger than 8 MiB")

// parser assembles the payloads of one video codec to access units. The open access unit is the one that payloads are being
// added to.
type parser interface {
	// starts tells whether an access unit can start with payload, which must not be empty.
	starts(payload []byte) bool
	// add appends payload, which must not be empty. It does not keep payload. After an error the caller must call reset.
	add(payload []byte) error
	// finish closes the access unit. It returns a copy of its data, or nil if the access unit has no frame. key says that
	// the frame is a keyframe.
	finish() (data []byte, key bool, err error)
	// reset discards the open access unit.
	reset()
}

// video is the assembler of video codecs. It divides the stream into access units and emits the complete ones.
type video struct {
	id     mixer.Codec
	track  *Track
	parser parser
	nals   *nalParser // the parser, if the codec has NAL units; otherwise nil

	joined       bool // the first packet has arrived
	noMarkerBits bool // the sender sets no marker bits: an access unit ends where the timestamp changes
	innerMarkers bool // the sender also sets marker bits within pictures: an access unit ends where the next picture starts
	lost         bool // an access unit after the last emitted one is missing

	open      bool   // there is an open access unit, which the following fields describe
	timestamp uint32 // after the access unit was closed: its timestamp
	pts       mediaTime
	size      int  // sum of its packets in bytes; see maxAccessUnit
	corrupt   bool // a part of it is missing or malformed
	marked    bool // its last packet had the marker bit
}

// add appends a packet to the open access unit. It closes the access unit before a packet of the next one, and after a packet
// with the marker bit.
func (v *video) add(p *rtp.Packet, pts mediaTime, gap bool) {
	if gap {
		v.interrupt()
	}
	if v.open && p.Timestamp != v.timestamp {
		v.noMarkerBits = v.noMarkerBits || !v.corrupt && !v.marked
		v.close()
	}
	if v.open && v.innerMarkers && v.nals.isPicture() && v.parser.starts(p.Payload) {
		v.close()
	}
	if !v.open {
		v.begin(p, pts, gap)
	}
	v.append(p.Payload)
	if v.marked = p.Marker; p.Marker {
		v.noMarkerBits = false
		if v.endsAtMarker() {
			v.close()
		}
	}
}

// interrupt notes that packets are missing. The open access unit becomes corrupt, unless it is known to be over: parameter
// sets with a marker bit.
func (v *video) interrupt() {
	v.lost = true
	if v.open && v.marked && v.nals != nil && v.nals.fragmented == 0 && !v.nals.isPicture() {
		v.close()
	}
	v.corrupt = v.open
}

// begin opens an access unit, which starts with p. If p continues the picture of the access unit before, a marker bit has
// ended that access unit too early, and begin opens it again.
func (v *video) begin(p *rtp.Packet, pts mediaTime, gap bool) {
	if !gap && v.joined && p.Timestamp == v.timestamp && v.nals != nil && v.nals.continues(p.Payload) {
		v.innerMarkers, v.open, v.lost = true, true, true
		v.corrupt = !v.nals.reopen()
		return
	}
	v.open, v.timestamp, v.pts, v.size = true, p.Timestamp, pts, 0
	// After a gap, p may be in the middle of an access unit.
	v.corrupt = (gap || !v.joined) && !v.parser.starts(p.Payload)
	v.joined = true
}

// endsAtMarker tells whether the open access unit ends with its newest packet, which has the marker bit. A marker bit does
// not end an access unit without a picture, nor does it end a NAL unit.
func (v *video) endsAtMarker() bool {
	return v.nals == nil || !v.innerMarkers && (v.corrupt || v.nals.isPicture())
}

// append passes a payload to the parser. If the parser returns an error, append marks the access unit as corrupt.
func (v *video) append(payload []byte) {
	if v.corrupt {
		return
	}
	err := errAccessUnitSize
	if v.size += rtpHeaderLen + len(payload); v.size <= maxAccessUnit {
		err = v.parser.add(payload)
	}
	if err != nil {
		v.track.malformed(err)
		v.corrupt = true
	}
}

// close emits the open access unit, or discards it if it is corrupt.
func (v *video) close() {
	v.open = false
	if v.corrupt {
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

// discard drops the access unit that close has closed.
func (v *video) discard() {
	v.parser.reset()
	v.track.stats.Dropped++
	v.corrupt, v.lost = false, true
}

// flush closes the open access unit, if there is one. If the sender sets marker bits, but not on the last packet, further
// packets of the access unit have not arrived, so flush discards the access unit.
func (v *video) flush() {
	if !v.open {
		return
	}
	v.corrupt = v.corrupt || !v.noMarkerBits && !v.marked
	v.close()
}
