package engine

import (
	"fmt"
	"image"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/engine/layout"
)

// calmEvery is the least time between two updates of a tile in an overloaded room, if hardly anything moves in its video.
const calmEvery = 200 * time.Millisecond

// tile is one rectangle of a view's canvas, with one source. The view's ticker owns the tile.
type tile struct {
	view     *view
	source   *source // nil: the tile shows the number hidden instead of a source
	hidden   int     // number of sources that have no tile; zero if source is not nil
	rect     image.Rectangle
	bordered bool // gets a border while its source speaks
	above    bool // overlaps an earlier tile of the view, and is drawn on it

	still     *still       // holds the scaled frame; nil: a placeholder is shown
	nameplate *nameplate   // the name of the source; nil: none
	veil      *image.Alpha // darkens the last frame of a lost source; nil until it is needed
	stillAt   image.Point  // top left corner of still on the canvas
	onCanvas  appearance   // how the tile was drawn last
	drawnAt   time.Time    // when the tile was drawn last
	demanded  videoUse     // the use that was last passed to source.demand
}

// appearance holds everything that decides how a tile looks.
type appearance struct {
	state    mixer.State
	reason   mixer.Reason
	frame    uint64  // number of the source's frame; zero: a placeholder is shown
	caption  caption // says why the tile is not live; zero: it is
	speaking bool    // a border is shown
}

// newTile returns a tile with the rectangle and the source of place. The view has count tiles. The tile demands the video of
// its source.
func (v *view) newTile(place layout.Tile, count int) *tile {
	t := &tile{view: v, hidden: place.More, rect: image.Rect(place.X, place.Y, place.X+place.W, place.Y+place.H), bordered: count > 1}
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
	c, age := t.source.condition(now)
	a := appearance{state: c.State, reason: c.Reason, speaking: t.bordered && t.source.speaking()}
	if c.State == mixer.Unusable {
		a = appearance{state: mixer.Live, speaking: a.speaking} // drawing may work again
	}
	if a.state != mixer.Live {
		a.caption = captionOf(c, age, t.source.video.tooLarge.Load())
	}
	if t.source.showsFrame(a.state, age) {
		a.frame, _ = t.source.slot.status()
	}
	return a
}

// due reports whether the tile has to be drawn because its look has changed. If patient is set and hardly anything moves in the
// source's video, the tile is due at most once per calmEvery.
func (t *tile) due(now time.Time, patient bool) bool {
	next := t.look(now)
	if next == t.onCanvas {
		return false
	}
	canWait := patient && next.frame != 0 && t.onCanvas.frame != 0 && t.source.video.calm() && now.Sub(t.drawnAt) < calmEvery
	return !canWait
}

// overlaps reports whether the tile and o have pixels in common.
func (t *tile) overlaps(o *tile) bool { return t.rect.Overlaps(o.rect) }

// draw draws the tile on canvas with its current look. If the frame cannot be drawn, draw draws a placeholder instead. So the
// other tiles are not affected.
func (t *tile) draw(canvas *codec.Frame, now time.Time) {
	next := t.look(now)
	t.drawnAt = now
	switch {
	case t.source == nil:
		t.view.engine.painter.message(canvas, t.rect, fmt.Sprintf("+%d", t.hidden), "")
	case next.frame != 0:
		t.drawFrame(canvas, &next)
	default:
		t.drop()
	}
	if t.source != nil && t.still == nil {
		t.view.engine.painter.placeholder(canvas, t.rect, t.source.cfg.Name, next.caption)
	}
	if next.speaking {
		t.view.engine.painter.border(canvas, t.rect)
	}
	t.onCanvas = next
}

// drawFrame draws the source's newest frame, and stores the number of the frame in a. If there is no frame to draw, or drawing
// fails, the tile has no still afterwards.
func (t *tile) drawFrame(canvas *codec.Frame, a *appearance) {
	w, h := t.source.slot.displaySize()
	if w == 0 {
		t.drop()
		return
	}
	t.drawStill(canvas, a, w, h)
}

