package engine

import (
	"sync/atomic"

	"azulejo/codec"
	"azulejo/codec/keyframe"
	"azulejo/mixer"
)

// videoFormat holds the codec and the size of a source's frames.
type videoFormat struct {
	id   mixer.Codec
	size mixer.Size
}

// videoDecoder decodes the video of one source, in any codec, and puts the frames into the source's slot. One goroutine
// owns it. Other goroutines may read format.
type videoDecoder struct {
	maxPixels int
	slot      *frameSlot
	cutouts   func(*codec.Frame) []codec.Cutout // returns the cutouts that tiles need of a frame
	format    atomic.Pointer[videoFormat]       // of the newest frame; nil before the first

	decoder   *codec.VideoDecoder // nil before the first packet
	id        mixer.Codec         // codec of decoder
	expected  []codec.Cutout      // the cutouts that tiles needed of the last shown frame; the guess for the next one
	frames    uint64              // that were decoded
	immediate bool                // the last packet gave its own frame, so the decoder holds no frame back
}

// open prepares the decoder for packets of the codec id.
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

// decode decodes p. If show is set, the frames that p completes go to the slot. Otherwise they are dropped.
func (d *videoDecoder) decode(p mixer.Packet, show bool) error {
	decoded, err := d.decoder.DecodeCutouts(p, d.wanted(show))
	d.immediate = false
	for _, one := range decoded {
		f := one.Frame
		d.frames++
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

// wanted returns the cutouts to make while decoding: the expected ones if the frame is shown, none otherwise.
func (d *videoDecoder) wanted(show bool) []codec.Cutout {
	if !show {
		return nil
	}
	return d.expected
}

// skipLoopFilter sets whether the decoder skips the loop filter from the next packet on. The decoder must be open.
func (d *videoDecoder) skipLoopFilter(skip bool) { d.decoder.SkipLoopFilter(skip) }

// learnFormat reads the format from a key packet that will not be decoded now.
func (d *videoDecoder) learnFormat(p mixer.Packet) {
	if head, ok := keyframe.Read(p); ok {
		d.format.Store(&videoFormat{p.Codec, mixer.Size{W: head.Width, H: head.Height}})
	}
}

// size returns the size of the newest frame. It is zero before the first frame.
func (d *videoDecoder) size() mixer.Size {
	if format := d.format.Load(); format != nil {
		return format.size
	}
	return mixer.Size{}
}

// close frees the decoder. After that, open may be called again.
func (d *videoDecoder) close() {
	d.decoder.Close()
	d.decoder, d.id = nil, ""
}
