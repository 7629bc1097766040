package mixer

import (
	"math"
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	cell := Fraction{0, 0, 1, 1}
	for _, k := range append(LayoutKinds(), "") {
		if err := ValidateLayout(k, cellsFor(k)); err != nil {
			t.Errorf("%q: %v", k, err)
		}
	}
	if err := ValidateLayout(KindCustom, []Fraction{{0.666667, 0, 0.333334, 1}}); err != nil {
		t.Errorf("a third in six digits: %v", err)
	}
	for name, c := range map[string]struct {
		kind  LayoutKind
		cells []Fraction
		want  []string
	}{
		"unknown kind":          {"heap", nil, []string{"layout", `"heap"`, "grid, spotlight, pip, speaker, focus, custom"}},
		"a very long one":       {LayoutKind(strings.Repeat("x", 10_000)), nil, []string{"layout", "xxx", "grid"}},
		"custom without cells":  {KindCustom, nil, []string{"tiles", "0 rectangles", "1 to 64"}},
		"too many cells":        {KindCustom, make([]Fraction, 65), []string{"tiles", "65", "1 to 64"}},
		"cells of a grid":       {"", []Fraction{cell}, []string{"tiles", "grid", "custom"}},
		"cells of a spotlight":  {KindSpotlight, []Fraction{cell}, []string{"tiles", "spotlight", "custom"}},
		"outside to the right":  {KindCustom, []Fraction{cell, {0.5, 0, 0.6, 1}}, []string{"tiles[1].x", "0.5", "0 to 0.4"}},
		"outside to the left":   {KindCustom, []Fraction{{-0.1, 0, 0.5, 1}}, []string{"tiles[0].x", "-0.1", "0 to 0.5"}},
		"outside below":         {KindCustom, []Fraction{{0, 0.9, 1, 0.2}}, []string{"tiles[0].y", "0.9", "0 to 0.8"}},
		"wider than the canvas": {KindCustom, []Fraction{{0, 0, 1.5, 1}}, []string{"tiles[0].w", "1.5", "0.02 to 1"}},
		"without height":        {KindCustom, []Fraction{{0, 0, 1, 0}}, []string{"tiles[0].h", "0", "0.02 to 1"}},
		"not a number":          {KindCustom, []Fraction{{0, math.NaN(), 1, 1}}, []string{"tiles[0].y", "NaN"}},
		"no width, no number":   {KindCustom, []Fraction{{0, 0, math.NaN(), 1}}, []string{"tiles[0].w", "NaN"}},
	} {
		err := ValidateLayout(c.kind, c.cells)
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		if len(err.Error()) > 300 {
			t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
		}
		for _, w := range append(c.want, "accepted") {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %q does not say %q", name, err, w)
			}
		}
	}
}

// cellsFor returns cells that kind k accepts.
func cellsFor(k LayoutKind) []Fraction {
	if k == KindCustom {
		return []Fraction{{W: 0.5, H: 0.5}, {X: 0.5, Y: 0.5, W: 0.5, H: 0.5}}
	}
	return nil
}
