package depack

import (
	"encoding/binary"
	"errors"
)

var (
	errNALHeader   = errors.New("NAL unit is shorter than its header, or has its forbidden bit set")
	errNALType     = errors.New("payload is neither a NAL unit nor an aggregation nor a fragment of the non-interleaved mode")
	errNALSize     = errors.New("aggregation ends within a NAL unit")
	errNALFragment = errors.New("fragment of a NAL unit out of its place")
	errNALOpen     = errors.New("NAL unit without its last fragment")
)

var startCode = []byte{0, 0, 0, 1}

// role is what a NAL unit means for its access unit.
type role int

const (
	extra    role = iota // carried along: SEI and the like
	padding              // left out: delimiters, filler
	paramSet             // carried, and remembered
	instant              // slice of a picture after which nothing refers back
	intra                // other slice that refers to no picture
	inter                // slice that refers to others
)

// nalInfo describes a NAL unit.
type nalInfo struct {
	role  role
	first bool // an access unit can begin with it
	set   int  // kind of parameter set, counted from 0 in the order they are sent
	id    int  // of the parameter set
}

// dialect is where H.264 and H.265 differ.
type dialect interface {
	header() int                      // octets
	kind(nal []byte) byte             // NAL unit type
	as(kind byte, nal []byte) []byte  // header of nal with another type
	payloads() (aggregate, frag byte) // types that RTP adds
	plain(kind byte) bool             // types of NAL units proper
	fragment(fu byte) (kind byte)     // type in the header of a fragment
	describe(nal []byte) nalInfo      // nal is at least header octets long
	sets() int                        // kinds of parameter sets
}

// nalParser reads RFC 6184 and RFC 7798 without interleaving into Annex B.
type nalParser struct {
	dialect
	buf   []byte
	frag  int // where the NAL unit that comes in fragments begins in buf; 0 when there is none
	roles [inter + 1]bool
	have  uint // kinds of parameter sets in the unit, one bit each
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
		return len(p) > h && p[h]&0x80 != 0 && n.describe(n.unfolded(p[:min(len(p), h+16)])).first
	}
	return n.describe(p).first
}

// unfolded is the beginning of a NAL unit as its first fragment has it.
func (n *nalParser) unfolded(p []byte) []byte {
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
		return n.part(p)
	case n.frag != 0:
		return errNALFragment
	case k == aggregate:
		return n.several(p[n.header():])
	}
	return n.whole(p)
}

func (n *nalParser) whole(nal []byte) error {
	if !n.valid(nal) {
		return errNALHeader
	}
	if !n.plain(n.kind(nal)) {
		return errNALType
	}
	n.buf = append(n.buf, startCode...)
	at := len(n.buf)
	n.buf = append(n.buf, nal...)
	n.note(at)
	return nil
}

func (n *nalParser) several(p []byte) error {
	for len(p) > 0 {
		if len(p) < 2 {
			return errNALSize
		}
		size := int(binary.BigEndian.Uint16(p))
		p = p[2:]
		if size > len(p) {
			return errNALSize
		}
		if err := n.whole(p[:size]); err != nil {
			return err
		}
		p = p[size:]
	}
	return nil
}

// part appends a fragment: after the header comes an octet with start, end and the type.
func (n *nalParser) part(p []byte) error {
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
		n.buf = append(n.buf, startCode...)
		n.frag = len(n.buf)
		n.buf = append(n.buf, head...)
	} else if n.kind(n.buf[n.frag:]) != n.kind(head) {
		return errNALFragment
	}
	n.buf = append(n.buf, p[h+1:]...)
	if end {
		n.note(n.frag)
		n.frag = 0
	}
	return nil
}

// note enters the NAL unit at the end of buf, which begins at at, or takes it out again.
func (n *nalParser) note(at int) {
	nal := n.buf[at:]
	info := n.describe(nal)
	switch info.role {
	case padding:
		n.buf = n.buf[:at-len(startCode)]
	case paramSet:
		n.have |= 1 << info.set
		n.known.keep(info, nal)
	}
	n.roles[info.role] = true
}

// learn remembers a parameter set from elsewhere.
func (n *nalParser) learn(nal []byte) {
	if !n.valid(nal) {
		return
	}
	if info := n.describe(nal); info.role == paramSet {
		n.known.keep(info, nal)
	}
}

// take puts the known parameter sets in front of a key picture that does not bring all kinds itself.
// An I picture with an SPS counts as key: some cameras never send another. A key picture without
// parameter sets is none, for nobody can decode it.
func (n *nalParser) take() ([]byte, bool, error) {
	if n.frag != 0 {
		return nil, false, errNALOpen
	}
	defer n.drop()
	r := &n.roles
	if !r[instant] && !r[intra] && !r[inter] {
		return nil, false, nil
	}
	key := r[instant] || (r[paramSet] && r[intra] && !r[inter])
	var front []byte
	if all := uint(1)<<n.sets() - 1; key && n.have != all {
		key = n.known.kinds() == all
		front = n.known.annexB()
	}
	data := make([]byte, 0, len(front)+len(n.buf))
	return append(append(data, front...), n.buf...), key, nil
}

func (n *nalParser) drop() {
	n.buf, n.frag, n.have = n.buf[:0], 0, 0
	n.roles = [inter + 1]bool{}
}
