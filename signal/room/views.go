package room

import (
	"maps"
	"slices"

	"azulejo/mixer"
	"azulejo/signal/refusal"
)

// ViewInfo is a named view. Fields that the view leaves empty have the defaults of the room.
type ViewInfo struct {
	Name string `json:"name"`
	mixer.View
}

// SetView adds a named view to an open room, or changes one. The change lasts until the room ends. When a configured room
// starts again, it has its configured views. Viewers and recordings of the view get the changed view. The error is a
// [refusal.Error].
func (reg *Registry) SetView(room, name string, v mixer.View) error {
	if err := mixer.CheckRoomName(name); err != nil {
		return refusal.New(CodeBadView, "view %v", err)
	}
	if err := v.Validate(); err != nil {
		return refusal.New(CodeBadView, "%v", err)
	}
	return reg.query(room, func(r *Room) error { return r.setView(name, v) })
}

// DeleteView removes a named view from an open room. The viewers of that view then get the view main. DeleteView does not
// remove main itself, but makes it a grid again. A recorded view cannot be deleted, because its recording would then show
// main. The error is a [refusal.Error].
func (reg *Registry) DeleteView(room, name string) error {
	return reg.query(room, func(r *Room) error { return r.deleteView(name) })
}

// query is a command that calls run in the loop, and replies with the result.
type query struct {
	run   func(*Room) error
	reply chan<- error
}

// query calls run in the loop of an open room, and returns the result.
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

// withDefaults returns v with the room's canvas, the room's frame rate and the layout grid in place of empty fields.
func (r *Room) withDefaults(v mixer.View) mixer.View {
	cfg := r.hub.Config()
	set := func(field *int, value int) {
		if *field == 0 {
			*field = value
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
