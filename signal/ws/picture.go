package ws

import (
	"cmp"
	"errors"
	"time"

	"azulejo/mixer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
)

// answerWithin is how long a client waits at most for the rendition that answers its view: a change to what is
// the same picture brings no new one. An answer that came too early is followed by the right one.
const answerWithin = 2 * time.Second

// picture is what a session shows its client, and what the client was told of it.
type picture struct {
	asked choice // by the client
	shown choice // what the pictures are, as far as they have come

	layouts *latest[shown]
	demands *latest[mixer.Demand]

	told   renditionMessage // last; zero: nothing yet
	tile   tileMessage
	answer <-chan time.Time // a rendition is due by then; nil: none is
	before source           // of the pictures when it was asked for
}

// source tells apart where pictures come from.
type source struct {
	view          string
	width, height int
}

func sourceOf(r mixer.RenditionStats) source { return source{r.View, r.Width, r.Height} }

// shown is a layout and the time of the first picture that shows it.
type shown struct {
	layout *mixer.Layout
	rtp    uint32
}

func newPicture() picture {
	return picture{
		asked: firstChoice(), shown: firstChoice(),
		layouts: newLatest[shown](), demands: newLatest[mixer.Demand](),
	}
}

// view changes the picture; the new one is announced by rendition and layout when it comes.
func (s *session) view(sel selection) error {
	if s.peer != nil && s.peer.NoPicture() {
		return refusal.New(codeUnexpected, "a view for a client that receives no picture; accepted on a connection whose offer receives video")
	}
	next, err := s.choose(s.member, sel)
	if err != nil {
		return err
	}
	if s.peer != nil {
		if err := s.change(next); err != nil {
			return err
		}
	}
	s.picture.asked = next
	return nil
}

// choose makes the client's next choice from what its room has.
func (s *session) choose(m *room.Member, sel selection) (choice, error) {
	next, err := sel.from(s.picture.asked, m.Mixer().Views())
	if err != nil || next.watch.View == nil || !sized(*next.watch.View) {
		return next, err
	}
	info, err := s.h.house.Info(m.Room())
	if err != nil {
		return next, err
	}
	return next, affordable(*next.watch.View, info.Views)
}

func sized(v mixer.View) bool { return v.Width != 0 || v.Height != 0 || v.FPS != 0 }

// affordable refuses a personal view of more pixels a second than any view that the room has by itself: strangers
// choose the shape, the room pays.
func affordable(v mixer.View, named []room.ViewInfo) error {
	pixels := func(v mixer.View) int { return v.Width * v.Height * v.FPS }
	var main, most mixer.View
	for _, n := range named {
		if n.Name == mixer.MainView {
			main = n.View
		}
		if pixels(n.View) > pixels(most) {
			most = n.View
		}
	}
	v.Width, v.Height, v.FPS = cmp.Or(v.Width, main.Width), cmp.Or(v.Height, main.Height), cmp.Or(v.FPS, main.FPS)
	if pixels(v) > pixels(most) {
		return refusal.New(codeBadView, "w, h and fps: %dx%d at %d a second; accepted are as many pixels a second as %dx%d at %d",
			v.Width, v.Height, v.FPS, most.Width, most.Height, most.FPS)
	}
	return nil
}

// change asks for what comes next; the answer is due as soon as its pictures come.
func (s *session) change(next choice) error {
	if now, ok := s.peer.Rendition(); ok {
		s.picture.before = sourceOf(now)
		s.picture.answer = time.After(answerWithin)
	}
	if err := s.peer.Change(next.watch); err != nil {
		s.picture.answer = nil
		return badView(err)
	}
	return nil
}

// badView translates what the mixer refused.
func badView(err error) error {
	var known *refusal.Error
	if errors.As(err, &known) {
		return err
	}
	return refusal.New(codeBadView, "%v", err)
}

// showLayout tells what the pictures show from now on.
func (s *session) showLayout() {
	now := s.picture.layouts.get()
	if r, ok := s.peer.Rendition(); s.picture.answer == nil || ok && sourceOf(r) != s.picture.before {
		s.arrive()
	}
	tiles := now.layout.Tiles
	if tiles == nil {
		tiles = []mixer.TileInfo{}
	}
	s.pump.tell("layout", layoutMessage{"layout", s.picture.shown.name(), now.rtp, now.layout.Canvas, tiles, now.layout.Hidden})
}

// arrive notes that the pictures are what was asked for, and tells what the client receives if that is new or
// if it waits for it.
func (s *session) arrive() {
	s.picture.shown = s.picture.asked
	s.tellRendition(s.picture.answer != nil)
	s.picture.answer = nil
}

// tellRendition tells what the client receives, if that is new or if it has to be told anyway. Before media
// flows it leaves that to their beginning.
func (s *session) tellRendition(anyway bool) {
	r, ok := s.peer.Rendition()
	if !ok {
		return
	}
	m := renditionMessage{"rendition", r.Codec, r.Width, r.Height, r.FPS, r.Bitrate}
	before := s.picture.told
	before.FPS, before.Bitrate = m.FPS, m.Bitrate // measured: never the same
	if m != before || anyway {
		s.picture.told = m
		s.pump.tell("rendition", m)
	}
}

// showTile tells a publisher how large its picture is shown.
func (s *session) showTile() {
	d := s.picture.demands.get()
	m := tileMessage{"tile", d.Width, d.Height}
	if m != s.picture.tile {
		s.picture.tile = m
		s.pump.tell("tile", m)
	}
}
