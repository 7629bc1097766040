package depack

import (
	"errors"
	"fmt"

	"azulejo/codec/aac"
	"azulejo/codec/h264"
)

// maxElement is the maximum size of an AudioMuxElement in bytes.
const maxElement = 64 << 10

var (
	errLATMConfig  = errors.New("LATM stream has not sent its configuration yet")
	errLATMShort   = errors.New("LATM configuration is too short")
	errLATMVersion = errors.New("LATM configuration with audioMuxVersion 1 or without allStreamsSameTimeFraming; accepted are 0 and with")
	errLATMSize    = errors.New("LATM element is shorter than the access units that it announces")
	errLATMRest    = errors.New("LATM element has bytes behind its access units")
	errLATMElement = errors.New("LATM element is larger than 64 KiB")
)

// latm reads the AudioMuxElements of LATM (ISO 14496-3, 1.7.3). It takes the first layer of the first program.
type latm struct {
	inBand bool       // the elements carry the configuration
	mux    *streamMux // nil: unknown
	pts    mediaTime  // of the open element
}

// streamMux is a StreamMuxConfig (ISO 14496-3, table 1.42). A layer of a program is a stream.
type streamMux struct {
	units     int    // access units of each stream in an element, 1 to 64
	streams   int    // 1 to 128
	config    []byte // AudioSpecificConfig of the first stream
	otherData bool   // an element has other data behind the access units
}

// configure sets the StreamMuxConfig that was signalled in SDP. If there is none, the elements carry it.
func (l *latm) configure(config []byte) error {
	switch {
	case len(config) == 0:
		l.inBand = true
		return nil
	case len(config) > aac.MaxConfig:
		return fmt.Errorf("LATM configuration of %d bytes; accepted are at most %d", len(config), aac.MaxConfig)
	}
	mux, err := readStreamMux(h264.NewReader(config))
	if err != nil {
		return fmt.Errorf("LATM configuration %X: %w", config, err)
	}
	l.mux = mux
	return nil
}

// readStreamMux reads a StreamMuxConfig. It does not fail if the bits end behind the last AudioSpecificConfig: some cameras
// leave out the rest in SDP.
func readStreamMux(r *h264.Reader) (*streamMux, error) {
	if version, sameTiming := r.Flag(), r.Flag(); version || !sameTiming {
		return nil, errLATMVersion
	}
	m := &streamMux{units: int(r.Bits(6)) + 1}
	for programs := r.Bits(4) + 1; programs > 0; programs-- {
		for layers := r.Bits(3) + 1; layers > 0; layers-- {
			if err := m.readStream(r); err != nil {
				return nil, err
			}
		}
	}
	m.otherData = r.Flag()
	for more := m.otherData; more; {
		more = r.Flag()
		r.Bits(8) // a byte of the length of the other data
	}
	if r.Flag() {
		r.Bits(8) // CRC
	}
	_, err := aac.ReadConfig(m.config)
	return m, err
}

// readStream reads the description of the next stream.
func (m *streamMux) readStream(r *h264.Reader) error {
	if m.streams == 0 || !r.Flag() { // not useSameConfig
		config, err := aac.CutConfig(r)
		if err != nil {
			return err
		}
		if m.streams == 0 {
			m.config = config
		}
	}
	if r.Bad() {
		return errLATMShort
	}
	if kind := r.Bits(3); kind != 0 && !r.Bad() {
		return fmt.Errorf("LATM configuration with frameLengthType %d; accepted is 0", kind)
	}
	r.Bits(8) // buffer fullness
	m.streams++
	return nil
}

// split returns the access units of an element. They do not share memory with element.
func (l *latm) split(element []byte) (units [][]byte, err error) {
	r, mux := h264.NewReader(element), l.mux
	if l.inBand && !r.Flag() { // not useSameStreamMux
		if mux, err = readStreamMux(r); err != nil {
			return nil, fmt.Errorf("LATM element: %w", err)
		}
	}
	if mux == nil {
		return nil, errLATMConfig
	}
	for range mux.units {
		unit, err := mux.readUnit(r)
		if err != nil {
			return nil, err
		}
		units = append(units, unit)
	}
	if !mux.otherData && r.Left() >= 8 {
		return nil, errLATMRest
	}
	l.mux = mux
	return units, nil
}

// readUnit reads one access unit of each stream, and returns the one of the first stream. All lengths come before all access
// units (ISO 14496-3, tables 1.44 and 1.45). readUnit compares the lengths with the element before it allocates memory.
func (m *streamMux) readUnit(r *h264.Reader) ([]byte, error) {
	size, others := readUnitSize(r), 0
	for range m.streams - 1 {
		others += readUnitSize(r)
	}
	if r.Bad() || 8*(size+others) > r.Left() {
		return nil, errLATMSize
	}
	unit := make([]byte, size)
	for i := range unit {
		unit[i] = byte(r.Bits(8))
	}
	for range others {
		r.Bits(8)
	}
	return unit, nil
}

// readUnitSize reads the length of an access unit in bytes: the sum of any number of bytes of 255, and one byte below 255.
func readUnitSize(r *h264.Reader) (size int) {
	for {
		b := int(r.Bits(8))
		if size += b; b < 255 {
			return size
		}
	}
}
