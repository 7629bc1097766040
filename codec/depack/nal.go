package depack

import (
	"bytes"
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

// role says what a NAL unit means for its access unit.
type role int

const (
	extra        role = iota // included in the access unit: SEI and others
	padding                  // left out of the access unit: delimiters, filler
	paramSet                 // included in the access unit, and stored
	randomAccess             // slice of an IDR picture (H.264) or IRAP picture (H.265)
	intra                    // other I slice, in H.264 only
	inter                    // other slice, which may refer to other pictures
)

// roleSet is a set of roles.
type roleSet [inter + 1]bool

// hasSlice tells whether the set has the role of a slice.
func (r *roleSet) hasSlice() bool { return r[randomAccess] || r[intra] || r[inter] }

// nalInfo describes a NAL unit.
type nalInfo struct {
	role  role
	first bool // an access unit can start with the NAL unit
	// For a parameter set only. The kinds are numbered from 0 in the order in which a stream must carry them.
	setKind, setID int
	recovery       recovery // for SEI only
}

// recovery is a recovery point: decoding can start at its access unit, although the access unit is no IDR or IRAP picture.
// After the count of frames, the decoded frames are exact. The count is 0 for an I picture. With gradual intra refresh,
// which has no I pictures, the count is the length of the refresh.
type recovery struct {
	known  bool // there is a recovery point
	frames int  // frames until decoded frames are exact
}

// payloadFormat describes an RTP payload format: that of H.264 or that of H.265. The two differ only in these methods.
type payloadFormat interface {
	headerLen() int                              // length of a NAL unit header in octets
	typeOf(nal []byte) byte                      // NAL unit type of nal
	headerAs(nalType byte, nal []byte) []byte    // header of nal, with its type replaced by nalType
	rtpTypes() (aggregate, fragment byte)        // NAL unit types that exist only in RTP
	isCodecType(nalType byte) bool               // whether nalType belongs to the codec; RTP adds others
	fragmentedType(fuHeader byte) (nalType byte) // type of the NAL unit that the fragment belongs to
	describe(nal []byte) nalInfo                 // properties of nal, which must have at least headerLen octets
	setKinds() int                               // number of kinds of parameter sets
}

// nalParser converts RTP payloads (RFC 6184 and RFC 7798, non-interleaved) to Annex B.
type nalParser struct {
	payloadFormat
	buf        []byte    // the open access unit in Annex B
	fragmented int       // offset in buf of the NAL unit whose fragments are arriving; 0 if there is none
	roles      roleSet   // the roles of the NAL units in the open access unit
	carried    uint      // kinds of parameter sets in the open access unit: bit i stands for kind i
	recovery   recovery  // the recovery point in the open access unit
	finished   bool      // finish has closed the access unit in buf
	stored     paramSets // the newest parameter sets, from the stream and from SDP
	keys       keyRule   // the rule for the next access unit
	keysBefore keyRule   // the rule for the access unit that finish has closed last
}

// startCode is the start of each NAL unit in Annex B. A proper NAL unit does not contain it, because of emulation prevention.
var startCode = []byte{0, 0, 1}

// trimStartCode removes a start code at the start of the payload p. Some cameras send it.
func trimStartCode(p []byte) []byte {
	if rest := bytes.TrimPrefix(p, []byte{0}); bytes.HasPrefix(rest, startCode) {
		p = rest
	}
	return bytes.TrimPrefix(p, startCode)
}

// valid tells whether nal has a complete NAL unit header whose forbidden bit is zero.
func (n *nalParser) valid(nal []byte) bool {
	return len(nal) >= n.headerLen() && nal[0]&0x80 == 0
}

// starts tells whether an access unit can start with the payload p.
func (n *nalParser) starts(p []byte) bool { return n.describeFirst(p).first }

// continues tells whether the payload p starts with a slice that is not the first of its picture.
func (n *nalParser) continues(p []byte) bool {
	info := n.describeFirst(p)
	return info.role >= randomAccess && !info.first
}

// describeFirst describes the first NAL unit in the payload p. The result is the zero nalInfo if p does not contain the start
// of a NAL unit.
func (n *nalParser) describeFirst(p []byte) nalInfo {
	p = trimStartCode(p)
	if !n.valid(p) {
		return nalInfo{}
	}
	aggregate, fragment := n.rtpTypes()
	h := n.headerLen()
	switch n.typeOf(p) {
	case aggregate:
		if len(p) <= h+2 {
			return nalInfo{}
		}
		p = trimStartCode(p[h+2:])
	case fragment:
		if len(p) <= h || p[h]&0x80 == 0 {
			return nalInfo{}
		}
		p = n.unfragmented(p[:min(len(p), h+16)])
	}
	if !n.valid(p) {
		return nalInfo{}
	}
	return n.describe(p)
}

// unfragmented returns the start of a fragmented NAL unit. p is the start of its first fragment.
func (n *nalParser) unfragmented(p []byte) []byte {
	h := n.headerLen()
	return append(n.headerAs(n.fragmentedType(p[h]), p), p[h+1:]...)
}

// add appends the NAL units in the payload p to the open access unit.
func (n *nalParser) add(p []byte) error {
	if n.finished {
		n.clear()
	}
	if p = trimStartCode(p); !n.valid(p) {
		return errNALHeader
	}
	aggregate, fragment := n.rtpTypes()
	switch nalType := n.typeOf(p); {
	case nalType == fragment:
		return n.addFragment(p)
	case n.fragmented != 0:
		return errNALFragment
	case nalType == aggregate:
		return n.addAggregate(p[n.headerLen():])
	}
	return n.addWhole(p)
}

// addWhole appends a complete NAL unit.
func (n *nalParser) addWhole(nal []byte) error {
	if nal = trimStartCode(nal); !n.valid(nal) {
		return errNALHeader
	}
	if !n.isCodecType(n.typeOf(nal)) {
		return errNALType
	}
	offset := len(n.buf) + h264.StartCodeLen
	n.buf = h264.AppendNAL(n.buf, nal)
	n.register(offset)
	return nil
}

// addAggregate appends the NAL units of an aggregation packet. p is the RTP payload without the payload header.
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

// addFragment appends a fragment of a NAL unit. p is the RTP payload. The octet after the payload header, the FU header, has
// the start bit, the end bit and the type of the NAL unit.
func (n *nalParser) addFragment(p []byte) error {
	h := n.headerLen()
	if len(p) < h+2 {
		return errNALSize
	}
	fu, head := p[h], n.headerAs(n.fragmentedType(p[h]), p)
	start, end := fu&0x80 != 0, fu&0x40 != 0
	if start != (n.fragmented == 0) || !n.isCodecType(n.typeOf(head)) {
		return errNALFragment
	}
	if start {
		n.fragmented = len(n.buf) + h264.StartCodeLen
		n.buf = h264.AppendNAL(n.buf, head)
	} else if n.typeOf(n.buf[n.fragmented:]) != n.typeOf(head) {
		return errNALFragment
	}
	n.buf = append(n.buf, p[h+1:]...)
	if end {
		n.register(n.fragmented)
		n.fragmented = 0
	}
	return nil
}

// register records the role of the last NAL unit in buf. offset is where this NAL unit starts. If the NAL unit contains start
// codes, register divides it there: some cameras send SPS, PPS and IDR picture with start codes between them as one NAL unit.
func (n *nalParser) register(offset int) {
	if !bytes.Contains(n.buf[offset:], startCode) {
		n.registerOne(offset)
		return
	}
	joined := bytes.Clone(n.buf[offset:])
	n.buf = n.buf[:offset-h264.StartCodeLen]
	for _, nal := range h264.NALs(joined) {
		if n.valid(nal) && n.isCodecType(n.typeOf(nal)) {
			n.buf = h264.AppendNAL(n.buf, nal)
			n.registerOne(len(n.buf) - len(nal))
		}
	}
}

// registerOne records the role of the last NAL unit in buf, which contains no start code. offset is where this NAL unit
// starts. registerOne removes padding from buf, and stores a parameter set.
func (n *nalParser) registerOne(offset int) {
	nal := n.buf[offset:]
	info := n.describe(nal)
	switch info.role {
	case padding:
		n.buf = n.buf[:offset-h264.StartCodeLen]
	case paramSet:
		n.carried |= 1 << info.setKind
		n.stored.store(info, nal)
	}
	if info.recovery.known {
		n.recovery = info.recovery
	}
	n.roles[info.role] = true
}

// addSets stores the parameter sets that were signalled outside of the stream. nals is one NAL unit, or several with start
// codes. addSets ignores NAL units that are no parameter sets.
func (n *nalParser) addSets(nals []byte) {
	for _, nal := range h264.NALs(nals) {
		if !n.valid(nal) {
			continue
		}
		if info := n.describe(nal); info.role == paramSet {
			n.stored.storeSignalled(info, nal)
		}
	}
}

// isPicture tells whether the open access unit contains slices, and its last NAL unit is complete.
func (n *nalParser) isPicture() bool {
	return n.fragmented == 0 && n.roles.hasSlice()
}

// finish closes the access unit. It returns a copy of its data, and whether it is a keyframe (see keyRule). If a keyframe does
// not carry all kinds of parameter sets, finish puts the stored ones in front of it. If a kind of parameter set is then
// still missing, decoding cannot start at the access unit, and it does not count as a keyframe.
func (n *nalParser) finish() ([]byte, bool, error) {
	if n.fragmented != 0 {
		return nil, false, errNALOpen
	}
	if !n.isPicture() {
		n.clear()
		return nil, false, nil
	}
	n.finished, n.keysBefore = true, n.keys
	key := n.keys.isKey(n.roles, n.recovery)
	var front []byte
	if all := uint(1)<<n.setKinds() - 1; key && n.carried != all {
		key = n.stored.kinds() == all
		front = n.stored.annexB()
	}
	data := make([]byte, 0, len(front)+len(n.buf))
	return append(append(data, front...), n.buf...), key, nil
}

// reopen opens the access unit again that finish has closed last, so that more of its NAL units can be added. It returns
// false if that access unit was discarded.
func (n *nalParser) reopen() bool {
	if !n.finished {
		return false
	}
	n.finished, n.keys = false, n.keysBefore
	return true
}

// reset discards the open access unit. It keeps the stored parameter sets.
func (n *nalParser) reset() {
	n.clear()
	n.keys.refresh = 0
}

// clear removes the NAL units of the access unit.
func (n *nalParser) clear() {
	n.buf, n.fragmented, n.carried = n.buf[:0], 0, 0
	n.roles, n.recovery, n.finished = roleSet{}, recovery{}, false
}
