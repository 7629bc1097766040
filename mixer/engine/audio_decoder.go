package engine

import (
	"bytes"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// audioDecoder decodes the audio of one source, in any codec. One goroutine owns it.
type audioDecoder struct {
	opened mixer.Packet        // the format that the decoder was opened for, as a packet without data
	opus   *codec.OpusDecoder  // nil: the codec is not Opus
	other  *codec.AudioDecoder // for any codec except Opus
	buf    []int16             // the audio that was decoded last

	// A muted microphone sends equal packets for hours. When such packets have been decoded to silence, further equal packets are
	// not decoded.
	last    []byte // data of the last packet
	same    int    // how many packets in a row were equal to the one before them
	silence int    // number of samples if the packet that was decoded last is silent, otherwise zero
}

// sameness is the number of equal packets in a row after which further equal packets are not decoded. By then the decoder has no
// audible state from before.
const sameness = 5

// recoverMost is the longest gap that is filled completely by redundancy and concealment. In a longer gap, only the end is
// filled, as long as one packet.
const recoverMost = 60 * time.Millisecond

// open opens a decoder for packets in the format of p, unless a decoder for this format is open already.
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

// sameFormat reports whether one decoder can decode both packets.
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

// repeatsSilence reports whether p equals at least sameness packets before p, which were decoded to silence.
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

// restore appends the audio of Opus packets that were lost before p to pcm. It uses the redundancy in p and concealment. missing
// is how much audio is missing. restore must be called before p is decoded. For other codecs it appends nothing.
func (d *audioDecoder) restore(pcm []int16, p mixer.Packet, missing time.Duration) []int16 {
	if d.opus == nil || missing <= roundTime {
		return pcm
	}
	if missing > recoverMost {
		missing = min(p.Duration, recoverMost)
	}
	pcm, _ = d.opus.DecodeFEC(pcm, p, missing) // the error is ignored: decode returns it again for an invalid packet
	return pcm
}

// close frees the decoder. open may be called again.
func (d *audioDecoder) close() {
	d.opus.Close()
	d.other.Close()
	*d = audioDecoder{}
}
