package viewing

import (
	"cmp"
	"errors"
	"time"

	"azulejo/mixer"
	"azulejo/signal/peer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
)

// answerWithin is how long a client waits at most for the rendition that answers its view: a change to what is
// the same picture brings no new one. An answer that came too early is followed by the right one.
const answerWithin = 2 * time.Second

// Picture is what a session shows its client, and what the client was told of it. It belongs to the session's
// goroutine, which waits for Layouts, Demands and Due and then calls what belongs to them; only PutLayout and
// PutDemand are for others, and never block.
type Picture struct {
	registry *room.Registry
	tell     func(kind string, message any)

	asked choice // by the client
	shown choice // what the pictures are, as far as they have come

	member *room.Member
	peer   *peer.Peer // nil before there is a connection

	layouts *latest[shown]
	demands *latest[mixer.Demand]

	told   Rendition        // last; zero: nothing yet
	tile   Tile             // as told last
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

// NewPicture shows main. What the client has to know goes to tell, called by the session's own goroutine: a message
// of this package, and its type, of which only the newest counts.
func NewPicture(registry *room.Registry, tell func(kind string, message any)) *Picture {
	return &Picture{
		registry: registry, tell: tell, asked: firstChoice(), shown: firstChoice(),
		layouts: newLatest[shown](), demands: newLatest[mixer.Demand](),
	}
}

// Begin takes what a new member wants to see first. An error is a [refusal.Error]; the picture stays as it was.
func (p *Picture) Begin(m *room.Member, sel Selection) error {
	next, err := p.choose(m, sel)
	if err != nil {
		return err
	}
	p.member, p.asked = m, next
	return nil
}

// Watching is what the client asked for, for the options of its peer.
func (p *Picture) Watching() mixer.Watching { return p.asked.watch }

// Connect names the peer that brings the pictures, once and after Begin.
func (p *Picture) Connect(to *peer.Peer) { p.peer = to }

// Select changes the picture; the new one is announced by rendition and layout when it comes. An error is often
// a [refusal.Error], and everything stays as it was.
func (p *Picture) Select(sel Selection) error {
	if p.peer != nil && p.peer.NoPicture() {
		return refusal.New(peer.CodeUnexpected, "a view for a client that receives no picture; accepted on a connection whose offer receives video")
	}
	next, err := p.choose(p.member, sel)
	if err != nil {
		return err
	}
	if p.peer != nil {
		if err := p.change(next); err != nil {
			return err
		}
	}
	p.asked = next
	return nil
}

// choose makes the client's next choice from what its room has.
func (p *Picture) choose(m *room.Member, sel Selection) (choice, error) {
	views := m.Mixer().Views()
	next, err := sel.from(p.asked.among(views), views)
	if err != nil || next.watch.View == nil || !sized(*next.watch.View) {
		return next, err
	}
	info, err := p.registry.Info(m.Room())
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
		return refusal.New(room.CodeBadView, "w, h and fps: %dx%d at %d a second; accepted are as many pixels a second as %dx%d at %d",
			v.Width, v.Height, v.FPS, most.Width, most.Height, most.FPS)
	}
	return nil
}

// change asks for what comes next; the answer is due as soon as its pictures come.
func (p *Picture) change(next choice) error {
	if now, ok := p.peer.Rendition(); ok {
		p.before = sourceOf(now)
		p.answer = time.After(answerWithin)
	}
	if err := p.peer.Change(next.watch); err != nil {
		p.answer = nil
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
	return refusal.New(room.CodeBadView, "%v", err)
}

// PutLayout is the peer's OnLayout.
func (p *Picture) PutLayout(l *mixer.Layout, rtp uint32) { p.layouts.put(shown{l, rtp}) }

// PutDemand takes what is made of the client's own picture.
func (p *Picture) PutDemand(d mixer.Demand) { p.demands.put(d) }

// Layouts is received from before ShowLayout.
func (p *Picture) Layouts() <-chan struct{} { return p.layouts.ready }

// Demands is received from before ShowTile.
func (p *Picture) Demands() <-chan struct{} { return p.demands.ready }

// Due is received from before Arrive; it changes with every call of the other methods.
func (p *Picture) Due() <-chan time.Time { return p.answer }

// Flow tells what the client receives, once media flow.
func (p *Picture) Flow() { p.tellRendition(true) }

// ShowLayout tells what the pictures show from now on.
func (p *Picture) ShowLayout() {
	now := p.layouts.get()
	if r, ok := p.peer.Rendition(); p.answer == nil || ok && sourceOf(r) != p.before {
		p.Arrive()
	}
	tiles := now.layout.Tiles
	if tiles == nil {
		tiles = []mixer.TileInfo{}
	}
	views := p.member.Mixer().Views()
	p.asked, p.shown = p.asked.among(views), p.shown.among(views)
	p.tell("layout", Layout{
		"layout", p.shown.name(), now.rtp, now.layout.Canvas, tiles, now.layout.Hidden, now.layout.Page, now.layout.Pages,
	})
}

// Arrive notes that the pictures are what was asked for, and tells what the client receives if that is new or
// if it waits for it.
func (p *Picture) Arrive() {
	p.shown = p.asked
	p.tellRendition(p.answer != nil)
	p.answer = nil
}

// tellRendition tells what the client receives, if that is new or if it has to be told anyway. Before media
// flows it leaves that to their beginning.
func (p *Picture) tellRendition(anyway bool) {
	r, ok := p.peer.Rendition()
	if !ok {
		return
	}
	m := Rendition{"rendition", r.Codec, r.Width, r.Height, r.FPS, r.Bitrate}
	before := p.told
	before.FPS, before.Bitrate = m.FPS, m.Bitrate // measured: never the same
	if m != before || anyway {
		p.told = m
		p.tell("rendition", m)
	}
}

// ShowTile tells a publisher how large its picture is shown.
func (p *Picture) ShowTile() {
	d := p.demands.get()
	m := Tile{"tile", d.Width, d.Height}
	if m != p.tile {
		p.tile = m
		p.tell("tile", m)
	}
}
