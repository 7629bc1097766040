package room

import (
	"maps"
	"slices"
	"time"
)

// identity is the same for all joins of one participant. A peer and a camera with the same key are different
// participants.
type identity struct {
	kind Kind
	key  string
}

// formerPlace describes a place that was removed because its member left. If the same participant joins again within the
// grace period, its new place gets this id and this number.
type formerPlace struct {
	id      string
	number  int
	expires time.Time
}

// keepPlace marks the place of m as away, because the connection of m broke. It does so only if m publishes and has a key.
// Otherwise, or if the room is closing, it removes the place. It returns true if the other members can see the change.
func (r *Room) keepPlace(m *Member) bool {
	p := m.place
	if r.closing || p.key == "" || !p.publishes() || !r.hasPlace(m) {
		return r.freePlace(m)
	}
	p.holder.Store(nil)
	p.Away, p.awayUntil = true, time.Now().Add(r.registry.cfg.Grace)
	p.source.SetAway(true)
	r.registry.retain(r) // the place keeps the room open until endAway
	return true
}

// endAway ends the state away of a place, and releases the reference that keepPlace retained. It does nothing if the
// place is not away. It must be called when the place gets a holder again, and when the place is removed.
func (r *Room) endAway(p *place) {
	if p.Away {
		p.Away = false
		r.registry.release(r)
	}
}

// expirePlaces removes the places that were away for the whole grace period, and forgets the former places that are older
// than that. It returns true if the other members can see the change.
func (r *Room) expirePlaces(now time.Time) bool {
	maps.DeleteFunc(r.formerPlaces, func(_ identity, f formerPlace) bool { return !now.Before(f.expires) })
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

// rememberPlace stores the id and the number of p as a former place, if p has a key and is not the place of a viewer. At
// most Limits.Participants former places are stored, because a client can make any number of keys.
func (r *Room) rememberPlace(p *place) {
	if p.key != "" && p.publishes() && len(r.formerPlaces) < r.registry.cfg.Limits.Participants {
		r.formerPlaces[identity{p.Kind, p.key}] = formerPlace{p.ID, p.number, time.Now().Add(r.registry.cfg.Grace)}
	}
}

// assignNumber sets the number of p, a new place. A place of a viewer has no number. The number is the first of these that
// exists:
//   - the position of the camera in Settings.Cameras
//   - the number of old, the present place of the same key (nil: there is none)
//   - the number of the former place of the same key
//   - the next number that no place has had
//
// If the key has an old or a former place, p also gets the id of that place.
func (r *Room) assignNumber(p, old *place) {
	former, known := r.formerPlaces[identity{p.Kind, p.key}]
	if known {
		p.ID = former.id
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
	case known:
		p.number = former.number
	default:
		p.number = r.nextNumber
		r.nextNumber++
	}
}
