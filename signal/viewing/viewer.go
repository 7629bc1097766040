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

// confirmWithin is how long a client waits at most for the message rendition that confirms its selection. If the
// selection leads to the same rendition as before, no new rendition starts, and only the end of this time confirms the
// selection. If the new rendition starts only after that time, a second message rendition
// describes it.
const confirmWithin = 2 * time.Second

// Room is what a Viewer needs to know of the room.
type Room interface {
	Views() map[string]mixer.View // the named views as they are configured
	Info() (room.Info, error)
}

// Viewer is what one client watches, and what the client was sent about it. Only the goroutine of the client's session
// may use it. That goroutine must receive from Layouts, Demands and Overdue, and must then call SendLayout, SendTile
// and Confirm, respectively. OnLayout and OnDemand may be called from any goroutine, and never block. The channels of a
// nil Viewer are nil and never ready.
type Viewer struct {
	room   Room
	notify func(kind string, message any)

	selected choice // what the client selected last
	sent     choice // the choice that the frames sent so far show

	peer *peer.Peer // nil before Connect

	layouts *latest[layoutAt]
	demands *latest[mixer.Demand]

	rendition Rendition        // that was sent last; zero: none yet
	tile      Tile             // that was sent last
	overdue   <-chan time.Time // fires when a confirmation is overdue; nil: none is pending
	before    renditionID      // what was being sent when the pending selection was made
}

// renditionID tells the renditions of a room apart.
type renditionID struct {
	view          string
	width, height int
}

func idOf(r mixer.RenditionStats) renditionID { return renditionID{r.View, r.Width, r.Height} }

// layoutAt is a layout and the RTP timestamp of the first frame that shows it.
type layoutAt struct {
	layout *mixer.Layout
	rtp    uint32
}

// NewViewer makes the viewer of a client in a room. An empty selection means the view main. The Viewer passes its
// messages to notify, each with its type as kind. It calls notify on the goroutine of the session. Only the newest
// message of each kind counts, so notify may drop older ones. An error is a [refusal.Error].
func NewViewer(in Room, first Selection, notify func(kind string, message any)) (*Viewer, error) {
	v := &Viewer{
		room: in, notify: notify, selected: firstChoice(), sent: firstChoice(),
		layouts: newLatest[layoutAt](), demands: newLatest[mixer.Demand](),
	}
	selected, err := v.choose(first)
	if err != nil {
		return nil, err
	}
	v.selected = selected
	return v, nil
}

// Watching returns the client's selection, for the options of its peer.
func (v *Viewer) Watching() mixer.Watching { return v.selected.watch }

// Connect sets the peer that sends the frames. It must be called at most once.
func (v *Viewer) Connect(to *peer.Peer) { v.peer = to }

// Select changes what the client watches. The messages rendition and layout announce the change when the first frame of
// the new selection is sent. After an error, often a [refusal.Error], everything stays as it was.
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
	v.selected = next
	return nil
}

// choose applies a selection to the views of the room. It refuses a personal view that is not affordable.
func (v *Viewer) choose(sel Selection) (choice, error) {
	views := v.room.Views()
	next, err := sel.applyTo(v.selected.among(views), views)
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

// affordable refuses a personal view that has more pixels a second than every named view of the room, because the
// server has to encode what a client selects.
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

// change asks the peer for the next choice. Its confirmation is pending until the first frame of the next choice is
// sent, or confirmWithin is over.
func (v *Viewer) change(next choice) error {
	if now, ok := v.peer.Rendition(); ok {
		v.before = idOf(now)
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

// OnLayout must be given to the peer in its options. It receives each layout, and the RTP timestamp of the first frame
// that shows it.
func (v *Viewer) OnLayout(l *mixer.Layout, rtp uint32) { v.layouts.set(layoutAt{l, rtp}) }

// OnDemand must be given to the membership of a publisher. It receives how large the client's own video is shown.
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

// Overdue returns a channel that fires when Confirm must be called although no new frame came. Any other method may
// replace the channel.
func (v *Viewer) Overdue() <-chan time.Time {
	if v == nil {
		return nil
	}
	return v.overdue
}

// SendRendition sends the rendition that the client receives. The session must call it when media begin to flow.
func (v *Viewer) SendRendition() { v.sendRendition(true) }

// SendLayout sends the newest layout. It calls Confirm first, except while a confirmation is pending and the old rendition
// is still being sent.
func (v *Viewer) SendLayout() {
	now := v.layouts.get()
	if r, ok := v.peer.Rendition(); v.overdue == nil || ok && idOf(r) != v.before {
		v.Confirm()
	}
	tiles := now.layout.Tiles
	if tiles == nil {
		tiles = []mixer.TileInfo{}
	}
	views := v.room.Views()
	v.selected, v.sent = v.selected.among(views), v.sent.among(views)
	v.notify("layout", Layout{
		"layout", v.sent.name(), now.rtp, now.layout.Canvas, tiles, now.layout.Hidden, now.layout.Page, now.layout.Pages,
	})
}

// Confirm records that the frames show the client's selection. It sends the rendition if that is new, or if a
// confirmation is pending.
func (v *Viewer) Confirm() {
	v.sent = v.selected
	v.sendRendition(v.overdue != nil)
	v.overdue = nil
}

// sendRendition sends the rendition that the client receives, if it is new or if the client awaits a confirmation.
// Before media flow there is none to send.
func (v *Viewer) sendRendition(awaited bool) {
	r, ok := v.peer.Rendition()
	if !ok {
		return
	}
	m := Rendition{"rendition", r.Codec, r.Width, r.Height, r.FPS, r.Bitrate}
	last := v.rendition
	last.FPS, last.Bitrate = m.FPS, m.Bitrate // these are measured, so they always differ
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
