package main

import (
	"math"
	"slices"
)

// median returns the median of v, or 0 if v is empty. It does not change v.
func median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// line is y = base + slope*x.
type line struct{ base, slope float64 }

// value returns y at x.
func (l line) value(x float64) float64 { return l.base + l.slope*x }

// fitLine returns the line with the least sum of squared distances in y. The line is flat if all points have the same x.
func fitLine(x, y []float64) line {
	n := float64(len(x))
	var sx, sy, sxx, sxy float64
	for i := range x {
		sx, sy, sxx, sxy = sx+x[i], sy+y[i], sxx+x[i]*x[i], sxy+x[i]*y[i]
	}
	d := n*sxx - sx*sx
	if d == 0 {
		return line{base: sy / max(n, 1)}
	}
	slope := (n*sxy - sx*sy) / d
	return line{base: (sy - slope*sx) / n, slope: slope}
}

// misfit returns the largest distance in y between the points and l.
func (l line) misfit(x, y []float64) float64 {
	worst := 0.0
	for i := range x {
		worst = max(worst, math.Abs(y[i]-l.value(x[i])))
	}
	return worst
}
