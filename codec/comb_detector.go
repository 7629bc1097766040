package codec

import "image"

// combDetector finds interlaced video that is not marked as such: many encoders of analogue cameras join both fields and tell
// nothing of them. Where something moves, the rows of such frames alternate. The detector examines one of examineEvery frames, of
// the heights that analogue cameras have. So it takes no measurable time. The zero value is ready.
type combDetector struct {
	size   image.Rectangle // bounds of the frames
	frames int             // frames since the size last changed
	combed int             // how many of the examined frames were combed
}

const (
	examineEvery = 17 // a prime number, so that not only keyframes are examined
	combedFrames = 2  // combed frames after which the video counts as interlaced, until its size changes
	combedSpots  = 6  // spots that alternate in a combed frame
	spotRows     = 8  // rows that alternate in a spot; fewer are texture
	columnStep   = 3  // distance between examined columns, in pixels
	rowContrast  = 16 // least difference of two rows that alternate; above the noise of a camera
)

// interlaced tells whether the video of f is interlaced. It must be called for each frame of a stream, in their order.
func (d *combDetector) interlaced(f *Frame) bool {
	if f.Bounds() != d.size {
		*d = combDetector{size: f.Bounds()}
	}
	if d.combed >= combedFrames || !analogue(f.Height()) {
		return d.combed >= combedFrames
	}
	if d.frames++; d.frames%examineEvery == 0 && f.planar() && combedIn(f.planes()[0]) {
		d.combed++
	}
	return d.combed >= combedFrames
}

// analogue tells whether analogue cameras have frames of this height: NTSC and PAL, with and without the rows that carry no video.
func analogue(height int) bool {
	return height == 480 || height == 486 || height == 576
}

// combedIn tells whether rows of the plane alternate in enough spots.
func combedIn(p plane) bool {
	spots := 0
	for y := 0; y+spotRows+1 < p.height; y += spotRows {
		for x := 0; x < p.width; x += columnStep {
			if alternates(p.pix[y*p.stride+x:], p.stride) {
				spots++
			}
		}
	}
	return spots >= combedSpots
}

// alternates tells whether the first samples of a column are in turn darker and brighter: each differs from the next one, and is
// like the one after the next.
func alternates(column []byte, stride int) bool {
	sign := 1
	if column[0] < column[stride] {
		sign = -1
	}
	for i := range spotRows {
		value, next, after := int(column[i*stride]), int(column[(i+1)*stride]), int(column[(i+2)*stride])
		step := sign * (value - next)
		if step <= rowContrast || 3*max(value-after, after-value) >= step {
			return false
		}
		sign = -sign
	}
	return true
}
