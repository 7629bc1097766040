package room

import (
	"slices"
	"strings"
)

// leave is Leave or Lose in the loop.
type leave struct {
	m    *Member
	lost bool
}

func (c leave) do(r *Room) {
	if _, here := r.members[c.m]; !here {
		return
	}
	delete(r.members, c.m)
	seen := false
	if c.lost {
		seen = r.lose(c.m)
	} else {
		seen = r.part(c.m)
	}
	if seen {
		r.tell(nil)
	}
	r.log.Info("member left", "id", c.m.id, "reason", c.reason())
	r.registry.release(r)
}

func (c leave) reason() string {
	switch {
	case c.m.err != nil:
		return strings.ToLower(c.m.err.Error())
	case c.lost:
		return "connection broke"
	}
	return "left"
}

// part removes the place that m holds and tells whether others could see it.
func (r *Room) part(m *Member) bool {
	if !r.holds(m) {
		return false
	}
	r.remember(m.place)
	m.place.now.Store(nil)
	r.remove(m.place)
	return m.place.publishes()
}

// holds tells whether m has its place still.
func (r *Room) holds(m *Member) bool {
	p := m.place
	return p.now.Load() == m && (slices.Contains(r.places, p) || slices.Contains(r.viewers, p))
}

// mute is Mute in the loop.
type mute struct {
	m     *Member
	muted Media
}

func (c mute) do(r *Room) {
	p := c.m.place
	if p.now.Load() != c.m || p.source == nil || c.m.over.Load() || p.Muted == c.muted {
		return
	}
	p.Muted = c.muted
	p.showMute()
	r.tell(nil)
}
