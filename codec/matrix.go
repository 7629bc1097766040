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

// usualMatrix returns the matrix that players assume for video of a size in pixels that does not say its matrix. It is BT.709 for
// HD and BT.601 for SD. HD is at least 1280 pixels wide or more than 576 rows high, as in mpv and libplacebo. VLC looks at the
// rows alone.
func usualMatrix(width, height int) astiav.ColorSpace {
	if width >= 1280 || height > 576 {
		return astiav.ColorSpaceBt709
	}
	return astiav.ColorSpaceSmpte170M
}

// matrixOf returns the matrix of a decoded frame: that of its tag if swscale knows it, or else the usual one.
func matrixOf(f *astiav.Frame) astiav.ColorSpace {
	switch m := f.ColorSpace(); m {
	case astiav.ColorSpaceBt709, astiav.ColorSpaceFcc, astiav.ColorSpaceBt470Bg, astiav.ColorSpaceSmpte170M, astiav.ColorSpaceSmpte240M,
		astiav.ColorSpaceBt2020Ncl:
		return m
	case astiav.ColorSpaceBt2020Cl: // has the same weights of luma, but swscale rejects it
		return astiav.ColorSpaceBt2020Ncl
	}
	return usualMatrix(f.Width(), f.Height())
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

// matrixChange is the C struct matrix_change with factors in units of 1.
type matrixChange struct{ yu, yv, uu, uv, vu, vv float64 }

// changeOf returns how samples of limited range (Y 16–235, U and V 16–240) change from matrix src to matrix dst.
func changeOf(src, dst astiav.ColorSpace) matrixChange {
	column := func(u, v float64) (float64, float64, float64) {
		y, u2, v2 := toYUV(dst, rgbOf(src, u, v))
		return y * 219 / 224, u2 - u, v2 - v
	}
	var c matrixChange
	c.yu, c.uu, c.vu = column(1, 0)
	c.yv, c.uv, c.vv = column(0, 1)
	return c
}

// rgbOf returns the red, green and blue of a colour in matrix m. u and v are its chroma, from -0.5 to 0.5. Its luma is zero.
func rgbOf(m astiav.ColorSpace, u, v float64) [3]float64 {
	kr, kb := lumaWeights(m)
	r, b := 2*(1-kr)*v, 2*(1-kb)*u
	return [3]float64{r, -(kr*r + kb*b) / (1 - kr - kb), b}
}

// toYUV converts red, green and blue, from 0 to 1, to luma from 0 to 1 and chroma from -0.5 to 0.5 in matrix m.
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
	c, d, s := m.c(), dst.areas(), src.areas()
	C.change_matrix(&c, &d[0], &s[0])
}

// changeMatrixPortable is like changeMatrix, with instructions that every processor has. Only tests use it.
func changeMatrixPortable(dst, src *Frame, m matrixChange) {
	c, d, s := m.c(), dst.areas(), src.areas()
	C.change_matrix_portable(&c, &d[0], &s[0])
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

// inMatrix converts c between two matrices.
func (c Colour) inMatrix(src, dst astiav.ColorSpace) Colour {
	m, u, v := changeOf(src, dst), float64(c.U)-128, float64(c.V)-128
	add := func(sample uint8, change float64) uint8 {
		return uint8(math.Round(min(max(float64(sample)+change, 0), 255)))
	}
	return Colour{Y: add(c.Y, m.yu*u+m.yv*v), U: add(c.U, m.uu*u+m.uv*v), V: add(c.V, m.vu*u+m.vv*v)}
}
