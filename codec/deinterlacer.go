package codec

//#cgo pkg-config: libavutil
//#include <libavutil/frame.h>
//
//enum { field_flags = AV_FRAME_FLAG_INTERLACED | AV_FRAME_FLAG_TOP_FIELD_FIRST };
//
//static void set_field_flags(AVFrame *f, int flags) {
//	f->flags = (f->flags & ~field_flags) | flags;
//	f->repeat_pict = 0;
//}
import "C"

import (
	"errors"

	"github.com/asticode/go-astiav"
)

// deinterlacer makes progressive frames of interlaced ones, with FFmpeg's filter bwdif: one frame per frame, without delay. It
// shows the moment of the first field. It opens the filter at the first interlaced frame, so progressive video costs nothing.
// One goroutine owns it; the zero value is ready.
type deinterlacer struct {
	graph  *astiav.FilterGraph // nil: the filter is not open
	source *astiav.BuffersrcFilterContext
	sink   *astiav.BuffersinkFilterContext
	format frameFormat // the frames that graph takes

	flags C.int        // the field flags of the last frame that was marked as interlaced
	sure  int          // how many of the next frames are interlaced even if they are not marked
	seen  combDetector // finds video that is not marked
}

// frameFormat holds what is equal in all frames that one filter graph takes.
type frameFormat struct {
	width, height int
	pixels        astiav.PixelFormat
	space         astiav.ColorSpace
	colours       astiav.ColorRange
	aspect        astiav.Rational
}

// alsoInterlaced is how many frames after an interlaced frame count as interlaced too. An encoder that chooses between fields and
// frames (PAFF) marks only the fields, but its frames consist of two fields as well.
const alsoInterlaced = 50

// smallestInterlaced is a width and height, in pixels, that bwdif takes in every pixel format. Smaller frames stay as they are.
const smallestInterlaced = 16

// interlaced tells whether f consists of two fields: it is marked, or rows of the video alternate. It must be called for each frame
// of a stream, in their order.
func (d *deinterlacer) interlaced(f *Frame) bool {
	if f.Width() < smallestInterlaced || f.Height() < smallestInterlaced {
		return false
	}
	if d.marked(f.f) {
		return true
	}
	d.flags = C.field_flags // PAL is mostly top field first; the wrong order shows the second field, and is not combed either
	return d.seen.interlaced(f)
}

// marked tells whether f, or one of the frames shortly before f, is marked as interlaced.
func (d *deinterlacer) marked(f *astiav.Frame) bool {
	if flags := (*C.AVFrame)(f.UnsafePointer()).flags & C.field_flags; flags&C.AV_FRAME_FLAG_INTERLACED != 0 {
		d.flags, d.sure = flags, alsoInterlaced
		return true
	}
	d.sure = max(d.sure-1, 0)
	return d.sure > 0
}

// filter returns the progressive frame of f, owned by the caller. f must be interlaced.
//
// bwdif holds each frame back until the next one comes, because it compares a frame with the frames before and after. So filter
// sends each frame twice. The second time, the frame is not marked as interlaced: bwdif returns it unchanged when the next frame
// comes, and filter drops it. This costs little quality. The missing lines are those of the second field; bwdif makes them from
// the second fields of this frame and the frame before. It only looks at the frame after to find more motion.
func (d *deinterlacer) filter(f *astiav.Frame) (*astiav.Frame, error) {
	if err := d.open(f); err != nil {
		return nil, translate("open the deinterlacer", err)
	}
	out := astiav.AllocFrame()
	err := d.send(f, d.flags)
	if err == nil {
		err = d.dropSecond(out)
	}
	if err == nil {
		err = d.send(f, 0)
	}
	if err == nil {
		err = d.sink.GetFrame(out, 0)
	}
	if err != nil {
		out.Free()
		return nil, translate("deinterlace", err)
	}
	return out, nil
}

// send passes f to the filter, with the given field flags.
func (d *deinterlacer) send(f *astiav.Frame, flags C.int) error {
	c := f.Clone()
	if c == nil {
		return errors.New("out of memory")
	}
	defer c.Free()
	C.set_field_flags((*C.AVFrame)(c.UnsafePointer()), flags)
	return d.source.AddFrame(c, 0)
}

// dropSecond drops the second copy of the frame before, which the filter returns when a new frame comes. After the first frame
// there is none. scratch is an empty frame, and is empty afterwards.
func (d *deinterlacer) dropSecond(scratch *astiav.Frame) error {
	err := d.sink.GetFrame(scratch, 0)
	if errors.Is(err, astiav.ErrEagain) {
		return nil
	}
	scratch.Unref()
	return err
}

// open opens a filter for frames like f, unless it is open already.
func (d *deinterlacer) open(f *astiav.Frame) error {
	format := frameFormat{f.Width(), f.Height(), f.PixelFormat(), f.ColorSpace(), f.ColorRange(), f.SampleAspectRatio()}
	if d.graph != nil && d.format == format {
		return nil
	}
	d.close()
	d.graph, d.format = astiav.AllocFilterGraph(), format
	d.graph.SetThreadCount(1)
	err := d.openSource()
	if err == nil {
		err = d.connect()
	}
	if err != nil {
		d.close()
	}
	return err
}

// openSource adds the filter to the graph that gets the decoded frames.
func (d *deinterlacer) openSource() (err error) {
	if d.source, err = d.graph.NewBuffersrcFilterContext(astiav.FindFilterByName("buffer"), "in"); err != nil {
		return err
	}
	p := astiav.AllocBuffersrcFilterContextParameters()
	defer p.Free()
	p.SetWidth(d.format.width)
	p.SetHeight(d.format.height)
	p.SetPixelFormat(d.format.pixels)
	p.SetColorSpace(d.format.space)
	p.SetColorRange(d.format.colours)
	p.SetSampleAspectRatio(d.format.aspect)
	p.SetTimeBase(nanoseconds)
	return errors.Join(d.source.SetParameters(p), d.source.Initialize(nil))
}

// connect adds bwdif and the sink to the graph, behind the source.
func (d *deinterlacer) connect() (err error) {
	if d.sink, err = d.graph.NewBuffersinkFilterContext(astiav.FindFilterByName("buffersink"), "out"); err != nil {
		return err
	}
	from, to := astiav.AllocFilterInOut(), astiav.AllocFilterInOut()
	defer from.Free()
	defer to.Free()
	from.SetName("in")
	from.SetFilterContext(d.source.FilterContext())
	to.SetName("out")
	to.SetFilterContext(d.sink.FilterContext())
	if err := d.graph.Parse("[in]bwdif=mode=send_frame:deint=interlaced[out]", to, from); err != nil {
		return err
	}
	return d.graph.Configure()
}

// close frees the filter. filter may be called again.
func (d *deinterlacer) close() {
	if d.graph != nil {
		d.graph.Free()
		d.graph = nil
	}
}
