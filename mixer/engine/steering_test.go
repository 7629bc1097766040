package engine

import (
	"slices"
	"testing"
)

// TestSteering compares the quality of consecutive GOPs. Their bits are given in percent of the cap.
func TestSteering(t *testing.T) {
	const best = 26
	for name, c := range map[string]struct {
		shares, want []int
	}{
		"calm: the best there is":        {[]int{10, 50, 0, 79}, []int{26, 26, 26, 26}},
		"full: worse step by step":       {[]int{96, 100, 120}, []int{27, 28, 29}},
		"in between: it stays":           {[]int{96, 80, 95, 90}, []int{27, 27, 27, 27}},
		"free again: better, not more":   {[]int{96, 96, 79, 20, 20}, []int{27, 28, 27, 26, 26}},
		"the cap alone after eight":      {slices.Repeat([]int{200}, 10), []int{27, 28, 29, 30, 31, 32, 33, 34, 34, 34}},
		"bits do not add up over GOPs":   {[]int{50, 50, 50}, []int{26, 26, 26}},
		"and what was full is forgotten": {[]int{200, 90, 90}, []int{27, 27, 27}},
	} {
		s := steering{best: best, current: best, maxBits: 1000}
		var got []int
		for _, share := range c.shares {
			s.bits += 10 * share
			got = append(got, s.next())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: quality %v, want %v", name, got, c.want)
		}
	}
}
