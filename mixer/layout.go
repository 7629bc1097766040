package mixer

import (
	"fmt"
	"strings"
)

// LayoutKind is a way to arrange sources on the canvas. The empty kind is KindGrid.
type LayoutKind string

// The kinds of layouts.
const (
	KindGrid      LayoutKind = "grid"      // all tiles have the same size
	KindSpotlight LayoutKind = "spotlight" // one source is large, the others are in a strip
	KindPiP       LayoutKind = "pip"       // one source fills the canvas, and the others lie on it in a row of small tiles
	KindSpeaker   LayoutKind = "speaker"   // only the active speaker
	KindFocus     LayoutKind = "focus"     // only the source that View.Spotlight names
	KindCustom    LayoutKind = "custom"    // View.Tiles has the rectangles of the tiles
)

// LayoutKinds returns all kinds that ValidateLayout accepts.
func LayoutKinds() []LayoutKind {
	return []LayoutKind{KindGrid, KindSpotlight, KindPiP, KindSpeaker, KindFocus, KindCustom}
}

// Fraction is a rectangle on the canvas. Its position and its size are fractions of the canvas, 0 to 1.
type Fraction struct {
	X float64 `json:"x" yaml:"x"`
	Y float64 `json:"y" yaml:"y"`
	W float64 `json:"w" yaml:"w"`
	H float64 `json:"h" yaml:"h"`
}

// DefaultCapacity is the largest number of tiles of a view whose Capacity is zero.
const DefaultCapacity = 25

// Limits of a custom layout.
const (
	MaxCells    = 64   // most cells of a layout
	minFraction = 0.02 // smallest side of a cell, as a fraction of the same side of the canvas
)

// ValidateLayout returns an error that names the first bad field of a view. It refuses an unknown kind, KindCustom without
// cells, and cells with another kind. It also refuses a cell that is too small or not inside the canvas.
func ValidateLayout(k LayoutKind, cells []Fraction) error {
	switch k {
	case "", KindGrid, KindSpotlight, KindPiP, KindSpeaker, KindFocus:
		if len(cells) > 0 {
			return fmt.Errorf("tiles: %d rectangles for layout %s: accepted are none, or layout %s", len(cells), k.orGrid(), KindCustom)
		}
		return nil
	case KindCustom:
		return validateCells(cells)
	}
	names := make([]string, 0, len(LayoutKinds()))
	for _, known := range LayoutKinds() {
		names = append(names, string(known))
	}
	return fmt.Errorf("layout: %.64q: accepted are %s", string(k), strings.Join(names, ", "))
}

func (k LayoutKind) orGrid() LayoutKind {
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

// validate returns an error if the rectangle is too small or not inside the canvas. It refuses NaN too, because all
// comparisons with NaN are false.
func (c Fraction) validate() error {
	for _, side := range []struct {
		positionName, extentName string
		position, extent         float64
	}{{"x", "w", c.X, c.W}, {"y", "h", c.Y, c.H}} {
		if !(side.extent >= minFraction && side.extent <= 1) {
			return fmt.Errorf("%s: %v: accepted are %v to 1, fractions of the canvas", side.extentName, side.extent, minFraction)
		}
		const rounding = 1e-6 // accepts thirds that are written with six digits
		if most := 1 - side.extent; !(side.position >= 0 && side.position <= most+rounding) {
			return fmt.Errorf("%s: %v: accepted are 0 to %.6g, so that the rectangle lies inside the canvas", side.positionName, side.position, most)
		}
	}
	return nil
}
