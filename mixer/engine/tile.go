package engine

import (
	"fmt"
	"image"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/engine/layout"
)

// stillEvery is the time between two pictures of a tile that hardly changes, while the room is overloaded.
const stillEvery = 200 * time.Millisecond

// tile is one place on a canvas. The view's ticker owns it.
type tile struct {
	view   *view
	source *Source // nil: the tile says how many are not shown
	more   int
	rect   image.Rectangle
	framed bool // has a frame while its source speaks
	above  bool // lies on another one, which is drawn first

	still *still // holds the scaled picture; nil before the first
	plate *plate // the name on it; nil for none
	at    image.Point
	shown appearance
	drawn time.Time
	asked use // of the source
}

// appearance is everything that decides how a tile looks.
type appearance struct {
	state    mixer.State
	picture  uint64 // number of it; zero for a placeholder
	age      string
	speaking bool
}

func (v *view) newTile(place layout.Tile, all int) *tile {
	t := &tile{view: v, more: place.More, rect: image.Rect(place.X, place.Y, place.X+place.W, place.Y+place.H), framed: all > 1}
	if place.Index >= 0 {
		t.source = v.scene.sources[place.Index]
		t.demand(v.decode)
	}
	return t
}

// look is how the tile should look now.
func (t *tile) look(now time.Time) appearance {
	if t.source == nil {
		return appearance{}
	}
	state, age := t.source.state(now)
	a := appearance{state: state, speaking: t.framed && t.source.speaking()}
	switch state {
	case mixer.Live:
		a.picture, _ = t.source.slot.Mark()
	case mixer.Lost, mixer.Reconnecting:
		if age > 0 {
			a.age = ageText(age)
		}
	}
	return a
}

// due tells whether the canvas does not show the tile as it is. A patient one waits a little where hardly
// anything moves.
func (t *tile) due(now time.Time, patient bool) bool {
	next := t.look(now)
	if next == t.shown {
		return false
	}
	calm := patient && next.picture != 0 && t.shown.picture != 0 && t.source.video.calm() && now.Sub(t.drawn) < stillEvery
	return !calm
}

func (t *tile) overlaps(o *tile) bool { return t.rect.Overlaps(o.rect) }

// draw brings the tile up to date on canvas. A picture that cannot be drawn becomes a placeholder; the other
// tiles go on.
func (t *tile) draw(canvas *codec.Frame, now time.Time) {
	next := t.look(now)
	t.drawn = now
	switch {
	case t.source == nil:
		t.view.engine.painter.message(canvas, t.rect, fmt.Sprintf("+%d", t.more), "")
	case next.picture != 0:
		t.drawPicture(canvas, &next)
	default:
		t.drop()
	}
	if t.source != nil && t.still == nil {
		t.view.engine.painter.message(canvas, t.rect, t.source.cfg.Name, placeholder(next))
	}
	if next.speaking {
		t.view.engine.painter.frame(canvas, t.rect)
	}
	t.shown = next
}

// placeholder is what stands below the name.
func placeholder(a appearance) string {
	text := stateText[a.state]
	if a.age != "" {
		text += " · " + a.age
	}
	return text
}

// stateText says what is wrong with a source.
var stateText = map[mixer.State]string{
	mixer.Connecting: "connecting…", mixer.Muted: "camera off", mixer.Lost: "no signal", mixer.Reconnecting: "reconnecting…", mixer.Unusable: "unknown kind of picture",
}

// drawPicture notes in a which picture it drew; after trouble there is no still.
func (t *tile) drawPicture(canvas *codec.Frame, a *appearance) {
	w, h := t.source.slot.DisplaySize()
	if w == 0 {
		t.drop()
		return
	}
	t.paint(canvas, a, w, h)
}

// paint is drawPicture for a picture of that shape. If a newer one of another shape has come since, the tile stays due.
func (t *tile) paint(canvas *codec.Frame, a *appearance, w, h int) {
	t.fit(canvas, w, h)
	seq, err := t.still.draw(canvas, t.at)
	if err != nil {
		t.source.drawTrouble(err)
		t.drop()
		a.state, a.picture = mixer.Unusable, 0
		return
	}
	t.source.drawWell()
	t.plate.draw(canvas, image.Rectangle{t.at, t.at.Add(image.Pt(t.still.key.w, t.still.key.h))})
	a.picture = seq
	if nowW, nowH := t.source.slot.DisplaySize(); nowW != w || nowH != h {
		a.picture = 0
	}
}

// fit finds the still for a picture of that shape, and paints the bars beside it.
func (t *tile) fit(canvas *codec.Frame, w, h int) {
	key := stillKey{t.rect.Dx(), t.rect.Dy(), t.fills()}
	at := t.rect.Min
	if !key.fill {
		r := layout.Fit(w, h, layout.Rect{X: t.rect.Min.X, Y: t.rect.Min.Y, W: t.rect.Dx(), H: t.rect.Dy()})
		key.w, key.h, at = r.W, r.H, image.Pt(r.X, r.Y)
	}
	if !key.covers(t.rect) && (t.still == nil || t.still.key != key || t.view.fresh || t.shown.speaking || t.above) {
		canvas.Fill(t.rect, bars)
	}
	if t.still == nil || t.still.key != key {
		next := t.source.stills.hold(key)
		t.drop()
		t.still = next
		if !t.view.spec.NoLabels {
			t.plate = t.view.engine.painter.name(t.source.cfg.Name, key.w, key.h)
		}
	}
	t.at = at
}

// fills tells whether pictures are cropped to the tile's shape.
func (t *tile) fills() bool { return t.view.spec.Fill && !t.source.cfg.Screen }

// drop gives the still up.
func (t *tile) drop() {
	if t.still != nil {
		t.source.stills.release(t.still)
		t.still = nil
	}
}

// demand tells the source how large it is shown.
func (t *tile) demand(decode bool) {
	if t.source == nil {
		return
	}
	if u := (use{t.rect.Dx(), t.rect.Dy(), t.fills(), decode}); t.asked != u {
		t.asked = u
		t.source.demand(t, u)
	}
}

// info is what the layout says of the tile: as it is drawn, if it is, for a source may just have changed.
func (t *tile) info(now time.Time) mixer.TileInfo {
	i := mixer.TileInfo{X: t.rect.Min.X, Y: t.rect.Min.Y, W: t.rect.Dx(), H: t.rect.Dy(), Name: fmt.Sprintf("+%d", t.more)}
	if t.source == nil {
		return i
	}
	state, age := t.source.state(now)
	speaking := t.source.speaking()
	if t.view.decode {
		state = t.shown.state
		if t.framed {
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
		t.source.demand(t, use{})
	}
}
