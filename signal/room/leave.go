package room

import (
	"slices"
	"strings"
)

// leave is Leave in the loop.
type leave struct{ m *Member }

func (c leave) do(r *Room) {
	if _, here := r.members[c.m]; !here {
		return
	}
	delete(r.members, c.m)
	if slices.Contains(r.places, c.m.place) || slices.Contains(r.viewers, c.m.place) {
		if r.vacatePlace(c.m) {
			r.tell(nil)
		}
	}
	r.log.Info("member left", "id", c.m.id, "reason", reason(c.m.err))
	r.house.release(r)
}

func reason(err error) string {
	if err == nil {
		return "left"
	}
	return strings.ToLower(err.Error())
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
