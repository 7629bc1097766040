package room

import (
	"crypto/rand"
	"slices"

	"azulejo/mixer"
	"azulejo/mixer/hub"
	"azulejo/signal/refusal"
)

// join is Join in the loop.
type join struct {
	Joining
	reply chan<- joined
}

type joined struct {
	member *Member
	err    error
}

func (r *Room) join(j Joining) (*Member, error) {
	reply := make(chan joined, 1)
	if !r.do(join{j, reply}) {
		return nil, errClosing()
	}
	got := <-reply
	return got.member, got.err
}

func (c join) do(r *Room) {
	old := r.byKey(c.Kind, c.Key)
	seen := old != nil && old.publishes()
	p, err := r.seat(c.Joining, old)
	if err != nil {
		c.reply <- joined{err: err}
		return
	}
	m := &Member{room: r, place: p, id: p.ID, source: p.source, publish: c.Publish, done: make(chan struct{})}
	if c.Kind == Peer {
		m.events = make(chan Event, backlog)
	}
	p.end(errReplaced())
	p.now.Store(m)
	m.joined = r.participants()
	r.members[m] = struct{}{}
	if seen || p.publishes() {
		r.tell(m)
	}
	r.log.Info("member joined", "id", m.id, "name", c.Name, "kind", string(c.Kind), "audio", c.Publish.Audio, "video", c.Publish.Video)
	c.reply <- joined{member: m}
}

// seat gives the old place of the key back where it still fits, or makes a new one within the limits.
func (r *Room) seat(j Joining, old *place) (*place, error) {
	if r.ending {
		return nil, errClosing()
	}
	if old != nil && old.fits(j) {
		r.takeBack(old, j)
		return old, nil
	}
	if err := r.admit(j, old); err != nil {
		return nil, err
	}
	p := &place{
		Participant: Participant{ID: rand.Text()[:12], Name: j.Name, Kind: j.Kind, Publish: j.Publish},
		key:         j.Key, screen: j.Screen, layers: j.Layers,
	}
	r.number(p, old)
	if old != nil {
		old.end(errReplaced())
		r.remove(old)
	}
	r.add(p)
	return p, nil
}

// fits tells whether whoever joins can have the place with its source as it is.
func (p *place) fits(j Joining) bool {
	return p.Name == j.Name && p.publishes() == !j.viewer() && p.screen == j.Screen && p.layers == j.Layers
}

// takeBack makes a place whose holder is away, or a ghost, what the one who comes back says.
func (r *Room) takeBack(p *place, j Joining) {
	r.returned(p)
	p.Publish, p.Muted = j.Publish, Media{}
	if p.source != nil {
		p.source.SetAway(false)
		p.showMute()
	}
}

// admit checks the limits, as if the place of a ghost were free already.
func (r *Room) admit(j Joining, ghost *place) error {
	limits := r.registry.cfg.Limits
	free := func(places []*place) int {
		n := len(places)
		if slices.Contains(places, ghost) {
			n--
		}
		return n
	}
	_, known := r.departed[who{j.Kind, j.Key}]
	switch {
	case r.strained(j) && ghost == nil && !known:
		return errOverloaded()
	case j.viewer() && free(r.viewers) >= limits.Viewers:
		return refusal.New(CodeViewers, "room %s has %d viewers; accepted are no more", r.name, limits.Viewers)
	case !j.viewer() && free(r.places) >= limits.Participants:
		return refusal.New(CodeFull, "room %s has %d participants; accepted are no more; viewing is still possible", r.name, limits.Participants)
	case j.Kind == Camera && slices.ContainsFunc(r.places, func(p *place) bool { return p.Kind == Camera && p.Name == j.Name }):
		return refusal.New(CodeNameTaken, "room %s has a camera %q already; accepted is another name", r.name, j.Name)
	}
	return nil
}

// byKey finds a place again. Peers and cameras do not know each other's keys.
func (r *Room) byKey(kind Kind, key string) *place {
	if key == "" {
		return nil
	}
	same := func(p *place) bool { return p.Kind == kind && p.key == key }
	for _, places := range [][]*place{r.places, r.viewers} {
		if i := slices.IndexFunc(places, same); i >= 0 {
			return places[i]
		}
	}
	return nil
}

func (r *Room) add(p *place) {
	if !p.publishes() {
		r.viewers = append(r.viewers, p)
		return
	}
	p.source = r.hub.AddSource(hub.SourceConfig{
		SourceSpec:     mixer.SourceSpec{ID: p.ID, Name: p.Name, Place: p.number, Screen: p.screen, Layers: p.layers},
		KeyframeWanted: p.refresh, Demanded: p.demanded,
	})
	p.showMute()
	r.places = append(r.places, p)
	slices.SortStableFunc(r.places, func(a, b *place) int { return a.number - b.number })
}

func (r *Room) remove(p *place) {
	same := func(other *place) bool { return other == p }
	r.places = slices.DeleteFunc(r.places, same)
	r.viewers = slices.DeleteFunc(r.viewers, same)
	p.source.Close()
	r.returned(p)
}
