package codec

//#include "matrix.h"
import "C"

import (
	"fmt"
	"math"

	"github.com/asticode/go-astiav"
)

// canvasMatrix is the YCbCr matrix of all canvases and cutouts: BT.709. Most cameras send HD video in BT.709, which then needs
// no conversion.
const canvasMatrix = astiav.ColorSpaceBt709

// matrixOf returns the matrix of a decoded frame: that of its tag, or else the one that players assume. mpv and libplacebo take
// BT.709 for HD, which is at least 1280 pixels wide or more than 576 rows high, and BT.601 for SD. VLC looks at the rows alone.
func matrixOf(f *astiav.Frame) astiav.ColorSpace {
	switch m := f.ColorSpace(); m {
	case astiav.ColorSpaceBt709, astiav.ColorSpaceFcc, astiav.ColorSpaceBt470Bg, astiav.ColorSpaceSmpte170M, astiav.ColorSpaceSmpte240M,
		astiav.ColorSpaceBt2020Ncl:
		return m
	case astiav.ColorSpaceBt2020Cl: // its luma has the same weights; swscale and lumaWeights know only the other
		return astiav.ColorSpaceBt2020Ncl
	}
	if f.Width() >= 1280 || f.Height() > 576 {
		return astiav.ColorSpaceBt709
	}
	return astiav.ColorSpaceSmpte170M
}

// lumaWeights returns the shares of red and blue in the luma of matrix m (ITU-T H.273, table 4). The rest is the share of green.
func lumaWeights(m astiav.ColorSpace) (red, blue float64) {
	switch m {
	case astiav.ColorSpaceBt709:
		return 0.2126, 0.0722
	case astiav.ColorSpaceFcc:
		return 0.30, 0.11
	case astiav.ColorSpaceSmpte240M:
		return 0.212, 0.087
	case astiav.ColorSpaceBt2020Ncl:
		return 0.2627, 0.0593
	default: // BT.601 has two names: SMPTE 170M and BT.470 System B, G
		return 0.299, 0.114
	}
}

// sameMatrix tells whether two matrices are equal. Their names may differ.
func sameMatrix(a, b astiav.ColorSpace) bool {
	redA, blueA := lumaWeights(a)
	redB, blueB := lumaWeights(b)
	return redA == redB && blueA == blueB
}

// matrixChange has the fields of the C struct matrix_change, in units of 1.
type matrixChange struct{ yu, yv, uu, uv, vu, vv float64 }

// changeOf returns the change of samples of limited range (Y 16–235, U and V 16–240) from one matrix to another.
func changeOf(from, to astiav.ColorSpace) matrixChange {
	column := func(u, v float64) (float64, float64, float64) {
		y, u2, v2 := toYUV(to, rgbOf(from, u, v))
		return y * 219 / 224, u2 - u, v2 - v
	}
	var c matrixChange
	c.yu, c.uu, c.vu = column(1, 0)
	c.yv, c.uv, c.vv = column(0, 1)
	return c
}

// rgbOf returns the colour with these chroma components and with zero luma in matrix m, as red, green and blue.
func rgbOf(m astiav.ColorSpace, u, v float64) [3]float64 {
	kr, kb := lumaWeights(m)
	r, b := 2*(1-kr)*v, 2*(1-kb)*u
	return [3]float64{r, -(kr*r + kb*b) / (1 - kr - kb), b}
}

// toYUV returns the luma and chroma components of a colour in matrix m.
func toYUV(m astiav.ColorSpace, rgb [3]float64) (y, u, v float64) {
	kr, kb := lumaWeights(m)
	y = kr*rgb[0] + (1-kr-kb)*rgb[1] + kb*rgb[2]
	return y, (rgb[2] - y) / (2 * (1 - kb)), (rgb[0] - y) / (2 * (1 - kr))
}

// c converts the factors to those of the C struct.
func (m matrixChange) c() C.struct_matrix_change {
	fixed := func(x float64) C.int16_t { return C.int16_t(math.Round(32768 * x)) }
	return C.struct_matrix_change{fixed(m.yu), fixed(m.yv), fixed(m.uu), fixed(m.uv), fixed(m.vu), fixed(m.vv)}
}

// setMatrix converts f to matrix m. f must be planar and the only owner of its pixels.
func (f *Frame) setMatrix(m astiav.ColorSpace) {
	if !sameMatrix(f.f.ColorSpace(), m) {
		f.drawInMatrix(f, m)
	}
}

// drawInMatrix draws src, converted to matrix m, on the whole of f. Both frames must be planar and have the same size. f may be
// src.
func (f *Frame) drawInMatrix(src *Frame, m astiav.ColorSpace) {
	changeMatrix(f, src, changeOf(src.f.ColorSpace(), m))
	f.f.SetColorSpace(m)
}

// changeMatrix writes the changed samples of src to dst, with the fastest instructions of this processor. It does not change
// the tag of dst.
func changeMatrix(dst, src *Frame, m matrixChange) {
	c, to, from := m.c(), dst.areas(), src.areas()
	C.change_matrix(&c, &to[0], &from[0])
}

// changeMatrixPortable is like changeMatrix, with instructions that every processor has. Only tests use it.
func changeMatrixPortable(dst, src *Frame, m matrixChange) {
	c, to, from := m.c(), dst.areas(), src.areas()
	C.change_matrix_portable(&c, &to[0], &from[0])
}

// inMatrix returns f in matrix m: another reference to f if f has this matrix already, and a converted copy otherwise. f must
// be planar. The caller must close the result.
func (p *pool) inMatrix(f *Frame, m astiav.ColorSpace) (*Frame, error) {
	if sameMatrix(f.f.ColorSpace(), m) {
		if same := f.Ref(); same != nil {
			return same, nil
		}
		return nil, fmt.Errorf("share a frame: out of memory")
	}
	g, err := p.get(f.Width(), f.Height())
	if err != nil {
		return nil, err
	}
	if err := g.copyMetadata(f); err != nil {
		g.Close()
		return nil, err
	}
	g.drawInMatrix(f, m)
	return g, nil
}

// inMatrix returns the colour c of one matrix in another one.
func (c Colour) inMatrix(from, to astiav.ColorSpace) Colour {
	m, u, v := changeOf(from, to), float64(c.U)-128, float64(c.V)-128
	grow := func(sample uint8, by float64) uint8 { return uint8(math.Round(min(max(float64(sample)+by, 0), 255))) }
	return Colour{Y: grow(c.Y, m.yu*u+m.yv*v), U: grow(c.U, m.uu*u+m.uv*v), V: grow(c.V, m.vu*u+m.vv*v)}
}
