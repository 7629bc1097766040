package engine

import (
	"bytes"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// audioDecoder decodes the audio of one source, in any codec. One goroutine owns it.
type audioDecoder struct {
	opened mixer.Packet // a packet of the format that the decoder was opened for
	opus   *codec.OpusDecoder
	other  *codec.AudioDecoder // of any codec but Opus
	buf    []int16             // the newest audio

	// A muted microphone sends the same packet for hours. Once it has given only silence, it is not decoded any more.
	last    []byte // the data of the last packet
	same    int    // packets in a row that equal last
	silence int    // samples of silence that last gives; zero if it gives anything else
}

// sameness is how many equal packets in a row show that the decoder's state is silent as well.
const sameness = 5

// recoverMost is the longest gap that is filled by redundancy and concealment. Of a longer gap, only the end is filled.
const recoverMost = 60 * time.Millisecond

// open prepares for packets of the codec and the configuration of p.
func (d *audioDecoder) open(p mixer.Packet) (err error) {
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

// decode appends the audio of p to pcm.
func (d *audioDecoder) decode(pcm []int16, p mixer.Packet) (_ []int16, err error) {
	if d.repeatsSilence(p) {
		return append(pcm, make([]int16, d.silence)...), nil
	}
	used := len(pcm)
	if d.opus != nil {
		pcm, err = d.opus.Decode(pcm, p)
	} else {
		pcm, err = d.other.Decode(pcm, p)
	}
	d.silence = 0
	if silent(pcm[used:]) {
		d.silence = len(pcm) - used
	}
	return pcm, err
}

// repeatsSilence reports whether p equals the packets before, which gave silence.
func (d *audioDecoder) repeatsSilence(p mixer.Packet) bool {
	if !bytes.Equal(p.Data, d.last) {
		d.last, d.same = p.Data, 0
		return false
	}
	d.same++
	return d.same >= sameness && d.silence > 0
}

func silent(pcm []int16) bool {
	for _, v := range pcm {
		if v != 0 {
			return false
		}
	}
	return true
}

// restore appends audio that was lost before p, as far as redundancy in p and concealment give it. It is called before
// p is decoded.
func (d *audioDecoder) restore(pcm []int16, p mixer.Packet, lost time.Duration) []int16 {
	if d.opus == nil || lost <= roundTime {
		return pcm
	}
	if lost > recoverMost {
		lost = min(p.Duration, recoverMost)
	}
	pcm, _ = d.opus.DecodeFEC(pcm, p, lost) // a bad packet is reported when it is decoded
	return pcm
}

// close frees the decoder. It may be opened again.
func (d *audioDecoder) close() {
	d.opus.Close()
	d.other.Close()
	*d = audioDecoder{}
}
