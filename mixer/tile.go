package mixer

import (
	"image"
	"log/slog"
	"time"

	"azulejo/codec"
	"azulejo/mixer/layout"
)

// tile is one source's place on a canvas. The view's ticker owns it.
type tile struct {
	source  *Source
	rect    image.Rectangle
	painter *painter
	scaler  *codec.Scaler

	state State  // that the canvas shows; empty before the first draw
	seq   uint64 // of the picture that the canvas shows
	art   *plate // the name

	picture *codec.Frame    // scaled, with the name; of inner's size
	inner   image.Rectangle // where the picture lies on the canvas

	trouble func(error)
	well    func()
}

func newTile(s *Source, r image.Rectangle, p *painter, log *slog.Logger) (*tile, error) {
	scaler, err := codec.NewScaler()
	if err != nil {
		return nil, err
	}
	t := &tile{source: s, rect: r, painter: p, scaler: scaler}
	t.trouble, t.well = newLogOnce(log.With("source", s.name), "tile")
	return t, nil
}

// draw brings the tile up to date on canvas: nothing when it already is. A picture that cannot be drawn
// becomes a placeholder; the other tiles go on.
func (t *tile) draw(canvas *codec.Frame, now time.Time) {
	state, _ := t.source.state(now)
	if state == Live {
		err := t.drawPicture(canvas)
		if err == nil {
			t.well()
			return
		}
		t.trouble(err)
		state = Unusable
	}
	if state != t.state {
		t.state = state
		t.inner = image.Rectangle{}
		t.painter.message(canvas, t.rect, t.source.name, stateText[state])
	}
}

// stateText is what a placeholder says below the name.
var stateText = map[State]string{Connecting: "connecting…", Muted: "camera off", Lost: "no signal", Reconnecting: "reconnecting…", Unusable: "unknown kind of picture"}

func (t *tile) drawPicture(canvas *codec.Frame) error {
	seq, _ := t.source.slot.Mark()
	if t.state == Live && seq == t.seq {
		return nil
	}
	f := t.source.slot.Latest()
	if f == nil {
		return nil
	}
	defer f.Close()
	if err := t.fit(canvas, f); err != nil {
		return err
	}
	if err := t.scaler.Scale(t.picture, f); err != nil {
		return err
	}
	t.art.draw(t.picture, t.picture.Bounds())
	canvas.Paste(t.picture, t.inner.Min.X, t.inner.Min.Y)
	t.state, t.seq = Live, seq
	return nil
}

// fit finds the picture's place in the tile, keeping its shape, and paints the bars beside it.
func (t *tile) fit(canvas, f *codec.Frame) error {
	w, h := f.DisplaySize()
	r := layout.Fit(w, h, layout.Rect{X: t.rect.Min.X, Y: t.rect.Min.Y, W: t.rect.Dx(), H: t.rect.Dy()})
	inner := image.Rect(r.X, r.Y, r.X+r.W, r.Y+r.H)
	if inner == t.inner {
		return nil
	}
	picture, err := codec.NewFrame(inner.Dx(), inner.Dy())
	if err != nil {
		return err
	}
	t.picture.Close()
	t.picture, t.inner = picture, inner
	t.art = t.painter.name(t.source.name, inner)
	canvas.Fill(t.rect, bars)
	return nil
}

func (t *tile) close() {
	t.scaler.Close()
	t.picture.Close()
	t.picture = nil
}
