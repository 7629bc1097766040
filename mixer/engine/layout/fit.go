package layout

// Fit returns the largest rectangle inside dst that has the aspect ratio of a frame of srcW by srcH square pixels. The
// rectangle is centred in dst. Each side is rounded to the nearest even number, at least 2. Odd edges of dst are first moved
// inwards to even ones. If srcW or srcH is not positive, the result is all of dst.
func Fit(srcW, srcH int, dst Rect) Rect {
	dst = inner(dst)
	if srcW <= 0 || srcH <= 0 || dst.W < 2 || dst.H < 2 {
		return dst
	}
	w, h := dst.W, dst.H
	if srcW*dst.H > srcH*dst.W {
		h = clampEven(srcH*dst.W, srcW, dst.H)
	} else {
		w = clampEven(srcW*dst.H, srcH, dst.W)
	}
	return Rect{X: dst.X + margin(dst.W, w), Y: dst.Y + margin(dst.H, h), W: w, H: h}
}

// Fill returns the part of a frame of srcW by srcH pixels that fills dst without bars. This part is the largest rectangle in
// the frame that has the aspect ratio of dst. It is centred, and in pixels of the frame. Each side is rounded to an even
// number. If a side of the frame or of dst is below 2, the result is empty.
func Fill(srcW, srcH int, dst Rect) Rect {
	w, h := srcW&^1, srcH&^1
	if w < 2 || h < 2 || dst.W < 2 || dst.H < 2 {
		return Rect{}
	}
	if srcW*dst.H > srcH*dst.W {
		w = clampEven(h*dst.W, dst.H, w)
	} else {
		h = clampEven(w*dst.H, dst.W, h)
	}
	return Rect{X: margin(srcW, w), Y: margin(srcH, h), W: w, H: h}
}

// inner returns the largest rectangle inside r whose edges are even.
func inner(r Rect) Rect {
	x, y := (r.X+1)&^1, (r.Y+1)&^1
	return Rect{X: x, Y: y, W: max(r.X+r.W-x, 0) &^ 1, H: max(r.Y+r.H-y, 0) &^ 1}
}
