package engine

import (
	"slices"

	"azulejo/mixer"
	"azulejo/mixer/engine/layout"
)

// normalize returns the normal form of v: views that show the same have the same normal form. Defaults of the room replace
// zero fields, fields without effect are zero, and lists are sorted.
func normalize(v mixer.View, cfg mixer.Config) mixer.View {
	set := func(n *int, d int) {
		if *n == 0 {
			*n = d
		}
	}
	set(&v.Width, cfg.Width)
	set(&v.Height, cfg.Height)
	set(&v.FPS, cfg.FPS)
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

// geometry returns the scene of v without sources.
func geometry(v mixer.View) layout.Scene {
	return layout.Scene{Kind: v.Layout, Width: v.Width, Height: v.Height, Capacity: v.Capacity, Cells: v.Tiles}
}
