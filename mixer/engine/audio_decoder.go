package engine

import (
	"bytes"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// audioDecoder decodes the audio of one source, in any codec. One goroutine owns it.
type audioDecoder struct {
	opened mixer.Packet // has the format that the decoder was opened for, and no data
	opus   *codec.OpusDecoder
	other  *codec.AudioDecoder // of any codec but Opus
	buf    []int16             // the audio that was decoded last

	// A muted microphone sends equal packets for hours. Once such a packet was decoded to silence, equal packets are not
	// decoded any more.
	last    []byte // data of the last packet
	same    int    // how many packets in a row were equal to the one before them
	silence int    // number of samples if the packet that was decoded last is silent, otherwise zero
}

// sameness is how many equal packets must follow each other until they are not decoded any more. By then the state of
// the decoder is silent too.
const sameness = 5

// recoverMost is the longest gap that is filled by redundancy and concealment. Of a longer gap, only the end is filled, by
// the length of one packet.
const recoverMost = 60 * time.Millisecond

// open opens a decoder for packets with the codec and the configuration of p, unless it is open already.
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

// repeatsSilence reports whether p equals at least sameness packets before it, which were decoded to silence.
func (d *audioDecoder) repeatsSilence(p mixer.Packet) bool {
	if !bytes.Equal(p.Data, d.last) {
		d.last, d.same = p.Data, 0
		return false
	}
	d.same++
	return d.same >= sameness && d.silence > 0
}

// silent reports whether all samples are zero.
func silent(pcm []int16) bool {
	for _, v := range pcm {
		if v != 0 {
			return false
		}
	}
	return true
}

// restore appends the audio of Opus packets that were lost before p, from the redundancy in p and by concealment. lost
// is how much audio is missing. restore must be called before p is decoded. For other codecs it appends nothing.
func (d *audioDecoder) restore(pcm []int16, p mixer.Packet, lost time.Duration) []int16 {
	if d.opus == nil || lost <= roundTime {
		return pcm
	}
	if lost > recoverMost {
		lost = min(p.Duration, recoverMost)
	}
	pcm, _ = d.opus.DecodeFEC(pcm, p, lost) // decode reports an invalid packet
	return pcm
}

// close frees the decoder. It may be opened again.
func (d *audioDecoder) close() {
	d.opus.Close()
	d.other.Close()
	*d = audioDecoder{}
}
