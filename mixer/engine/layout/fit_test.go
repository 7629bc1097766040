package layout

import (
	"testing"

	"pgregory.net/rapid"
)

// fitting is a case of Fit or Fill.
type fitting struct {
	w, h      int
	dst, want Rect
}

func checkFittings(t *testing.T, fit func(w, h int, dst Rect) Rect, cases map[string]fitting) {
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := fit(c.w, c.h, c.dst); got != c.want {
				t.Errorf("%dx%d in %v: got %v, want %v", c.w, c.h, c.dst, got, c.want)
			}
		})
	}
}

func TestFit(t *testing.T) {
	checkFittings(t, Fit, map[string]fitting{
		"same shape":                 {1280, 720, Rect{0, 0, 640, 360}, Rect{0, 0, 640, 360}},
		"16:9 within rounding":       {1920, 1080, Rect{426, 240, 426, 240}, Rect{426, 240, 426, 240}},
		"4:3 gets side bars":         {640, 480, Rect{640, 0, 640, 360}, Rect{720, 0, 480, 360}},
		"portrait gets side bars":    {720, 1280, Rect{0, 0, 640, 360}, Rect{218, 0, 202, 360}},
		"panorama gets bars above":   {2560, 720, Rect{0, 360, 640, 360}, Rect{0, 450, 640, 180}},
		"small is enlarged":          {160, 90, Rect{0, 0, 1280, 720}, Rect{0, 0, 1280, 720}},
		"a line of pixels":           {1, 4000, Rect{0, 0, 640, 360}, Rect{318, 0, 2, 360}},
		"no size takes all":          {0, 0, Rect{2, 2, 640, 360}, Rect{2, 2, 640, 360}},
		"odd place shrinks to even":  {16, 9, Rect{1, 1, 640, 360}, Rect{2, 2, 636, 358}},
		"no room":                    {16, 9, Rect{1, 1, 1, 1}, Rect{2, 2, 0, 0}},
		"no room but a negative one": {16, 9, Rect{0, 0, -8, 4}, Rect{0, 0, 0, 4}},
	})
}

func TestFitProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		srcW, srcH := rapid.IntRange(1, 8192).Draw(t, "srcW"), rapid.IntRange(1, 8192).Draw(t, "srcH")
		dst := Rect{
			X: rapid.IntRange(0, 500).Draw(t, "x") * 2, Y: rapid.IntRange(0, 500).Draw(t, "y") * 2,
			W: rapid.IntRange(1, 1000).Draw(t, "w") * 2, H: rapid.IntRange(1, 1000).Draw(t, "h") * 2,
		}
		r := Fit(srcW, srcH, dst)
		if (r.X|r.Y|r.W|r.H)&1 != 0 || r.W < 2 || r.H < 2 {
			t.Fatalf("%v is not even", r)
		}
		if r.X < dst.X || r.Y < dst.Y || r.X+r.W > dst.X+dst.W || r.Y+r.H > dst.Y+dst.H {
			t.Fatalf("%v leaves %v", r, dst)
		}
		if r.W != dst.W && r.H != dst.H {
			t.Fatalf("%v touches no pair of edges of %v", r, dst)
		}
		checkAspect(t, r, srcW, srcH)
	})
}

// checkAspect allows the shorter side one pixel of rounding to even, and the minimum of 2.
func checkAspect(t *rapid.T, r Rect, srcW, srcH int) {
	w := float64(r.H) * float64(srcW) / float64(srcH)
	h := float64(r.W) * float64(srcH) / float64(srcW)
	offW, offH := max(w-float64(r.W), float64(r.W)-w), max(h-float64(r.H), float64(r.H)-h)
	if min(offW, offH) > 1 && r.W > 2 && r.H > 2 {
		t.Fatalf("%dx%d has not the shape of %dx%d", r.W, r.H, srcW, srcH)
	}
}

func TestFill(t *testing.T) {
	checkFittings(t, Fill, map[string]fitting{
		"same shape":           {1280, 720, Rect{0, 0, 640, 360}, Rect{0, 0, 1280, 720}},
		"sides are cut":        {1280, 720, Rect{8, 8, 360, 360}, Rect{280, 0, 720, 720}},
		"top and bottom cut":   {720, 1280, Rect{0, 0, 640, 360}, Rect{0, 436, 720, 406}},
		"4:3 into 16:9":        {640, 480, Rect{0, 0, 426, 240}, Rect{0, 60, 640, 360}},
		"an odd picture":       {641, 481, Rect{0, 0, 640, 480}, Rect{0, 0, 640, 480}},
		"smaller than the dst": {16, 16, Rect{0, 0, 640, 320}, Rect{0, 4, 16, 8}},
		"a sliver":             {4000, 2, Rect{0, 0, 2, 4000}, Rect{1998, 0, 2, 2}},
		"one line":             {4000, 1, Rect{0, 0, 640, 360}, Rect{}},
		"no size":              {0, 0, Rect{0, 0, 640, 360}, Rect{}},
		"no room":              {640, 360, Rect{0, 0, 640, 1}, Rect{}},
	})
}

func TestFillProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		srcW, srcH := rapid.IntRange(2, 8192).Draw(t, "srcW"), rapid.IntRange(2, 8192).Draw(t, "srcH")
		dst := Rect{W: rapid.IntRange(1, 1000).Draw(t, "w") * 2, H: rapid.IntRange(1, 1000).Draw(t, "h") * 2}
		r := Fill(srcW, srcH, dst)
		checkInside(t, r, srcW, srcH)
		if r.W != srcW&^1 && r.H != srcH&^1 {
			t.Fatalf("%v is not the largest part of %dx%d", r, srcW, srcH)
		}
		if left, right := r.X, srcW-r.X-r.W; right-left < 0 || right-left > 3 {
			t.Fatalf("%v is not in the middle of %dx%d", r, srcW, srcH)
		}
		checkAspect(t, r, dst.W, dst.H)
	})
}
