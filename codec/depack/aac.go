package depack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pion/rtp"

	"azulejo/codec/aac"
	"azulejo/codec/h264"
	"azulejo/mixer"
)

const (
	maxAACUnit  = 16 * 6144 / 8 // bytes of an access unit: 6144 bits for each of 16 channels
	maxAACUnits = 64            // access units in a payload; an AudioMuxElement of LATM cannot have more
)

// minSizeLength is the minimum length of the size field of an AU header in bits. The modes of RFC 3640 have 6 and 13.
const minSizeLength = 6

var (
	errAACHeader   = errors.New("AAC payload ends within its headers")
	errAACSize     = errors.New("AAC payload is shorter than the access units that its headers announce")
	errAACUnit     = errors.New("AAC access unit is larger than 12 KiB")
	errAACUnits    = errors.New("AAC payload has more than 64 access units")
	errAACFragment = errors.New("AAC access unit without its last fragment")
)

// AACFormat describes a track of AAC, as SDP signals it.
type AACFormat struct {
	// LATM says that the payloads are of RFC 6416 (MP4A-LATM), not of RFC 3640 (MPEG4-GENERIC).
	LATM bool
	// Config is the decoder configuration: an AudioSpecificConfig or, with LATM, a StreamMuxConfig (ISO 14496-3, 1.6.2.1 and
	// 1.7.3). It is empty if a LATM stream carries its configuration itself.
	Config []byte
	// The lengths of the fields of an AU header in bits (RFC 3640, 3.2.1). A SizeLength of zero means mode AAC-hbr. Otherwise
	// it is 6 to 16. The other two are 0 to 16.
	SizeLength, IndexLength, IndexDeltaLength int
}

// NewAAC returns a Track for AAC and the clock rate that was signalled for it, in Hz. Zero means the sampling rate of the
// configuration. The packets of the Track have the configuration of the stream's own headers if there are any: ADTS headers in
// front of access units, or the StreamMuxConfig of LATM. Otherwise they have the one of f.
func NewAAC(clockRate uint32, f AACFormat) (*Track, error) {
	a := &aacAssembler{format: f}
	if f.SizeLength == 0 {
		a.format.SizeLength, a.format.IndexLength, a.format.IndexDeltaLength = 13, 3, 3
	}
	if !validLengths(a.format) {
		return nil, fmt.Errorf("lengths of %d, %d and %d bits in AU headers: accepted are %d to 16 for the size, 0 to 16 for the others",
			f.SizeLength, f.IndexLength, f.IndexDeltaLength, minSizeLength)
	}
	if err := a.configure(); err != nil {
		return nil, err
	}
	if clockRate == 0 {
		clockRate = uint32(a.rate)
	}
	t, err := newTrack(mixer.AAC, clockRate)
	if err != nil {
		return nil, err
	}
	a.track, t.assembler, t.order.patience = t, a, 0
	return t, nil
}

func validLengths(f AACFormat) bool {
	least, most := min(f.IndexLength, f.IndexDeltaLength), max(f.IndexLength, f.IndexDeltaLength)
	return f.SizeLength >= minSizeLength && f.SizeLength <= 16 && least >= 0 && most <= 16
}

// aacAssembler is the assembler of AAC.
type aacAssembler struct {
	format AACFormat
	track  *Track
	latm   *latm // nil: RFC 3640
	lost   bool  // data since the last access unit is missing

	// From the AudioSpecificConfig of the next access unit.
	config   []byte
	rate     int           // sampling rate of the core coder, in Hz
	duration time.Duration // of an access unit

	// The access unit whose fragments are arriving.
	fragment  []byte // nil: none
	size      int    // length of the whole access unit
	timestamp uint32
}

// configure reads the configuration of the format. With LATM the stream may carry it instead.
func (a *aacAssembler) configure() error {
	if !a.format.LATM {
		return a.setConfig(a.format.Config)
	}
	a.latm = &latm{}
	if err := a.latm.configure(a.format.Config); err != nil || a.latm.inBand {
		return err
	}
	return a.setConfig(a.latm.mux.config)
}

// setConfig makes config the AudioSpecificConfig of the access units that follow. After an error, the one before stays.
func (a *aacAssembler) setConfig(config []byte) error {
	info, err := aac.ReadConfig(config)
	if err != nil {
		return err
	}
	a.config, a.rate = config, info.Rate
	a.duration = time.Duration(info.Samples) * time.Second / time.Duration(info.Rate)
	return nil
}

func (a *aacAssembler) add(p *rtp.Packet, pts mediaTime, gap bool) {
	if gap {
		a.discard()
	}
	if a.latm != nil {
		a.addLATM(p, pts)
		return
	}
	units, err := a.split(p)
	if err != nil {
		a.fail(err)
		return
	}
	a.emit(units, a.track.clock.duration(pts))
}

