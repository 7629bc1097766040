package room

import (
	"slices"
	"strings"
)

// leave is the command of Member.Leave and Member.Lose.
type leave struct {
	m    *Member
	lost bool // by Lose
}

func (c leave) apply(r *Room) {
	if _, here := r.members[c.m]; !here {
		return
	}
	delete(r.members, c.m)
	visible := false
	if c.lost {
		visible = r.keepPlace(c.m)
	} else {
		visible = r.freePlace(c.m)
	}
	if visible {
		r.broadcast(nil)
	}
	r.log.Info("member left", "id", c.m.id, "reason", c.reason())
	r.registry.release(r)
}

// reason returns why the membership is over, for the log.
func (c leave) reason() string {
	switch {
	case c.m.err != nil:
		return strings.ToLower(c.m.err.Error())
	case c.lost:
		return "connection broke"
	}
	return "left"
}

// freePlace removes the place of m, and stores it as a former place. It does nothing if m no longer holds its place. It
// returns true if the other members can see the change.
func (r *Room) freePlace(m *Member) bool {
	if !r.hasPlace(m) {
		return false
	}
	r.rememberPlace(m.place)
	m.place.holder.Store(nil)
	r.removePlace(m.place)
	return m.place.publishes()
}

// hasPlace tells whether m still holds its place. It does not if another member got the place, or if the place was removed.
func (r *Room) hasPlace(m *Member) bool {
	p := m.place
	return p.holder.Load() == m && (slices.Contains(r.places, p) || slices.Contains(r.viewers, p))
}

// mute is the command of Member.Mute.
type mute struct {
	m     *Member
	muted Media
}

func (c mute) apply(r *Room) {
	p := c.m.place
	if p.holder.Load() != c.m || p.source == nil || c.m.ended.Load() || p.Muted == c.muted {
		return
	}
	p.Muted = c.muted
	p.applyMute()
	r.broadcast(nil)
}
