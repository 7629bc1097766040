package main

import "fmt"

// luma is the luma plane of a frame, or a rectangle in such a plane.
type luma struct {
	pix           []byte
	stride        int
	width, height int
}

// crop returns a rectangle of l, which shares its pixels with l. The rectangle must lie inside l.
func (l luma) crop(x, y, w, h int) luma {
	return luma{pix: l.pix[y*l.stride+x:], stride: l.stride, width: w, height: h}
}

// The constants of SSIM for 8-bit samples are C1 = (0.01*255)² and C2 = (0.03*255)². They are for means over the pixels of a
// window. similarity computes with sums over the 64 pixels of a window instead, so C1 is multiplied by 64² and C2 by 64*63.
const (
	ssimC1 = 0.01 * 0.01 * 255 * 255 * 64 * 64
	ssimC2 = 0.03 * 0.03 * 255 * 255 * 64 * 63
)

// blockSums has sums over the pixels of a block of 4x4 pixels at the same place in two frames, or over several such blocks.
type blockSums struct {
	a, b    int64 // the pixels of the first and of the second frame
	squares int64 // the squares of all pixels of both frames
	product int64 // the products of the two frames' pixels at the same place
}

func (s blockSums) plus(other blockSums) blockSums {
	return blockSums{s.a + other.a, s.b + other.b, s.squares + other.squares, s.product + other.product}
}

// ssim returns the mean structural similarity of two frames of the same size (Wang et al. 2004). 1 means equal. The mean is over
// windows of 8x8 pixels that start every four pixels. All pixels of a window have the same weight. FFmpeg's filter ssim computes
// its value Y in the same way.
func ssim(a, b luma) (float64, error) {
	if a.width != b.width || a.height != b.height || a.width < 8 || a.height < 8 {
		return 0, fmt.Errorf("ssim of %dx%d and %dx%d: accepted are equal sizes from 8x8", a.width, a.height, b.width, b.height)
	}
	cols, rows := a.width/4, a.height/4
	above, row := make([]blockSums, cols), make([]blockSums, cols)
	sumRow(a, b, 0, above)
	total := 0.0
	for y := 1; y < rows; y++ {
		sumRow(a, b, y, row)
		for x := 1; x < cols; x++ {
			total += above[x-1].plus(above[x]).plus(row[x-1]).plus(row[x]).similarity()
		}
		above, row = row, above
	}
	return total / float64((cols-1)*(rows-1)), nil
}

// sumRow fills row with the sums of the blocks in one row of blocks of a and b. y is the number of this row; the first is 0.
func sumRow(a, b luma, y int, row []blockSums) {
	clear(row)
	for line := 4 * y; line < 4*y+4; line++ {
		pa, pb := a.pix[line*a.stride:][:4*len(row)], b.pix[line*b.stride:][:4*len(row)]
		for x := range row {
			s := &row[x]
			for i := 4 * x; i < 4*x+4; i++ {
				va, vb := int64(pa[i]), int64(pb[i])
				s.a += va
				s.b += vb
				s.squares += va*va + vb*vb
				s.product += va * vb
			}
		}
	}
}

// similarity returns the SSIM of one window. s has the sums of the window.
func (s blockSums) similarity() float64 {
	means := float64(s.a*s.a + s.b*s.b)
	product := float64(s.a * s.b)
	variances := float64(s.squares*64) - means
	covariance := float64(s.product*64) - product
	return (2*product + ssimC1) * (2*covariance + ssimC2) / ((means + ssimC1) * (variances + ssimC2))
}
