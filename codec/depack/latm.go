package depack

import (
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
)

// maxAACUnit is the maximum size in bytes of an AudioMuxElement. An access unit of AAC has 6144 bits for each channel at most.
const maxAACUnit = 64 << 10

var errLATMConfig = errors.New("LATM stream has not sent its configuration yet")

// latm reads the AudioMuxElements of LATM (ISO 14496-3, 1.7.3). It takes the first layer of the first program.
type latm struct {
	inBand bool // the elements carry the configuration
	mux    *mpeg4audio.StreamMuxConfig
	config []byte    // AudioSpecificConfig; nil: unknown
	pts    mediaTime // of the open element
}

// configure sets the StreamMuxConfig that was signalled in SDP. If there is none, the elements carry it.
func (l *latm) configure(config []byte) error {
	if len(config) == 0 {
		l.inBand = true
		return nil
	}
	var mux mpeg4audio.StreamMuxConfig
	err := mux.Unmarshal(config) // fails for bytes behind the end too, which do no harm
	if len(mux.Programs) == 0 || mux.Programs[0] == nil || len(mux.Programs[0].Layers) == 0 || mux.Programs[0].Layers[0] == nil {
		return fmt.Errorf("LATM configuration %X: %w", config, err)
	}
	return l.use(&mux)
}

// use makes mux the configuration of the elements that follow.
func (l *latm) use(mux *mpeg4audio.StreamMuxConfig) error {
	config, err := mux.Programs[0].Layers[0].AudioSpecificConfig.Marshal()
	if err != nil {
		return fmt.Errorf("LATM configuration: %w", err)
	}
	if _, err = readAACConfig(config); err != nil {
		return err
	}
	l.mux, l.config = mux, config
	return nil
}

// split returns the access units of an element.
func (l *latm) split(element []byte) (units [][]byte, err error) {
	if l.inBand && l.mux == nil && len(element) > 0 && element[0]&0x80 != 0 {
		return nil, errLATMConfig
	}
	e := mpeg4audio.AudioMuxElement{MuxConfigPresent: l.inBand, StreamMuxConfig: l.mux}
	if err := e.Unmarshal(element); err != nil {
		return nil, fmt.Errorf("LATM element: %w", err)
	}
	if e.StreamMuxConfig != l.mux {
		if err := l.use(e.StreamMuxConfig); err != nil {
			return nil, err
		}
	}
	for _, frame := range e.Payloads {
		units = append(units, frame[0][0])
	}
	return units, nil
}
