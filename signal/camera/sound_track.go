package camera

import (
	"errors"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// soundTrack brings sound to Opus where a packet cannot be decoded without a configuration from elsewhere, which is the
// case of AAC and of unusual G.711; the nil track passes everything on as it is.
type soundTrack struct {
	decoder *codec.AudioDecoder
	encoder *codec.AudioEncoder
	pcm     []int16
	taken   time.Duration // of sound, until now
}

// newSoundTrack takes AAC's AudioSpecificConfig as extra.
func newSoundTrack(id mixer.Codec, extra []byte) (*soundTrack, error) {
	if id != mixer.AAC {
		return nil, nil
	}
	d, err := codec.NewAudioDecoder(id, extra)
	if err != nil {
		return nil, err
	}
	return transcode(d)
}

// newG711Track is nil for the usual G.711.
func newG711Track(id mixer.Codec, rate, channels int) (*soundTrack, error) {
	if rate == 8000 && channels == 1 {
		return nil, nil
	}
	d, err := codec.NewG711Decoder(id, rate, channels)
	if err != nil {
		return nil, err
	}
	return transcode(d)
}

// transcode takes over d.
func transcode(d *codec.AudioDecoder) (*soundTrack, error) {
	e, err := codec.NewAudioEncoder(codec.AudioConfig{Codec: mixer.Opus})
	if err != nil {
		d.Close()
		return nil, err
	}
	return &soundTrack{decoder: d, encoder: e}, nil
}

// take returns p as Opus. Sound that cannot be decoded is left out.
func (s *soundTrack) take(p mixer.Packet) ([]mixer.Packet, error) {
	if s == nil {
		return []mixer.Packet{p}, nil
	}
	var err error
	s.pcm, err = s.decoder.Decode(s.pcm[:0], p)
	if errors.Is(err, mixer.ErrInvalidData) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	begin := s.taken
	s.taken += time.Duration(len(s.pcm)/mixer.Channels) * time.Second / mixer.SampleRate
	packets, err := s.encoder.Encode(s.pcm, p.PTS)
	if p.Captured != 0 {
		for i := range packets { // some of it waited for p to fill a packet
			packets[i].Captured = p.Captured + packets[i].PTS - begin
		}
	}
	return packets, err
}

func (s *soundTrack) close() {
	if s != nil {
		s.decoder.Close()
		s.encoder.Close()
	}
}
