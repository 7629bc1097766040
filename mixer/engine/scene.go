package engine

import (
	"fmt"
	"slices"
	"time"

	"azulejo/mixer"
	"azulejo/mixer/engine/layout"
)

// scene holds everything that decides which tiles a view has.
type scene struct {
	sources []*source // the sources that the view does not exclude, by place; none if the source of a focus layout is missing
	large   *source   // the source that is shown large or alone; nil: none
	page    int       // number of the page that is shown; the first is 0
	pages   int       // number of pages, at least 1
}

func (s scene) same(o scene) bool {
	return s.large == o.large && s.page == o.page && s.pages == o.pages && slices.Equal(s.sources, o.sources)
}

// arrange makes new tiles if the scene has changed.
func (v *view) arrange(now time.Time) {
	next := v.nextScene(now)
	if next.same(v.scene) {
		return
	}
	v.scene, v.redrawAll = next, true
	old := v.tiles
	v.tiles = nil
	tiles := layout.Arrange(v.geometry(next))
	for _, place := range tiles {
		t := v.newTile(place, len(tiles))
		t.above = slices.ContainsFunc(v.tiles, t.overlaps)
		v.tiles = append(v.tiles, t)
	}
	for _, t := range old { // old tiles are closed last, so that no source's demand falls to zero in between
		t.close()
	}
}

// nextScene returns the scene that the view has to show now.
func (v *view) nextScene(now time.Time) scene {
	var s scene
	for _, source := range v.engine.snapshot() {
		if !slices.ContainsFunc(v.spec.Exclude, source.called) {
			s.sources = append(s.sources, source)
		}
	}
	switch v.spec.Layout {
	case mixer.KindGrid, mixer.KindCustom:
	default:
		s.large = v.large(s.sources)
		if s.large == nil && v.spec.Layout == mixer.KindFocus {
			s.sources = nil
		}
	}
	s.pages = layout.Pages(v.geometry(s))
	s.page = min(max(v.spec.Page-1, 0), s.pages-1)
	if v.spec.Cycle > 0 {
		s.page = int(now.Unix()/int64(v.spec.Cycle)) % s.pages
	}
	return s
}

// large returns the source to show large, one of sources. The first choice is the source that the view names. A focus layout
// has no other choice. The second choice is the active speaker, or if the speaker is not among sources, the source that is
// large already. The last choice is the first of sources. The result is nil if there is no choice.
func (v *view) large(sources []*source) *source {
	if v.spec.Spotlight != "" {
		if i := slices.IndexFunc(sources, func(s *source) bool { return s.called(v.spec.Spotlight) }); i >= 0 {
			return sources[i]
		}
		if v.spec.Layout == mixer.KindFocus {
			return nil
		}
	}
	if s := v.engine.audio.speaker(); s != nil {
		for _, candidate := range []*source{s, v.scene.large} {
			if slices.Contains(sources, candidate) {
				return candidate
			}
		}
	}
	if len(sources) == 0 {
		return nil
	}
	return sources[0]
}

// geometry returns the layout.Scene of v for the scene s.
func (v *view) geometry(s scene) layout.Scene {
	g := geometry(v.spec)
	g.Count, g.Large, g.Page = len(s.sources), slices.Index(s.sources, s.large), s.page
	return g
}

// emptyText returns the text on a canvas without tiles.
func (v *view) emptyText() string {
	switch {
	case v.spec.Layout == mixer.KindFocus && v.spec.Spotlight != "":
		return v.spec.Spotlight + " is not here"
	case len(v.spec.Exclude) > 0:
		return "Nobody else is here yet"
	}
	return "Nobody is here yet"
}

// demand demands the video of the sources on tiles, in the sizes of their tiles. decode is false while the hub passes a
// source's own packets through for all renditions. Then the source must send its video, but the engine need not decode it.
func (v *view) demand(decode bool) {
	v.decode = decode
	for _, t := range v.tiles {
		t.demand(decode)
	}
}

// updateLayout replaces v.layout, the layout that viewers get, if it has changed.
func (v *view) updateLayout(now time.Time) {
	next := &mixer.Layout{Canvas: mixer.Size{W: v.spec.Width, H: v.spec.Height}, Tiles: make([]mixer.TileInfo, 0, len(v.tiles))}
	shown := 0
	for _, t := range v.tiles {
		next.Tiles = append(next.Tiles, t.info(now))
		if t.source != nil {
			shown++
		}
	}
	next.Hidden = len(v.scene.sources) - shown
	if v.scene.pages > 1 {
		next.Page, next.Pages = v.scene.page+1, v.scene.pages
	}
	if !next.Same(v.layout.Load()) {
		v.layout.Store(next)
	}
}

// ageText returns the text that says how long ago a source's video last came.
func ageText(age time.Duration) string {
	switch {
	case age < time.Minute:
		return fmt.Sprintf("%d s ago", int(age.Seconds()))
	case age < time.Hour:
		return fmt.Sprintf("%d min ago", int(age.Minutes()))
	}
	return fmt.Sprintf("%d h ago", int(age.Hours()))
}