// drawStill does the work of drawFrame for frames of w by h pixels. If frames of the source have another size meanwhile, it
// stores the number zero in a, so that the tile is due again.
func (t *tile) drawStill(canvas *codec.Frame, a *appearance, w, h int) {
	t.fit(canvas, w, h)
	seq, err := t.still.draw(canvas, t.stillAt)
	if err != nil {
		t.source.drawFailed(err)
		t.drop()
		a.state, a.reason, a.frame, a.caption = mixer.Unusable, mixer.ReasonDamaged, 0, caption{reason: reasonText(mixer.ReasonDamaged)}
		return
	}
	t.source.drawn()
	t.drawOver(canvas, a)
	a.frame = seq
	if nowW, nowH := t.source.slot.displaySize(); nowW != w || nowH != h {
		a.frame = 0
	}
}

// drawOver draws on the still: the name, and if the frame is not live, what says so.
func (t *tile) drawOver(canvas *codec.Frame, a *appearance) {
	r := image.Rectangle{t.stillAt, t.stillAt.Add(image.Pt(t.still.key.w, t.still.key.h))}
	if a.state == mixer.Lost {
		if t.veil == nil || t.veil.Rect.Size() != r.Size() {
			t.veil = newVeil(r.Size())
		}
		canvas.Blend(t.veil, r.Min.X, r.Min.Y, shade)
	} else {
		t.veil = nil
	}
	t.nameplate.draw(canvas, r)
	if a.caption != (caption{}) {
		t.view.engine.painter.plate(canvas, r, a.caption)
	}
}

// fit makes the tile hold the still for frames of w by h pixels. It draws the bars beside the still where necessary.
func (t *tile) fit(canvas *codec.Frame, w, h int) {
	key := stillKey{t.rect.Dx(), t.rect.Dy(), t.fills()}
	corner := t.rect.Min
	if !key.fill {
		r := layout.Fit(w, h, layout.Rect{X: t.rect.Min.X, Y: t.rect.Min.Y, W: t.rect.Dx(), H: t.rect.Dy()})
		key.w, key.h, corner = r.W, r.H, image.Pt(r.X, r.Y)
	}
	if !key.covers(t.rect) && (t.still == nil || t.still.key != key || t.view.redrawAll || t.onCanvas.speaking || t.above) {
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
	t.stillAt = corner
}

// fills reports whether frames are cropped to the tile's aspect ratio.
func (t *tile) fills() bool { return t.view.spec.Fill && !t.source.cfg.Screen }

// drop releases the still.
func (t *tile) drop() {
	t.veil = nil
	if t.still != nil {
		t.source.stills.release(t.still)
		t.still = nil
	}
}

// demand demands the source's video in the size of the tile. decode says whether the engine must decode the video.
func (t *tile) demand(decode bool) {
	if t.source == nil {
		return
	}
	if u := (videoUse{t.rect.Dx(), t.rect.Dy(), t.fills(), decode}); t.demanded != u {
		t.demanded = u
		t.source.demand(t, u)
	}
}

// info describes the tile for mixer.Layout. If the view is composed, State and Speaking are as on the canvas, because the
// source may have changed after the tile was drawn.
func (t *tile) info(now time.Time) mixer.TileInfo {
	i := mixer.TileInfo{X: t.rect.Min.X, Y: t.rect.Min.Y, W: t.rect.Dx(), H: t.rect.Dy(), Name: fmt.Sprintf("+%d", t.hidden)}
	if t.source == nil {
		return i
	}
	c, age := t.source.condition(now)
	state, reason, speaking := c.State, c.Reason, t.source.speaking()
	if t.view.decode {
		state, reason = t.onCanvas.state, t.onCanvas.reason
		if t.bordered {
			speaking = t.onCanvas.speaking
		}
	}
	i.ID, i.Name, i.State, i.Reason, i.Speaking = t.source.cfg.ID, t.source.cfg.Name, state, reason, speaking
	if state != mixer.Live && state != mixer.Connecting {
		i.Age = int(age.Seconds())
	}
	return i
}

// close releases the still, and ends the tile's use of the source.
func (t *tile) close() {
	t.drop()
	if t.source != nil {
		t.source.demand(t, videoUse{})
	}
}
