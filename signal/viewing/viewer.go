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

// confirmWithin is the longest time that a client waits for the rendition that confirms its selection. A change that
// leads to the same rendition brings no new one. If the confirmation came too early, a correct one follows it.
const confirmWithin = 2 * time.Second

// Room is what a Viewer needs to know of the room.
type Room interface {
	Views() map[string]mixer.View // the named views as they are configured
	Info() (room.Info, error)
}

// Viewer is what one client watches, and what the client was sent about it. It belongs to the goroutine of the
// client's session. That goroutine receives from Layouts, Demands and Overdue, and calls SendLayout, SendTile and
// Confirm in reply. OnLayout and OnDemand may be called from any goroutine and never block. The channels of a nil
// Viewer are nil and never ready.
type Viewer struct {
	room   Room
	notify func(kind string, message any)

	asked choice // by the client
	shown choice // by the frames that have left so far

	peer *peer.Peer // nil before Connect

	layouts *latest[layoutAt]
	demands *latest[mixer.Demand]

	rendition Rendition        // last sent; zero: none yet
	tile      Tile             // last sent
	overdue   <-chan time.Time // fires when a confirmation is overdue; nil: none is pending
	before    source           // of the frames when the client changed its selection
}

// source tells renditions apart.
type source struct {
	view          string
	width, height int
}

func sourceOf(r mixer.RenditionStats) source { return source{r.View, r.Width, r.Height} }

// layoutAt is a layout and the RTP timestamp of the first frame that shows it.
type layoutAt struct {
	layout *mixer.Layout
	rtp    uint32
}

// NewViewer makes the viewer of a client in a room; the empty selection is the view main. The Viewer hands its messages
// to notify, on the goroutine of the session, with their type as kind. Only the newest message of a kind counts. An
// error is a [refusal.Error].
func NewViewer(in Room, first Selection, notify func(kind string, message any)) (*Viewer, error) {
	v := &Viewer{
		room: in, notify: notify, asked: firstChoice(), shown: firstChoice(),
		layouts: newLatest[layoutAt](), demands: newLatest[mixer.Demand](),
	}
	asked, err := v.choose(first)
	if err != nil {
		return nil, err
	}
	v.asked = asked
	return v, nil
}

// Watching is the client's selection, for the options of its peer.
func (v *Viewer) Watching() mixer.Watching { return v.asked.watch }

// Connect names the peer that sends the frames. It is called once.
func (v *Viewer) Connect(to *peer.Peer) { v.peer = to }

// Select changes what the client watches. Messages rendition and layout announce the change when its first frame
// leaves. After an error, often a [refusal.Error], everything stays as it was.
func (v *Viewer) Select(sel Selection) error {
	if v.peer != nil && v.peer.NoVideo() {
		return refusal.New(peer.CodeUnexpected, "a view for a client that receives no picture; accepted on a connection whose offer receives video")
	}
	next, err := v.choose(sel)
	if err != nil {
		return err
	}
	if v.peer != nil {
		if err := v.change(next); err != nil {
			return err
		}
	}
	v.asked = next
	return nil
}

// choose applies a selection to the views of the room.
func (v *Viewer) choose(sel Selection) (choice, error) {
	views := v.room.Views()
	next, err := sel.from(v.asked.among(views), views)
	if err != nil || next.watch.View == nil || !sized(*next.watch.View) {
		return next, err
	}
	info, err := v.room.Info()
	if err != nil {
		return next, err
	}
	return next, affordable(*next.watch.View, info.Views)
}

func sized(v mixer.View) bool { return v.Width != 0 || v.Height != 0 || v.FPS != 0 }

// affordable refuses a personal view that has more pixels a second than every named view of the room: an encoder of the
// server pays for what a client selects.
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

// change asks the peer for the next choice. The confirmation is due when its first frame leaves.
func (v *Viewer) change(next choice) error {
	if now, ok := v.peer.Rendition(); ok {
		v.before = sourceOf(now)
		v.overdue = time.After(confirmWithin)
	}
	if err := v.peer.Change(next.watch); err != nil {
		v.overdue = nil
		return badView(err)
	}
	return nil
}

// badView translates an error of the mixer to a refusal.
func badView(err error) error {
	var known *refusal.Error
	if errors.As(err, &known) {
		return err
	}
	return refusal.New(room.CodeBadView, "%v", err)
}

// OnLayout is for the options of the peer.
func (v *Viewer) OnLayout(l *mixer.Layout, rtp uint32) { v.layouts.set(layoutAt{l, rtp}) }

// OnDemand is for a publisher's membership: it receives how large the client's own video is shown.
func (v *Viewer) OnDemand(d mixer.Demand) { v.demands.set(d) }

// Layouts is ready when SendLayout has something to send.
func (v *Viewer) Layouts() <-chan struct{} {
	if v == nil {
		return nil
	}
	return v.layouts.ready
}

// Demands is ready when SendTile has something to send.
func (v *Viewer) Demands() <-chan struct{} {
	if v == nil {
		return nil
	}
	return v.demands.ready
}

// Overdue fires when Confirm must be called although no new frame came. Every other method may replace the channel.
func (v *Viewer) Overdue() <-chan time.Time {
	if v == nil {
		return nil
	}
	return v.overdue
}

// SendRendition sends the rendition that the client receives. The session calls it when media begin to flow.
func (v *Viewer) SendRendition() { v.sendRendition(true) }

// SendLayout sends the newest layout, and confirms a pending selection if the layout belongs to it.
func (v *Viewer) SendLayout() {
	now := v.layouts.get()
	if r, ok := v.peer.Rendition(); v.overdue == nil || ok && sourceOf(r) != v.before {
		v.Confirm()
	}
	tiles := now.layout.Tiles
	if tiles == nil {
		tiles = []mixer.TileInfo{}
	}
	views := v.room.Views()
	v.asked, v.shown = v.asked.among(views), v.shown.among(views)
	v.notify("layout", Layout{
		"layout", v.shown.name(), now.rtp, now.layout.Canvas, tiles, now.layout.Hidden, now.layout.Page, now.layout.Pages,
	})
}

// Confirm records that the frames show the client's selection. It sends the rendition if that is new, or if the client
// waits for a confirmation.
func (v *Viewer) Confirm() {
	v.shown = v.asked
	v.sendRendition(v.overdue != nil)
	v.overdue = nil
}

// sendRendition sends the rendition that the client receives, if it is new or if the client waits for it. Before media
// flow there is none to send.
func (v *Viewer) sendRendition(awaited bool) {
	r, ok := v.peer.Rendition()
	if !ok {
		return
	}
	m := Rendition{"rendition", r.Codec, r.Width, r.Height, r.FPS, r.Bitrate}
	last := v.rendition
	last.FPS, last.Bitrate = m.FPS, m.Bitrate // measured: they always differ
	if m != last || awaited {
		v.rendition = m
		v.notify("rendition", m)
	}
}

// SendTile sends how large the client's own video is shown, if that is new.
func (v *Viewer) SendTile() {
	d := v.demands.get()
	m := Tile{"tile", d.Width, d.Height}
	if m != v.tile {
		v.tile = m
		v.notify("tile", m)
	}
}