// split returns the access units that p completes (RFC 3640, 3.2). Some cameras send ADTS frames without AU headers.
func (a *aacAssembler) split(p *rtp.Packet) ([][]byte, error) {
	b := p.Payload
	if aac.IsADTS(b) {
		return [][]byte{b}, nil
	}
	if len(b) < 2 {
		return nil, errAACHeader
	}
	length := int(binary.BigEndian.Uint16(b))
	end := 2 + (length+7)/8
	if length < a.format.SizeLength+a.format.IndexLength || end > len(b) {
		return nil, errAACHeader
	}
	sizes, err := a.sizes(b[2:end], length)
	if err != nil {
		return nil, err
	}
	data := b[end:]
	if len(sizes) == 1 && sizes[0] > len(data) {
		return a.addFragment(p.Timestamp, sizes[0], data)
	}
	if a.fragment != nil {
		a.fail(errAACFragment)
	}
	var units [][]byte
	for _, n := range sizes {
		if n > len(data) {
			return units, errAACSize
		}
		units, data = append(units, data[:n]), data[n:]
	}
	return units, nil
}

// sizes returns the sizes in the AU headers, which have the given length in bits.
func (a *aacAssembler) sizes(headers []byte, length int) (sizes []int, err error) {
	r := h264.NewReader(headers)
	index := a.format.IndexLength
	for length >= a.format.SizeLength+index {
		if len(sizes) == maxAACUnits {
			return nil, errAACUnits
		}
		sizes = append(sizes, int(r.Bits(a.format.SizeLength)))
		r.Bits(index)
		length -= a.format.SizeLength + index
		index = a.format.IndexDeltaLength
	}
	return sizes, nil
}

// addFragment appends data to the access unit of the given size. It returns the access unit when it is complete.
func (a *aacAssembler) addFragment(timestamp uint32, size int, data []byte) ([][]byte, error) {
	if size > maxAACUnit {
		return nil, errAACUnit
	}
	if a.fragment != nil && (a.timestamp != timestamp || a.size != size) {
		a.fail(errAACFragment)
	}
	a.timestamp, a.size = timestamp, size
	a.fragment = append(a.fragment, data...)
	if len(a.fragment) < size {
		return nil, nil
	}
	unit := a.fragment
	a.fragment = nil
	if len(unit) > size {
		return nil, errAACSize
	}
	return [][]byte{unit}, nil
}

// addLATM appends a payload to the open AudioMuxElement, and closes it at the marker bit (RFC 6416, 6.3).
func (a *aacAssembler) addLATM(p *rtp.Packet, pts mediaTime) {
	if a.fragment != nil && p.Timestamp != a.timestamp {
		a.closeLATM()
	}
	if a.fragment == nil {
		a.timestamp, a.latm.pts = p.Timestamp, pts
	}
	if len(a.fragment)+len(p.Payload) > maxElement {
		a.fail(errLATMElement)
		return
	}
	a.fragment = append(a.fragment, p.Payload...)
	if p.Marker {
		a.closeLATM()
	}
}

// closeLATM emits the access units of the open AudioMuxElement.
func (a *aacAssembler) closeLATM() {
	element := a.fragment
	a.fragment = nil
	units, err := a.latm.split(element)
	if err == nil {
		err = a.setConfig(a.latm.mux.config)
	}
	if err != nil {
		a.fail(err)
		return
	}
	a.emit(units, a.track.clock.duration(a.latm.pts))
}

// emit emits access units that follow each other. The first one starts at pts. emit stops at an access unit that is too large,
// or one too many.
func (a *aacAssembler) emit(units [][]byte, pts time.Duration) {
	total := 0
	for _, unit := range units {
		frames, config := aac.SplitADTS(unit, maxAACUnits)
		switch total += len(frames); {
		case total > maxAACUnits:
			a.fail(errAACUnits)
			return
		case slices.ContainsFunc(frames, func(frame []byte) bool { return len(frame) > maxAACUnit }):
			a.fail(errAACUnit)
			return
		case config != nil && a.setConfig(config) != nil:
			a.lost = true
		default:
			pts = a.emitFrames(frames, pts)
		}
	}
}

// emitFrames emits access units without ADTS headers. It returns when the last one ends.
func (a *aacAssembler) emitFrames(frames [][]byte, pts time.Duration) (end time.Duration) {
	for _, frame := range frames {
		if len(frame) == 0 {
			continue
		}
		a.track.emit(mixer.Packet{
			Codec: mixer.AAC, Data: slices.Clone(frame), PTS: pts, Duration: a.duration, Key: true, Lost: a.lost, Config: a.config,
		})
		a.lost = false
		pts += a.duration
	}
	return pts
}

// fail counts a malformed payload and drops the open access unit.
func (a *aacAssembler) fail(err error) {
	a.track.malformed(err)
	a.track.stats.Dropped++
	a.discard()
}

func (a *aacAssembler) discard() { a.fragment, a.lost = nil, true }

// flush emits the open AudioMuxElement of LATM. In RFC 3640 the last fragment of an open access unit is missing.
func (a *aacAssembler) flush() {
	switch {
	case a.fragment == nil:
	case a.latm != nil:
		a.closeLATM()
	default:
		a.discard()
	}
}
