package codec

import (
	"image"
)

// Colour is a pixel in BT.709 of limited range: Y 16–235, U and V 16–240.
type Colour struct{ Y, U, V uint8 }

// RGB converts an sRGB colour to a Colour (ITU-R BT.709-6 §3, items 3.2 to 3.4).
func RGB(r, g, b uint8) Colour {
	y, u, v := toYUV(canvasMatrix, [3]float64{float64(r) / 255, float64(g) / 255, float64(b) / 255})
	return Colour{Y: uint8(16.5 + 219*y), U: uint8(128.5 + 224*u), V: uint8(128.5 + 224*v)}
}

// component returns the value of c in a plane: 0 is Y, 1 is U, 2 is V.
func (c Colour) component(plane int) uint8 { return [3]uint8{c.Y, c.U, c.V}[plane] }

// Bounds returns the rectangle of the whole frame.
func (f *Frame) Bounds() image.Rectangle { return image.Rect(0, 0, f.Width(), f.Height()) }

// Fill paints the part of r inside the frame in one colour. At odd edges it also paints the chroma samples that are only
// half inside r.
func (f *Frame) Fill(r image.Rectangle, c Colour) {
	r = r.Intersect(f.Bounds())
	if r.Empty() {
		return
	}
	for i, p := range f.planes() {
		s := subsample(r, i)
		for y := s.Min.Y; y < s.Max.Y; y++ {
			row := p.pix[y*p.stride+s.Min.X : y*p.stride+s.Max.X]
			for x := range row {
				row[x] = c.component(i)
			}
		}
	}
}

// Paste copies src into f. The top left corner of src comes to x, y, which must be even. Both frames must be 8-bit 4:2:0. The
// part of src that lies outside f is not copied.
func (f *Frame) Paste(src *Frame, x, y int) {
	corner := image.Pt(x, y)
	r := src.Bounds().Add(corner).Intersect(f.Bounds())
	if r.Empty() {
		return
	}
	dstPlanes, srcPlanes := f.planes(), src.planes()
	for i, dst := range dstPlanes {
		d, s := subsample(r, i), subsample(r.Sub(corner), i)
		for row := range d.Dy() {
			copy(dst.pix[(d.Min.Y+row)*dst.stride+d.Min.X:][:d.Dx()],
				srcPlanes[i].pix[(s.Min.Y+row)*srcPlanes[i].stride+s.Min.X:][:s.Dx()])
		}
	}
}

// Blend paints colour c through mask, with the mask's top left corner at x, y. A mask value of 255 is opaque, 0 transparent.
// The part of the mask outside the frame is ignored.
func (f *Frame) Blend(mask *image.Alpha, x, y int, c Colour) {
	shift := image.Pt(x, y).Sub(mask.Rect.Min)
	r := mask.Rect.Add(shift).Intersect(f.Bounds())
	if r.Empty() {
		return
	}
	planes := f.planes()
	for py := r.Min.Y; py < r.Max.Y; py++ {
		row := planes[0].pix[py*planes[0].stride+r.Min.X:][:r.Dx()]
		for i, a := range mask.Pix[mask.PixOffset(r.Min.X-shift.X, py-shift.Y):][:r.Dx()] {
			blendSample(&row[i], c.Y, int(a))
		}
	}
	u, v := planes[1], planes[2]
	for s, py := subsample(r, 1), r.Min.Y/2; py < s.Max.Y; py++ {
		for px := s.Min.X; px < s.Max.X; px++ {
			if a := chromaAlpha(mask, 2*px-shift.X, 2*py-shift.Y); a != 0 {
				blendSample(&u.pix[py*u.stride+px], c.U, a)
				blendSample(&v.pix[py*v.stride+px], c.V, a)
			}
		}
	}
}

// blendSample moves *sample towards target, by alpha/255 of their difference.
func blendSample(sample *uint8, target uint8, alpha int) {
	if alpha != 0 {
		*sample = uint8((int(*sample)*(255-alpha) + int(target)*alpha + 127) / 255)
	}
}

// chromaAlpha returns the mean of the four mask values that one chroma sample covers. The top left one of these is at x, y.
// Values outside the mask count as zero.
func chromaAlpha(mask *image.Alpha, x, y int) int {
	if (image.Rectangle{image.Pt(x, y), image.Pt(x+2, y+2)}).In(mask.Rect) {
		i := mask.PixOffset(x, y)
		j := i + mask.Stride
		return (int(mask.Pix[i]) + int(mask.Pix[i+1]) + int(mask.Pix[j]) + int(mask.Pix[j+1]) + 2) / 4
	}
	return (int(mask.AlphaAt(x, y).A) + int(mask.AlphaAt(x+1, y).A) +
		int(mask.AlphaAt(x, y+1).A) + int(mask.AlphaAt(x+1, y+1).A) + 2) / 4
}

// Mean returns the average colour of the part of r inside the frame. r must overlap the frame. The frame must be 8-bit 4:2:0 of
// limited range, in any matrix.
func (f *Frame) Mean(r image.Rectangle) Colour {
	r = r.Intersect(f.Bounds())
	var mean [3]uint8
	for i, p := range f.planes() {
		s := subsample(r, i)
		sum, n := 0, max(1, s.Dx()*s.Dy())
		for y := s.Min.Y; y < s.Max.Y; y++ {
			for _, v := range p.pix[y*p.stride+s.Min.X : y*p.stride+s.Max.X] {
				sum += int(v)
			}
		}
		mean[i] = uint8((sum + n/2) / n)
	}
	return Colour{mean[0], mean[1], mean[2]}.inMatrix(f.f.ColorSpace(), canvasMatrix)
}

// subsample converts a rectangle in pixels to samples of a 4:2:0 plane: 0 is Y, 1 is U, 2 is V. In U and V, it rounds the
// edges outwards to whole samples.
func subsample(r image.Rectangle, plane int) image.Rectangle {
	if plane == 0 {
		return r
	}
	return image.Rect(r.Min.X/2, r.Min.Y/2, (r.Max.X+1)/2, (r.Max.Y+1)/2)
}
