package engine

import (
	"sync/atomic"

	"azulejo/codec"
	"azulejo/codec/keyframe"
	"azulejo/mixer"
)

// videoFormat is the codec and the size of a source's frames.
type videoFormat struct {
	id   mixer.Codec
	size mixer.Size
}

// videoDecoder decodes one source's video into its slot, in any codec. One goroutine owns it; any may read format.
type videoDecoder struct {
	maxPixels int
	slot      *frameSlot
	cutouts   func(*codec.Frame) []codec.Cutout
	format    atomic.Pointer[videoFormat] // of the newest frame; nil before the first

	decoder   *codec.VideoDecoder // nil before the first packet
	id        mixer.Codec         // of decoder
	expected  []codec.Cutout      // of the last frame that was shown
	immediate bool                // the last packet gave its own frame: the decoder holds none back
}

// open prepares for packets of that codec.
func (d *videoDecoder) open(id mixer.Codec) error {
	if id == d.id {
		return nil
	}
	d.close()
	next, err := codec.NewVideoDecoder(id, d.maxPixels)
	if err != nil {
		return err
	}
	d.decoder, d.id = next, id
	return nil
}

// decode decodes p. The frames that it completes go to the slot if show is set.
func (d *videoDecoder) decode(p mixer.Packet, show bool) error {
	decoded, err := d.decoder.DecodeCutouts(p, d.wanted(show))
	d.immediate = false
	for _, one := range decoded {
		f := one.Frame
		d.format.Store(&videoFormat{d.id, mixer.Size{W: f.Width(), H: f.Height()}})
		d.immediate = err == nil && f.PTS == p.PTS
		if !show {
			one.Close()
			continue
		}
		d.expected = d.cutouts(f)
		d.slot.replace(one)
	}
	return err
}

// wanted are the cutouts that tiles showed of the last frame; none of a frame that is not shown.
func (d *videoDecoder) wanted(show bool) []codec.Cutout {
	if !show {
		return nil
	}
	return d.expected
}

// skipLoopFilter is for the packets that follow. The decoder must be open.
func (d *videoDecoder) skipLoopFilter(skip bool) { d.decoder.SkipLoopFilter(skip) }

// learnFormat reads the format from a key packet that is not decoded.
func (d *videoDecoder) learnFormat(p mixer.Packet) {
	if head, ok := keyframe.Read(p); ok {
		d.format.Store(&videoFormat{p.Codec, mixer.Size{W: head.Width, H: head.Height}})
	}
}

// size is the size of the newest frame, zero before the first.
func (d *videoDecoder) size() mixer.Size {
	if sh := d.format.Load(); sh != nil {
		return sh.size
	}
	return mixer.Size{}
}

// close frees the decoder. It may be opened again.
func (d *videoDecoder) close() {
	d.decoder.Close()
	d.decoder, d.id = nil, ""
}
