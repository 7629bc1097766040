package engine

import (
	"sync/atomic"

	"azulejo/codec"
	"azulejo/codec/keyframe"
	"azulejo/mixer"
)

// videoFormat holds the codec and the size of a source's frames.
type videoFormat struct {
	codec mixer.Codec
	size  mixer.Size // in pixels
}

// videoDecoder decodes the video of one source, in any codec. One goroutine owns
// the decoder. Other goroutines may read format.
type videoDecoder struct {
	maxPixels int
	cutouts   func(*codec.Frame) []codec.Cutout // returns the cutouts that tiles need of a frame
	format    atomic.Pointer[videoFormat]       // format of the newest frame; nil before the first

	decoder   *codec.VideoDecoder // nil before the first packet
	codec     mixer.Codec         // codec of decoder; empty if decoder is nil
	expected  []codec.Cutout      // the cutouts that tiles needed of the last shown frame; the next frame probably needs the same
	immediate bool                // decoding the last packet returned the frame of this packet, so the decoder holds back no frame
	frames    uint64              // number of decoded frames
}

// open prepares the decoder for packets of the codec id. It opens a new decoder if the codec changes.
func (d *videoDecoder) open(id mixer.Codec) error {
	if id == d.codec {
		return nil
	}
	d.close()
	next, err := codec.NewVideoDecoder(id, d.maxPixels)
	if err != nil {
		return err
	}
	d.decoder, d.codec = next, id
	return nil
}

// decode decodes p, and returns the number of frames that p completes. show gets these frames, and owns them. If show is nil, they
// are dropped.
func (d *videoDecoder) decode(p mixer.Packet, show func(codec.Decoded)) (frames int, err error) {
	decoded, err := d.decoder.DecodeCutouts(p, d.wanted(show != nil))
	d.immediate = false
	for _, result := range decoded {
		f := result.Frame
		d.frames++
		d.format.Store(&videoFormat{d.codec, mixer.Size{W: f.Width(), H: f.Height()}})
		d.immediate = err == nil && f.PTS == p.PTS
		if show == nil {
			result.Close()
			continue
		}
		d.expected = d.cutouts(f)
		show(result)
	}
	return len(decoded), err
}

// wanted returns the cutouts to make while decoding: d.expected if the frame is shown, otherwise none.
func (d *videoDecoder) wanted(show bool) []codec.Cutout {
	if !show {
		return nil
	}
	return d.expected
}

// skipLoopFilter sets whether the decoder skips the loop filter from the next packet on. The decoder must be open.
func (d *videoDecoder) skipLoopFilter(skip bool) { d.decoder.SkipLoopFilter(skip) }

// learnFormat reads the format from the packet p of a keyframe that is not decoded now.
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

// close frees the decoder. open may be called again.
func (d *videoDecoder) close() {
	d.decoder.Close()
	d.decoder, d.codec = nil, ""
}
