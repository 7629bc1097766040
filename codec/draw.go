package codec

import (
	"image"
)

// Colour is a picture value in BT.601 limited range: Y 16–235, U and V 16–240.
type Colour struct{ Y, U, V uint8 }

// RGB converts an sRGB colour to a Colour (BT.601, limited range: ITU-R BT.601-7 §2.5.3).
func RGB(r, g, b uint8) Colour {
	rf, gf, bf := float64(r), float64(g), float64(b)
	return Colour{
		Y: uint8(16.5 + (65.481*rf+128.553*gf+24.966*bf)/255),
		U: uint8(128.5 + (-37.797*rf-74.203*gf+112.0*bf)/255),
		V: uint8(128.5 + (112.0*rf-93.786*gf-18.214*bf)/255),
	}
}

// at returns the component of c for a plane.
func (c Colour) at(plane int) uint8 { return [3]uint8{c.Y, c.U, c.V}[plane] }

// Bounds is the whole picture.
func (f *Frame) Bounds() image.Rectangle { return image.Rect(0, 0, f.Width(), f.Height()) }

// Fill paints r in one colour. What lies outside the picture is left out; odd edges are rounded to even.
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
				row[x] = c.at(i)
			}
		}
	}
}

// Paste copies src into f with its top left corner at x, y, which are even. Both are 4:2:0; what does
// not fit is cut off.
func (f *Frame) Paste(src *Frame, x, y int) {
	at := image.Pt(x, y)
	r := src.Bounds().Add(at).Intersect(f.Bounds())
	if r.Empty() {
		return
	}
	to, from := f.planes(), src.planes()
	for i := range to {
		d, s := subsample(r, i), subsample(r.Sub(at), i)
		for row := range d.Dy() {
			copy(to[i].pix[(d.Min.Y+row)*to[i].stride+d.Min.X:][:d.Dx()],
				from[i].pix[(s.Min.Y+row)*from[i].stride+s.Min.X:][:s.Dx()])
		}
	}
}

// Blend paints colour c through mask (255 covers) with the mask's top left corner at x, y.
// What lies outside the picture is left out.
func (f *Frame) Blend(mask *image.Alpha, x, y int, c Colour) {
	shift := image.Pt(x, y).Sub(mask.Rect.Min)
	r := mask.Rect.Add(shift).Intersect(f.Bounds())
	if r.Empty() {
		return
	}
	for i, p := range f.planes() {
		s := subsample(r, i)
		for py := s.Min.Y; py < s.Max.Y; py++ {
			for px := s.Min.X; px < s.Max.X; px++ {
				a := coverage(mask, px, py, i, shift)
				if a == 0 {
					continue
				}
				v := &p.pix[py*p.stride+px]
				*v = uint8((int(*v)*(255-a) + int(c.at(i))*a + 127) / 255)
			}
		}
	}
}

// coverage is the mask's alpha for the sample at px, py of a plane; chroma averages its four pixels.
func coverage(mask *image.Alpha, px, py, plane int, shift image.Point) int {
	if plane == 0 {
		return int(mask.AlphaAt(px-shift.X, py-shift.Y).A)
	}
	x, y := 2*px-shift.X, 2*py-shift.Y
	return (int(mask.AlphaAt(x, y).A) + int(mask.AlphaAt(x+1, y).A) +
		int(mask.AlphaAt(x, y+1).A) + int(mask.AlphaAt(x+1, y+1).A) + 2) / 4
}

// Mean returns the average colour of r, which must overlap the picture.
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
	return Colour{mean[0], mean[1], mean[2]}
}

// subsample maps a rectangle in pixels to samples of a plane.
func subsample(r image.Rectangle, plane int) image.Rectangle {
	if plane == 0 {
		return r
	}
	return image.Rect(r.Min.X/2, r.Min.Y/2, (r.Max.X+1)/2, (r.Max.Y+1)/2)
}
