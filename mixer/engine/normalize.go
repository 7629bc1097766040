package engine

import (
	"slices"

	"azulejo/mixer"
	"azulejo/mixer/engine/layout"
)

// normalize returns the normal form of v. Views that show the same have the same normal form. Zero fields get the room's
// defaults from cfg, fields without effect become zero, and lists of names are sorted.
func normalize(v mixer.View, cfg mixer.Config) mixer.View {
	setDefault := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	setDefault(&v.Width, cfg.Width)
	setDefault(&v.Height, cfg.Height)
	setDefault(&v.FPS, cfg.FPS)
	switch {
	case v.Layout == "":
		v.Layout = mixer.KindGrid
	case v.Layout == mixer.KindFocus && v.Spotlight == "":
		v.Layout = mixer.KindSpeaker
	}
	switch v.Layout { // clear fields without effect
	case mixer.KindGrid, mixer.KindCustom:
		v.Spotlight = ""
	case mixer.KindSpeaker, mixer.KindFocus:
		v.Cycle, v.Page = 0, 0
	}
	v.Capacity = layout.Most(geometry(v))
	if v.Cycle > 0 || v.Page == 1 {
		v.Page = 0
	}
	v.NoLabels = v.NoLabels || !cfg.Labels
	v.Exclude = slices.Compact(slices.Sorted(slices.Values(v.Exclude)))
	return v
}

// geometry returns the layout.Scene of v without sources.
func geometry(v mixer.View) layout.Scene {
	return layout.Scene{Kind: v.Layout, Width: v.Width, Height: v.Height, Capacity: v.Capacity, Cells: v.Tiles}
}
