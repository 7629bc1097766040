package codec

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/asticode/go-astiav"
)

// liveFrames counts the frames that are not closed yet. Tests use the count to find leaks of C memory, because Go's tools do
// not see them.
var liveFrames atomic.Int64

// LiveFrames returns the number of frames in this process that are not closed yet.
func LiveFrames() int64 { return liveFrames.Load() }

// Frame is one raw video frame, usually 8-bit 4:2:0. It owns one reference to its pixels. Ref returns another Frame, which
// owns another reference to the same pixels. Close releases the reference. Code that gets a frame from other code must not
// change its pixels. Only the canvas of a view is drawn on, and only by the code that allocated the canvas.
type Frame struct {
	f      *astiav.Frame
	copies *pool         // memory for the copies of MakeWritable; nil before the first copy
	PTS    time.Duration // since the epoch of the stream or of the room
}

// NewFrame allocates a 4:2:0 frame in BT.709 of limited range with undefined content, owned by the caller. Width and height are
// in pixels, even, from 2 to 16384.
func NewFrame(width, height int) (*Frame, error) {
	return newFrame(width, height, astiav.PixelFormatYuv420P, astiav.ColorRangeMpeg)
}

func newFrame(width, height int, format astiav.PixelFormat, r astiav.ColorRange) (*Frame, error) {
	if width < 2 || height < 2 || width > 16384 || height > 16384 || width%2 != 0 || height%2 != 0 {
		return nil, fmt.Errorf("frame of %dx%d: accepted are even sizes from 2 to 16384", width, height)
	}
	f := astiav.AllocFrame()
	f.SetWidth(width)
	f.SetHeight(height)
	f.SetPixelFormat(format)
	f.SetColorRange(r)
	f.SetColorSpace(canvasMatrix)
	if err := f.AllocBuffer(0); err != nil {
		f.Free()
		return nil, translate(fmt.Sprintf("allocate a frame of %dx%d", width, height), err)
	}
	return own(f), nil
}

// own wraps f in a new Frame. Close of the new Frame frees f.
func own(f *astiav.Frame) *Frame {
	liveFrames.Add(1)
	return &Frame{f: f}
}

// Ref returns another Frame that owns a reference to the pixels of f; the caller must close it. Ref returns nil if f is nil
// or closed, or if memory is exhausted.
func (f *Frame) Ref() *Frame {
	if f == nil || f.f == nil {
		return nil
	}
	c := f.f.Clone()
	if c == nil {
		return nil
	}
	g := own(c)
	g.PTS = f.PTS
	return g
}

// copyMetadata copies the metadata of src to f: PTS, range, colour space and aspect ratio, but not the size.
func (f *Frame) copyMetadata(src *Frame) error {
	f.PTS = src.PTS
	return translate("describe a frame", copyProps(f.f, src.f))
}

// Close releases f's reference to the pixels. It is nil-safe and may be called twice.
func (f *Frame) Close() {
	if f == nil || f.f == nil {
		return
	}
	f.f.Free()
	f.f = nil
	if f.copies != nil {
		f.copies.close()
		f.copies = nil
	}
	liveFrames.Add(-1)
}

// Width returns the number of stored pixels in a row.
func (f *Frame) Width() int { return f.f.Width() }

// Height returns the number of rows.
func (f *Frame) Height() int { return f.f.Height() }

// DisplaySize returns the size in square pixels: the width is multiplied by the sample aspect ratio. An unknown sample
// aspect ratio counts as 1:1.
func (f *Frame) DisplaySize() (width, height int) {
	sar := f.f.SampleAspectRatio()
	if sar.Num() <= 0 || sar.Den() <= 0 {
		return f.Width(), f.Height()
	}
	return f.Width() * sar.Num() / sar.Den(), f.Height()
}

// MakeWritable makes f the only owner of its pixels. If another Frame refers to the same pixels, f gets a copy of them. f
// must be 8-bit 4:2:0. Until f is closed, it keeps the memory of copies that are no longer used, and reuses it for the next
// copy.
func (f *Frame) MakeWritable() error {
	if f.f.IsWritable() {
		return nil
	}
	if f.copies == nil {
		f.copies = &pool{}
	}
	next, err := f.copies.get(f.Width(), f.Height())
	if err != nil {
		return err
	}
	defer next.Close()
	if err := errors.Join(f.f.Copy(next.f), copyProps(next.f, f.f)); err != nil {
		return translate("copy a shared frame", err)
	}
	f.f, next.f = next.f, f.f
	return nil
}

// corrupt tells whether the decoder marked the frame as corrupt, or concealed missing parts of it.
func (f *Frame) corrupt() bool {
	return f.f.Flags().Has(astiav.FrameFlagCorrupt) || decodeErrors(f.f) != 0
}
