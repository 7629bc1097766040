package room

import (
	"maps"
	"slices"
	"time"
)

// identity is how a member that joins again is recognised. A peer and a camera with the same key are different.
type identity struct {
	kind Kind
	key  string
}

// formerPlace is the place of a member that left. It is remembered during the grace.
type formerPlace struct {
	id     string
	number int
	until  time.Time
}

// keepPlace keeps the place of m, whose connection broke, if m publishes and has a key to come back with. If not, it
// removes the place. It tells whether the other members can see the change.
func (r *Room) keepPlace(m *Member) bool {
	p := m.place
	if r.closing || p.key == "" || !p.publishes() || !r.hasPlace(m) {
		return r.removeMember(m)
	}
	p.holder.Store(nil)
	p.Away, p.awayUntil = true, time.Now().Add(r.registry.cfg.Grace)
	p.source.SetAway(true)
	r.registry.retain(r)
	return true
}

// endAway undoes keepPlace, when the place has a holder again or is removed.
func (r *Room) endAway(p *place) {
	if p.Away {
		p.Away = false
		r.registry.release(r)
	}
}

// expirePlaces removes the places whose holder has been away for longer than the grace, and forgets former places after
// it. It tells whether the other members can see the change.
func (r *Room) expirePlaces(now time.Time) bool {
	maps.DeleteFunc(r.formerPlaces, func(_ identity, f formerPlace) bool { return !now.Before(f.until) })
	visible := false
	for _, p := range slices.Clone(r.places) {
		if p.Away && !now.Before(p.awayUntil) {
			r.log.Info("place given up", "id", p.ID, "name", p.Name)
			r.removePlace(p)
			visible = true
		}
	}
	return visible
}

// rememberPlace remembers the id and the number of p, so that its holder can come back to the same place. The number of
// former places is bounded, since a client can make any number of keys.
func (r *Room) rememberPlace(p *place) {
	if p.key != "" && p.publishes() && len(r.formerPlaces) < r.registry.cfg.Limits.Participants {
		r.formerPlaces[identity{p.Kind, p.key}] = formerPlace{p.ID, p.number, time.Now().Add(r.registry.cfg.Grace)}
	}
}

// assignNumber gives p its number: that of a configured camera, the one that its key has or had during the grace, or the
// next one. Numbers are not reused, so that a place stays free for the member that comes back to it.
func (r *Room) assignNumber(p, old *place) {
	left, back := r.formerPlaces[identity{p.Kind, p.key}]
	if back {
		p.ID = left.id
	}
	if old != nil {
		p.ID = old.ID
	}
	if !p.publishes() {
		return
	}
	delete(r.formerPlaces, identity{p.Kind, p.key})
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
