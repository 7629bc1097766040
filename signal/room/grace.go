package room

import (
	"maps"
	"slices"
	"time"
)

// who is how somebody is known again. Peers and cameras do not know each other's keys.
type who struct {
	kind Kind
	key  string
}

// departure is what is remembered, for a while, of one who left.
type departure struct {
	id     string
	number int
	until  time.Time
}

// lose keeps the place of m, whose connection broke, if it has a key to come back with, and removes it if not.
// It tells whether others can see that.
func (r *Room) lose(m *Member) bool {
	p := m.place
	if r.ending || p.key == "" || !p.publishes() || !r.holds(m) {
		return r.part(m)
	}
	p.now.Store(nil)
	p.Away, p.until = true, time.Now().Add(r.registry.cfg.Grace)
	p.source.SetAway(true)
	r.registry.hold(r)
	return true
}

// returned ends what lose began, whether the place has a holder again or goes.
func (r *Room) returned(p *place) {
	if p.Away {
		p.Away = false
		r.registry.release(r)
	}
}

// giveUp removes the places of those who did not come back, forgets who left long ago, and tells whether
// others can see that.
func (r *Room) giveUp(now time.Time) bool {
	maps.DeleteFunc(r.departed, func(_ who, d departure) bool { return !now.Before(d.until) })
	seen := false
	for _, p := range slices.Clone(r.places) {
		if p.Away && !now.Before(p.until) {
			r.log.Info("place given up", "id", p.ID, "name", p.Name)
			r.remove(p)
			seen = true
		}
	}
	return seen
}

// remember keeps what p needs to come back to the same place. What is remembered is bounded: keys cost nothing.
func (r *Room) remember(p *place) {
	if p.key != "" && p.publishes() && len(r.departed) < r.registry.cfg.Limits.Participants {
		r.departed[who{p.Kind, p.key}] = departure{p.ID, p.number, time.Now().Add(r.registry.cfg.Grace)}
	}
}

// number gives p its number: that of a configured camera, the one that the key has or had a moment ago, or the
// next. Numbers are not used again, so nobody moves to a place that another one comes back to.
func (r *Room) number(p, old *place) {
	left, back := r.departed[who{p.Kind, p.key}]
	if back {
		p.ID = left.id
	}
	if old != nil {
		p.ID = old.ID
	}
	if !p.publishes() {
		return
	}
	delete(r.departed, who{p.Kind, p.key})
	camera := -1
	if p.Kind == Camera {
		camera = slices.Index(r.registry.cfg.Rooms[r.name].Cameras, p.Name)
	}
	switch {
	case camera >= 0:
		p.number = camera
	case old != nil && old.publishes():
		p.number = old.number
	case back:
		p.number = left.number
	default:
		p.number = r.next
		r.next++
	}
}
