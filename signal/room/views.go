package room

import (
	"maps"
	"slices"

	"azulejo/mixer"
	"azulejo/signal/refusal"
)

// ViewInfo is a named view, with what it takes from its room filled in.
type ViewInfo struct {
	Name string `json:"name"`
	mixer.View
}

// SetView gives a named view of an open room another meaning, or makes it; a configured room has it until the
// room ends, and then again what is configured. Who watches it, and what records it, sees the change. An
// [refusal.Error] names the field that is wrong.
func (h *Registry) SetView(room, name string, v mixer.View) error {
	if !validName(name) {
		return refusal.New(CodeBadView, "view %q: accepted are %s", clip(name), acceptedNames)
	}
	if err := v.Validate(); err != nil {
		return refusal.New(CodeBadView, "%v", err)
	}
	return h.ask(room, func(r *Room) error { return r.setView(name, v) })
}

// DeleteView removes a named view of an open room; who watches it sees main from then on. main goes back to a
// grid. A view that is recorded stays: footage of its name shows nothing else.
func (h *Registry) DeleteView(room, name string) error {
	return h.ask(room, func(r *Room) error { return r.deleteView(name) })
}

// question is something that the loop answers.
type question struct {
	ask   func(*Room) error
	reply chan<- error
}

func (h *Registry) ask(room string, ask func(*Room) error) error {
	r := h.find(room)
	reply := make(chan error, 1)
	if r == nil || !r.do(question{ask, reply}) {
		return errNoSuchRoom(room)
	}
	return <-reply
}

func (c question) do(r *Room) { c.reply <- c.ask(r) }

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
		return refusal.New(CodeNoSuchView, "room %s has no view %q", r.name, clip(name))
	}
	r.log.Info("view deleted", "view", name)
	return nil
}

// setViews makes what the configuration says.
func (r *Room) setViews() {
	views := r.registry.cfg.Rooms[r.name].Views
	for _, name := range slices.Sorted(maps.Keys(views)) {
		if err := r.hub.SetView(name, views[name]); err != nil {
			r.log.Error("view not set", "view", name, "error", err)
		}
	}
}

// describeViews are all, main first.
func (r *Room) describeViews() []ViewInfo {
	views := r.hub.Views()
	all := make([]ViewInfo, 0, len(views))
	for _, name := range slices.Sorted(maps.Keys(views)) {
		info := ViewInfo{name, r.filled(views[name])}
		if name == mixer.MainView {
			all = slices.Insert(all, 0, info)
		} else {
			all = append(all, info)
		}
	}
	return all
}

// filled puts the room's values where a view has none.
func (r *Room) filled(v mixer.View) mixer.View {
	cfg := r.registry.cfg.Mixer.WithDefaults()
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
