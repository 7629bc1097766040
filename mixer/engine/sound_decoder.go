package engine

import (
	"bytes"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// soundDecoder decodes the sound of one source, whatever format it comes in. One goroutine owns it.
type soundDecoder struct {
	opened mixer.Packet // a packet of the format that the decoder was opened for
	opus   *codec.OpusDecoder
	other  *codec.AudioDecoder // of what is not Opus
	buf    []int16             // the newest sound

	// A muted microphone sends the same packet for hours; what only gave silence before is not decoded.
	last  []byte
	same  int // packets in a row like last
	quiet int // values of silence that last gives; zero when it is more than silence
}

// sameness is how many equal packets in a row show that the decoder's memory is silent as well.
const sameness = 5

// recoverMost is the longest gap that is filled from redundancy and by the decoder; of a longer one only the end is.
const recoverMost = 60 * time.Millisecond

// open prepares for packets of the codec and the configuration of p.
func (d *soundDecoder) open(p mixer.Packet) (err error) {
	if sameFormat(p, d.opened) {
		return nil
	}
	d.close()
	if p.Codec == mixer.Opus {
		d.opus, err = codec.NewOpusDecoder()
	} else {
		d.other, err = codec.NewAudioDecoderFor(p)
	}
	if err == nil {
		d.opened = mixer.Packet{Codec: p.Codec, Config: p.Config, SampleRate: p.SampleRate, Channels: p.Channels}
	}
	return err
}

// sameFormat tells whether one decoder decodes both packets.
func sameFormat(a, b mixer.Packet) bool {
	return a.Codec == b.Codec && a.SampleRate == b.SampleRate && a.Channels == b.Channels && bytes.Equal(a.Config, b.Config)
}

// decode appends the sound of p to pcm.
func (d *soundDecoder) decode(pcm []int16, p mixer.Packet) (_ []int16, err error) {
	if d.repeats(p) {
		return append(pcm, make([]int16, d.quiet)...), nil
	}
	used := len(pcm)
	if d.opus != nil {
		pcm, err = d.opus.Decode(pcm, p)
	} else {
		pcm, err = d.other.Decode(pcm, p)
	}
	d.quiet = 0
	if silent(pcm[used:]) {
		d.quiet = len(pcm) - used
	}
	return pcm, err
}

// repeats tells whether p is what gave silence before.
func (d *soundDecoder) repeats(p mixer.Packet) bool {
	if !bytes.Equal(p.Data, d.last) {
		d.last, d.same = p.Data, 0
		return false
	}
	d.same++
	return d.same >= sameness && d.quiet > 0
}

func silent(pcm []int16) bool {
	for _, v := range pcm {
		if v != 0 {
			return false
		}
	}
	return true
}

// restore appends what p, which has not been decoded yet, and the decoder know of the sound that was lost before it.
func (d *soundDecoder) restore(pcm []int16, p mixer.Packet, lost time.Duration) []int16 {
	if d.opus == nil || lost <= roundTime {
		return pcm
	}
	if lost > recoverMost {
		lost = min(p.Duration, recoverMost)
	}
	pcm, _ = d.opus.DecodeFEC(pcm, p, lost) // a bad packet is reported when it is decoded
	return pcm
}

// close frees the decoder; it may be opened again.
func (d *soundDecoder) close() {
	d.opus.Close()
	d.other.Close()
	*d = soundDecoder{}
}
