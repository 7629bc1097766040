package mixer

import (
	"fmt"
)

// Limits of the fields of a view.
const (
	maxCapacity = 64
	maxPage     = 1000
	maxCycle    = 24 * 60 * 60 // seconds
	maxExclude  = 64
)

// Validate returns an error that names the first bad field by its JSON name, and the accepted range.
func (v View) Validate() error {
	if err := ValidateLayout(v.Layout, v.Tiles); err != nil {
		return err
	}
	switch {
	case len(v.Spotlight) > MaxNameBytes:
		return fmt.Errorf("spotlight: %d bytes: accepted are an id or a name of at most %d", len(v.Spotlight), MaxNameBytes)
	case len(v.Exclude) > maxExclude:
		return fmt.Errorf("exclude: %d of them: accepted are at most %d", len(v.Exclude), maxExclude)
	case v.Width != 0 && (v.Width < 64 || v.Width > 7680 || v.Width%2 != 0):
		return fmt.Errorf("w: %d: accepted are even numbers from 64 to 7680, or 0 for the room's", v.Width)
	case v.Height != 0 && (v.Height < 64 || v.Height > 4320 || v.Height%2 != 0):
		return fmt.Errorf("h: %d: accepted are even numbers from 64 to 4320, or 0 for the room's", v.Height)
	case v.FPS < 0 || v.FPS > 60:
		return fmt.Errorf("fps: %d: accepted are 1 to 60, or 0 for the room's", v.FPS)
	case v.Capacity < 0 || v.Capacity > maxCapacity:
		return fmt.Errorf("capacity: %d: accepted are 1 to %d, or 0 for %d", v.Capacity, maxCapacity, DefaultCapacity)
	case v.Page < 0 || v.Page > maxPage:
		return fmt.Errorf("page: %d: accepted are 1 to %d, or 0 for the first", v.Page, maxPage)
	case v.Cycle < 0 || v.Cycle > maxCycle:
		return fmt.Errorf("cycle: %d: accepted are 1 to %d seconds, or 0 for none", v.Cycle, maxCycle)
	}
	for i, name := range v.Exclude {
		if name == "" || len(name) > MaxNameBytes {
			return fmt.Errorf("exclude[%d]: %d bytes: accepted are ids or names of 1 to %d", i, len(name), MaxNameBytes)
		}
	}
	return nil
}
