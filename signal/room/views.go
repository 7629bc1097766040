package room

import (
	"maps"
	"slices"

	"azulejo/mixer"
	"azulejo/signal/refusal"
)

// ViewInfo is a named view, with the defaults of its room filled in.
type ViewInfo struct {
	Name string `json:"name"`
	mixer.View
}

// SetView changes or adds a named view of an open room, until the room ends. A configured room has its configured views
// again then. Viewers and recordings of the view get the change. A [refusal.Error] names the bad field.
func (reg *Registry) SetView(room, name string, v mixer.View) error {
	if err := mixer.CheckRoomName(name); err != nil {
		return refusal.New(CodeBadView, "view %v", err)
	}
	if err := v.Validate(); err != nil {
		return refusal.New(CodeBadView, "%v", err)
	}
	return reg.query(room, func(r *Room) error { return r.setView(name, v) })
}

// DeleteView removes a named view of an open room. Its viewers see main from then on. main becomes a grid again. A view
// that is recorded cannot be deleted: footage under its name shows no other view.
func (reg *Registry) DeleteView(room, name string) error {
	return reg.query(room, func(r *Room) error { return r.deleteView(name) })
}

// query is a function that the loop runs, and the channel for its result.
type query struct {
	run   func(*Room) error
	reply chan<- error
}

func (reg *Registry) query(room string, run func(*Room) error) error {
	r := reg.find(room)
	reply := make(chan error, 1)
	if r == nil || !r.submit(query{run, reply}) {
		return errNoSuchRoom(room)
	}
	return <-reply
}

func (c query) apply(r *Room) { c.reply <- c.run(r) }

func (r *Room) setView(name string, v mixer.View) error {
	views := r.hub.Views()
	if _, known := views[name]; !known && len(views) >= maxViews {
		return refusal.New(CodeViews, "room %s has %d views; accepted are no more", r.name, maxViews)
	}
	if err := r.hub.SetView(name, v); err != nil {
		return refusal.New(CodeBadView, "%v", err)
	}
	r.log.Info("view set", "view", name, "layout", string(v.Layout))
	return nil
}

func (r *Room) deleteView(name string) error {
	recorded := func(c *recording) bool { return c.stream == name && c.rec != nil }
	if name != mixer.MainView && slices.ContainsFunc(r.recordings, recorded) {
		return refusal.New(CodeRecorded, "view %q of room %s is recorded; accepted are other views, and to give it another meaning", name, r.name)
	}
	if !r.hub.DeleteView(name) && name != mixer.MainView {
		return refusal.New(CodeNoSuchView, "room %s has no view %q", r.name, mixer.ClipName(name))
	}
	r.log.Info("view deleted", "view", name)
	return nil
}

// setViews sets the configured views.
func (r *Room) setViews() {
	views := r.registry.cfg.Rooms[r.name].Views
	for _, name := range slices.Sorted(maps.Keys(views)) {
		if err := r.hub.SetView(name, views[name]); err != nil {
			r.log.Error("view not set", "view", name, "error", err)
		}
	}
}

// describeViews lists all views, main first.
func (r *Room) describeViews() []ViewInfo {
	views := r.hub.Views()
	all := make([]ViewInfo, 0, len(views))
	for _, name := range slices.Sorted(maps.Keys(views)) {
		info := ViewInfo{name, r.withDefaults(views[name])}
		if name == mixer.MainView {
			all = slices.Insert(all, 0, info)
		} else {
			all = append(all, info)
		}
	}
	return all
}

// withDefaults fills in the room's values where v has none.
func (r *Room) withDefaults(v mixer.View) mixer.View {
	cfg := r.hub.Config()
	set := func(v *int, room int) {
		if *v == 0 {
			*v = room
		}
	}
	set(&v.Width, cfg.Width)
	set(&v.Height, cfg.Height)
	set(&v.FPS, cfg.FPS)
	if v.Layout == "" {
		v.Layout = mixer.KindGrid
	}
	return v
}
