package depack

import (
	"encoding/binary"
	"errors"

	"azulejo/codec/h264"
)

var (
	errNALHeader   = errors.New("NAL unit is shorter than its header, or has its forbidden bit set")
	errNALType     = errors.New("payload is neither a NAL unit nor an aggregation nor a fragment of the non-interleaved mode")
	errNALSize     = errors.New("aggregation ends within a NAL unit")
	errNALFragment = errors.New("fragment of a NAL unit out of its place")
	errNALOpen     = errors.New("NAL unit without its last fragment")
)

// role is what a NAL unit means for its access unit.
type role int

const (
	extra        role = iota // carried along: SEI and the like
	padding                  // left out: delimiters, filler
	paramSet                 // carried, and stored
	randomAccess             // slice of a picture after which no picture refers to an earlier one
	intra                    // other slice without references
	inter                    // slice with references
)

// nalInfo describes a NAL unit.
type nalInfo struct {
	role  role
	first bool // an access unit can start with it
	kind  int  // of a parameter set: 0, 1, ... in the order of sending
	id    int  // of a parameter set
}

// dialect is the difference between H.264 and H.265.
type dialect interface {
	header() int                      // octets
	kind(nal []byte) byte             // NAL unit type
	as(kind byte, nal []byte) []byte  // header of nal with another type
	payloads() (aggregate, frag byte) // types that RTP adds
	plain(kind byte) bool             // true for the types of NAL units proper
	fragment(fu byte) (kind byte)     // type in the header of a fragment
	describe(nal []byte) nalInfo      // nal is at least header octets long
	sets() int                        // number of kinds of parameter sets
}

// nalParser reads RFC 6184 and RFC 7798 without interleaving into Annex B.
type nalParser struct {
	dialect
	buf   []byte
	frag  int // offset in buf of the NAL unit that arrives in fragments; 0 without one
	roles [inter + 1]bool
	have  uint // kinds of parameter sets in the access unit, one bit each
	known paramSets
}

func (n *nalParser) valid(nal []byte) bool {
	return len(nal) >= n.header() && nal[0]&0x80 == 0
}

func (n *nalParser) starts(p []byte) bool {
	if !n.valid(p) {
		return false
	}
	aggregate, frag := n.payloads()
	h := n.header()
	switch n.kind(p) {
	case aggregate:
		return len(p) > h+2 && n.valid(p[h+2:]) && n.describe(p[h+2:]).first
	case frag:
		return len(p) > h && p[h]&0x80 != 0 && n.describe(n.unfragmented(p[:min(len(p), h+16)])).first
	}
	return n.describe(p).first
}

// unfragmented is the start of the NAL unit whose first fragment is p.
func (n *nalParser) unfragmented(p []byte) []byte {
	h := n.header()
	return append(n.as(n.fragment(p[h]), p), p[h+1:]...)
}

func (n *nalParser) add(p []byte) error {
	if !n.valid(p) {
		return errNALHeader
	}
	aggregate, frag := n.payloads()
	switch k := n.kind(p); {
	case k == frag:
		return n.addFragment(p)
	case n.frag != 0:
		return errNALFragment
	case k == aggregate:
		return n.addAggregate(p[n.header():])
	}
	return n.addWhole(p)
}

func (n *nalParser) addWhole(nal []byte) error {
	if !n.valid(nal) {
		return errNALHeader
	}
	if !n.plain(n.kind(nal)) {
		return errNALType
	}
	at := len(n.buf) + h264.StartCodeLen
	n.buf = h264.AppendNAL(n.buf, nal)
	n.register(at)
	return nil
}

func (n *nalParser) addAggregate(p []byte) error {
	for len(p) > 0 {
		if len(p) < 2 {
			return errNALSize
		}
		size := int(binary.BigEndian.Uint16(p))
		p = p[2:]
		if size > len(p) {
			return errNALSize
		}
		if err := n.addWhole(p[:size]); err != nil {
			return err
		}
		p = p[size:]
	}
	return nil
}

// addFragment appends a fragment: an octet with start, end and the type follows the header.
func (n *nalParser) addFragment(p []byte) error {
	h := n.header()
	if len(p) < h+2 {
		return errNALSize
	}
	fu, head := p[h], n.as(n.fragment(p[h]), p)
	start, end := fu&0x80 != 0, fu&0x40 != 0
	if start != (n.frag == 0) || !n.plain(n.kind(head)) {
		return errNALFragment
	}
	if start {
		n.frag = len(n.buf) + h264.StartCodeLen
		n.buf = h264.AppendNAL(n.buf, head)
	} else if n.kind(n.buf[n.frag:]) != n.kind(head) {
		return errNALFragment
	}
	n.buf = append(n.buf, p[h+1:]...)
	if end {
		n.register(n.frag)
		n.frag = 0
	}
	return nil
}

// register notes the role of the last NAL unit, which starts at offset at of buf, and removes it again if it is padding.
func (n *nalParser) register(at int) {
	nal := n.buf[at:]
	info := n.describe(nal)
	switch info.role {
	case padding:
		n.buf = n.buf[:at-h264.StartCodeLen]
	case paramSet:
		n.have |= 1 << info.kind
		n.known.store(info, nal)
	}
	n.roles[info.role] = true
}

// addSet stores a parameter set that was signalled outside of the stream.
func (n *nalParser) addSet(nal []byte) {
	if !n.valid(nal) {
		return
	}
	if info := n.describe(nal); info.role == paramSet {
		n.known.store(info, nal)
	}
}

// finish puts the known parameter sets in front of a keyframe that does not carry all kinds itself. An I picture with an
// SPS counts as a keyframe, because some cameras never send an IDR. A keyframe without parameter sets cannot be decoded
// and does not count as one.
func (n *nalParser) finish() ([]byte, bool, error) {
	if n.frag != 0 {
		return nil, false, errNALOpen
	}
	defer n.reset()
	r := &n.roles
	if !r[randomAccess] && !r[intra] && !r[inter] {
		return nil, false, nil
	}
	key := r[randomAccess] || (r[paramSet] && r[intra] && !r[inter])
	var front []byte
	if all := uint(1)<<n.sets() - 1; key && n.have != all {
		key = n.known.kinds() == all
		front = n.known.annexB()
	}
	data := make([]byte, 0, len(front)+len(n.buf))
	return append(append(data, front...), n.buf...), key, nil
}

func (n *nalParser) reset() {
	n.buf, n.frag, n.have = n.buf[:0], 0, 0
	n.roles = [inter + 1]bool{}
}
