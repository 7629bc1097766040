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

// confirmTimeout is how long a client waits at most for the confirmation of its selection, which is a message rendition.
// Usually the first frame of the new rendition causes the confirmation. A selection may also keep the rendition. Then no new
// rendition starts, and the confirmation comes after confirmTimeout. If a new rendition starts later than that, a second
// message describes it.
const confirmTimeout = 2 * time.Second

// Room is the part of a room that a Viewer uses.
type Room interface {
	Views() map[string]mixer.View // the named views, without the defaults of the room
	Info() (room.Info, error)     // the named views with their defaults are in Info.Views
}

// Viewer keeps what one client selected, and what the server sent the client about it. Only the goroutine of the client's
// session may use it. When Layouts, Demands or Overdue is ready, that goroutine must call SendLayout, SendTile or Confirm,
// respectively. OnLayout and OnDemand may be called from any goroutine, and never block. The channels of a nil Viewer are
// nil, so they are never ready.
type Viewer struct {
	room   Room
	notify func(kind string, message any)

	selected choice // the client's last selection
	sent     choice // the selection that the last sent frame shows

	peer *peer.Peer // nil before Connect

	layouts *latest[layoutAt]
	demands *latest[mixer.Demand]

	lastRendition Rendition        // the last message of this type; zero: none yet
	lastTile      Tile             // the last message of this type; zero: none yet
	overdue       <-chan time.Time // fires when a confirmation is overdue; nil: no confirmation is pending
	oldRendition  renditionID      // the rendition that was sent when the client made the pending selection
}

// renditionID identifies a video rendition of a room for one client.
type renditionID struct {
	view          string
	width, height int
}

// idOf returns the renditionID of a rendition.
func idOf(r mixer.RenditionStats) renditionID { return renditionID{r.View, r.Width, r.Height} }

// layoutAt is a layout and the RTP timestamp of the first frame that shows it.
type layoutAt struct {
	layout *mixer.Layout
	rtp    uint32
}

// NewViewer makes the viewer of a client in room r. An empty selection means the view main. The Viewer passes its messages
// to notify, with the type of the message as kind. It calls notify on the goroutine of the session. Only the newest message
// of each kind counts, so notify may drop older messages. The error may be a [refusal.Error].
func NewViewer(r Room, first Selection, notify func(kind string, message any)) (*Viewer, error) {
	v := &Viewer{
		room: r, notify: notify, selected: firstChoice(), sent: firstChoice(),
		layouts: newLatest[layoutAt](), demands: newLatest[mixer.Demand](),
	}
	selected, err := v.choose(first)
	if err != nil {
		return nil, err
	}
	v.selected = selected
	return v, nil
}

// Watching returns what the client selected, for the field View of peer.Options.
func (v *Viewer) Watching() mixer.Watching { return v.selected.watch }

// Connect sets the peer that sends the frames. It must be called at most once.
func (v *Viewer) Connect(p *peer.Peer) { v.peer = p }

// Select changes what the client watches. When the first frame of the new view is sent, the messages rendition and layout
// announce the change. After an error nothing has changed. The error is usually a [refusal.Error].
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

// choose returns the choice that a selection makes from the client's last selection. It refuses a personal view that is too
// large for the room.
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
	return next, checkSize(*next.watch.View, info.Views)
}

// sized reports whether a view sets its own size or frame rate.
func sized(v mixer.View) bool { return v.Width != 0 || v.Height != 0 || v.FPS != 0 }

// checkSize refuses a personal view that has more pixels a second than every named view of the room. The limit bounds the
// CPU time for encoding that one client can cause.
func checkSize(v mixer.View, named []room.ViewInfo) error {
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

// change makes the peer send the next choice. While media flow, a confirmation is then pending until the first frame of the
// next choice is sent, or until confirmTimeout has passed.
func (v *Viewer) change(next choice) error {
	if old, ok := v.peer.Rendition(); ok {
		v.oldRendition = idOf(old)
		v.overdue = time.After(confirmTimeout)
	}
	if err := v.peer.Change(next.watch); err != nil {
		v.overdue = nil
		return badView(err)
	}
	return nil
}

// badView makes a refusal from an error of the mixer.
func badView(err error) error {
	var known *refusal.Error
	if errors.As(err, &known) {
		return err
	}
	return refusal.New(room.CodeBadView, "%v", err)
}

// OnLayout stores a new layout for SendLayout. rtp is the RTP timestamp of the first frame that shows the layout. The
// session must set OnLayout in peer.Options.
func (v *Viewer) OnLayout(layout *mixer.Layout, rtp uint32) { v.layouts.set(layoutAt{layout, rtp}) }

// OnDemand stores a new demand for the client's own video, for SendTile. The session of a publisher must pass the demands of
// its member to OnDemand.
func (v *Viewer) OnDemand(d mixer.Demand) { v.demands.set(d) }

// Layouts returns a channel that is ready when SendLayout must be called.
func (v *Viewer) Layouts() <-chan struct{} {
	if v == nil {
		return nil
	}
	return v.layouts.ready
}

// Demands returns a channel that is ready when SendTile must be called.
func (v *Viewer) Demands() <-chan struct{} {
	if v == nil {
		return nil
	}
	return v.demands.ready
}

// Overdue returns a channel that fires when Confirm must be called although no frame with a new layout was sent. Select and
// other methods replace the channel, so the session must call Overdue again after them.
func (v *Viewer) Overdue() <-chan time.Time {
	if v == nil {
		return nil
	}
	return v.overdue
}

// SendRendition sends the message rendition. The session must call it when media begin to flow.
func (v *Viewer) SendRendition() { v.sendRendition(true) }

// SendLayout sends the message layout with the newest layout. It calls Confirm first, unless a confirmation is pending and
// the peer still sends the old rendition.
func (v *Viewer) SendLayout() {
	newest := v.layouts.get()
	if r, ok := v.peer.Rendition(); v.overdue == nil || ok && idOf(r) != v.oldRendition {
		v.Confirm()
	}
	tiles := newest.layout.Tiles
	if tiles == nil {
		tiles = []mixer.TileInfo{}
	}
	views := v.room.Views()
	v.selected, v.sent = v.selected.among(views), v.sent.among(views)
	v.notify("layout", Layout{
		"layout", v.sent.name(), newest.rtp, newest.layout.Canvas, tiles, newest.layout.Hidden, newest.layout.Page, newest.layout.Pages,
	})
}

// Confirm records that the sent frames show the client's last selection. It sends the message rendition if the rendition is
// new or a confirmation is pending.
func (v *Viewer) Confirm() {
	v.sent = v.selected
	v.sendRendition(v.overdue != nil)
	v.overdue = nil
}

// sendRendition sends the message rendition if the rendition is new or pending is true. Before media flow it does nothing.
func (v *Viewer) sendRendition(pending bool) {
	r, ok := v.peer.Rendition()
	if !ok {
		return
	}
	m := Rendition{"rendition", r.Codec, r.Width, r.Height, r.FPS, r.Bitrate}
	last := v.lastRendition
	last.FPS, last.Bitrate = m.FPS, m.Bitrate // not compared, because measured values always differ
	if m != last || pending {
		v.lastRendition = m
		v.notify("rendition", m)
	}
}

// SendTile sends the message tile with the size in the newest demand, if the size is new.
func (v *Viewer) SendTile() {
	d := v.demands.get()
	m := Tile{"tile", d.Width, d.Height}
	if m != v.lastTile {
		v.lastTile = m
		v.notify("tile", m)
	}
}
