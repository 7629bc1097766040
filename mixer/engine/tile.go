package engine

import (
	"fmt"
	"image"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/engine/layout"
)

// calmEvery is the time between two updates of a tile that hardly changes, while the room is overloaded.
const calmEvery = 200 * time.Millisecond

// tile is one place on a canvas. The view's ticker owns it.
type tile struct {
	view     *view
	source   *source // nil: the tile says how many sources are not shown
	more     int
	rect     image.Rectangle
	bordered bool // has a border while its source speaks
	above    bool // lies on another tile, which is drawn first

	still     *still      // holds the scaled frame; nil before the first
	nameplate *nameplate  // the name on it; nil for none
	at        image.Point // top left corner of the still
	shown     appearance  // what the canvas shows
	drawn     time.Time   // when the tile was drawn last
	demanded  videoUse    // of the source
}

// appearance is everything that decides how a tile looks.
type appearance struct {
	state    mixer.State
	frame    uint64 // number of the source's frame; zero for a placeholder
	age      string
	speaking bool
}

func (v *view) newTile(place layout.Tile, all int) *tile {
	t := &tile{view: v, more: place.More, rect: image.Rect(place.X, place.Y, place.X+place.W, place.Y+place.H), bordered: all > 1}
	if place.Index >= 0 {
		t.source = v.scene.sources[place.Index]
		t.demand(v.decode)
	}
	return t
}

// look returns how the tile should look now.
func (t *tile) look(now time.Time) appearance {
	if t.source == nil {
		return appearance{}
	}
	state, age := t.source.state(now)
	a := appearance{state: state, speaking: t.bordered && t.source.speaking()}
	switch state {
	case mixer.Live:
		a.frame, _ = t.source.slot.status()
	case mixer.Lost, mixer.Reconnecting:
		if age > 0 {
			a.age = ageText(age)
		}
	}
	return a
}

// due reports whether the tile has to be drawn. If patient is set, a tile in which hardly anything moves waits up to
// calmEvery.
func (t *tile) due(now time.Time, patient bool) bool {
	next := t.look(now)
	if next == t.shown {
		return false
	}
	calm := patient && next.frame != 0 && t.shown.frame != 0 && t.source.video.calm() && now.Sub(t.drawn) < calmEvery
	return !calm
}

func (t *tile) overlaps(o *tile) bool { return t.rect.Overlaps(o.rect) }

// draw draws the tile on canvas as it should look now. A frame that cannot be drawn is replaced by a placeholder. Other
// tiles are not affected.
func (t *tile) draw(canvas *codec.Frame, now time.Time) {
	next := t.look(now)
	t.drawn = now
	switch {
	case t.source == nil:
		t.view.engine.painter.message(canvas, t.rect, fmt.Sprintf("+%d", t.more), "")
	case next.frame != 0:
		t.drawFrame(canvas, &next)
	default:
		t.drop()
	}
	if t.source != nil && t.still == nil {
		t.view.engine.painter.message(canvas, t.rect, t.source.cfg.Name, placeholder(next))
	}
	if next.speaking {
		t.view.engine.painter.border(canvas, t.rect)
	}
	t.shown = next
}

// placeholder is the text below the name.
func placeholder(a appearance) string {
	text := stateText[a.state]
	if a.age != "" {
		text += " · " + a.age
	}
	return text
}

// stateText says why a source shows no video.
var stateText = map[mixer.State]string{
	mixer.Connecting: "connecting…", mixer.Muted: "camera off", mixer.Lost: "no signal", mixer.Reconnecting: "reconnecting…", mixer.Unusable: "unknown kind of picture",
}

// drawFrame draws the source's newest frame and sets its number in a. After a failure the tile has no still.
func (t *tile) drawFrame(canvas *codec.Frame, a *appearance) {
	w, h := t.source.slot.displaySize()
	if w == 0 {
		t.drop()
		return
	}
	t.drawStill(canvas, a, w, h)
}

// drawStill is drawFrame for a frame of w by h. If a newer frame of another size has come meanwhile, the tile stays due.
func (t *tile) drawStill(canvas *codec.Frame, a *appearance, w, h int) {
	t.fit(canvas, w, h)
	seq, err := t.still.draw(canvas, t.at)
	if err != nil {
		t.source.drawFailure(err)
		t.drop()
		a.state, a.frame = mixer.Unusable, 0
		return
	}
	t.source.drawRecovery()
	t.nameplate.draw(canvas, image.Rectangle{t.at, t.at.Add(image.Pt(t.still.key.w, t.still.key.h))})
	a.frame = seq
	if nowW, nowH := t.source.slot.displaySize(); nowW != w || nowH != h {
		a.frame = 0
	}
}

// fit holds the still for a frame of w by h, and fills the bars beside it.
func (t *tile) fit(canvas *codec.Frame, w, h int) {
	key := stillKey{t.rect.Dx(), t.rect.Dy(), t.fills()}
	at := t.rect.Min
	if !key.fill {
		r := layout.Fit(w, h, layout.Rect{X: t.rect.Min.X, Y: t.rect.Min.Y, W: t.rect.Dx(), H: t.rect.Dy()})
		key.w, key.h, at = r.W, r.H, image.Pt(r.X, r.Y)
	}
	if !key.covers(t.rect) && (t.still == nil || t.still.key != key || t.view.redrawAll || t.shown.speaking || t.above) {
		canvas.Fill(t.rect, bars)
	}
	if t.still == nil || t.still.key != key {
		next := t.source.stills.hold(key)
		t.drop()
		t.still = next
		if !t.view.spec.NoLabels {
			t.nameplate = t.view.engine.painter.nameplate(t.source.cfg.Name, key.w, key.h)
		}
	}
	t.at = at
}

// fills reports whether frames are cropped to the tile's shape.
func (t *tile) fills() bool { return t.view.spec.Fill && !t.source.cfg.Screen }

// drop releases the still.
func (t *tile) drop() {
	if t.still != nil {
		t.source.stills.release(t.still)
		t.still = nil
	}
}

// demand tells the source in what size it is shown, and whether it has to be decoded.
func (t *tile) demand(decode bool) {
	if t.source == nil {
		return
	}
	if u := (videoUse{t.rect.Dx(), t.rect.Dy(), t.fills(), decode}); t.demanded != u {
		t.demanded = u
		t.source.demand(t, u)
	}
}

// info describes the tile for the layout. State and border are as they were drawn, if the view is composed: the source
// may have changed since.
func (t *tile) info(now time.Time) mixer.TileInfo {
	i := mixer.TileInfo{X: t.rect.Min.X, Y: t.rect.Min.Y, W: t.rect.Dx(), H: t.rect.Dy(), Name: fmt.Sprintf("+%d", t.more)}
	if t.source == nil {
		return i
	}
	state, age := t.source.state(now)
	speaking := t.source.speaking()
	if t.view.decode {
		state = t.shown.state
		if t.bordered {
			speaking = t.shown.speaking
		}
	}
	i.ID, i.Name, i.State, i.Speaking = t.source.cfg.ID, t.source.cfg.Name, state, speaking
	if state != mixer.Live && state != mixer.Connecting {
		i.Age = int(age.Seconds())
	}
	return i
}

func (t *tile) close() {
	t.drop()
	if t.source != nil {
		t.source.demand(t, videoUse{})
	}
}
