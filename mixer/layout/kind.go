package layout

import (
	"fmt"
	"strings"
)

// Kind is a way to arrange sources. Empty is KindGrid.
type Kind string

// The kinds of layouts.
const (
	KindGrid      Kind = "grid"      // all of the same size
	KindSpotlight Kind = "spotlight" // one large, the others in a strip
	KindPiP       Kind = "pip"       // one fills the canvas, the others lie on it in a row of small ones
	KindSpeaker   Kind = "speaker"   // only who speaks
	KindFocus     Kind = "focus"     // one source alone
	KindCustom    Kind = "custom"    // rectangles in fractions of the canvas
)

// Kinds are all that are accepted.
func Kinds() []Kind {
	return []Kind{KindGrid, KindSpotlight, KindPiP, KindSpeaker, KindFocus, KindCustom}
}

// Fraction is a rectangle in fractions of the canvas, 0 to 1.
type Fraction struct {
	X float64 `json:"x" yaml:"x"`
	Y float64 `json:"y" yaml:"y"`
	W float64 `json:"w" yaml:"w"`
	H float64 `json:"h" yaml:"h"`
}

// Bounds of what a custom layout accepts.
const (
	MaxCells    = 64
	minFraction = 0.02 // of the width and the height of the canvas
)

// Validate names the first thing that is wrong, as a field of a view: an unknown kind, custom without cells,
// cells without custom, a cell that is too small or not inside the canvas.
func Validate(k Kind, cells []Fraction) error {
	switch k {
	case "", KindGrid, KindSpotlight, KindPiP, KindSpeaker, KindFocus:
		if len(cells) > 0 {
			return fmt.Errorf("tiles: %d rectangles for layout %s: accepted are none, or layout %s", len(cells), k.orGrid(), KindCustom)
		}
		return nil
	case KindCustom:
		return validateCells(cells)
	}
	names := make([]string, 0, len(Kinds()))
	for _, known := range Kinds() {
		names = append(names, string(known))
	}
	return fmt.Errorf("layout: %.64q: accepted are %s", string(k), strings.Join(names, ", "))
}

func (k Kind) orGrid() Kind {
	if k == "" {
		return KindGrid
	}
	return k
}

func validateCells(cells []Fraction) error {
	if len(cells) < 1 || len(cells) > MaxCells {
		return fmt.Errorf("tiles: %d rectangles: accepted are 1 to %d for layout %s", len(cells), MaxCells, KindCustom)
	}
	for i, c := range cells {
		if err := c.validate(); err != nil {
			return fmt.Errorf("tiles[%d].%w", i, err)
		}
	}
	return nil
}

// validate is written so that NaN is refused.
func (c Fraction) validate() error {
	for _, side := range []struct {
		at, size         string
		position, extent float64
	}{{"x", "w", c.X, c.W}, {"y", "h", c.Y, c.H}} {
		if !(side.extent >= minFraction && side.extent <= 1) {
			return fmt.Errorf("%s: %v: accepted are %v to 1, fractions of the canvas", side.size, side.extent, minFraction)
		}
		const rounding = 1e-6 // thirds that were written with six digits
		if room := 1 - side.extent; !(side.position >= 0 && side.position <= room+rounding) {
			return fmt.Errorf("%s: %v: accepted are 0 to %.6g, so that the rectangle lies inside the canvas", side.at, side.position, room)
		}
	}
	return nil
}
