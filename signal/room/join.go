package room

import (
	"crypto/rand"
	"slices"

	"azulejo/mixer"
	"azulejo/mixer/hub"
	"azulejo/signal/refusal"
)

// join is the command of Registry.Join.
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
	if !r.submit(join{j, reply}) {
		return nil, errClosing()
	}
	got := <-reply
	return got.member, got.err
}

func (c join) apply(r *Room) {
	old := r.findPlace(c.Kind, c.Key)
	visible := old != nil && old.publishes()
	p, err := r.assignPlace(c.Joining, old)
	if err != nil {
		c.reply <- joined{err: err}
		return
	}
	m := &Member{room: r, place: p, id: p.ID, source: p.source, publish: c.Publish, done: make(chan struct{})}
	if c.Kind == Peer {
		m.events = make(chan Event, backlog)
	}
	p.evict(errReplaced())
	p.holder.Store(m)
	m.joined = r.participants()
	r.members[m] = struct{}{}
	if visible || p.publishes() {
		r.broadcast(m)
	}
	r.log.Info("member joined", "id", m.id, "name", c.Name, "kind", string(c.Kind), "audio", c.Publish.Audio, "video", c.Publish.Video)
	c.reply <- joined{member: m}
}

// assignPlace returns the old place of the key if it can be reused, or makes a new one within the limits.
func (r *Room) assignPlace(j Joining, old *place) (*place, error) {
	if r.closing {
		return nil, errClosing()
	}
	if old != nil && old.reusable(j) {
		r.reclaim(old, j)
		return old, nil
	}
	if err := r.checkLimits(j, old); err != nil {
		return nil, err
	}
	p := &place{
		Participant: Participant{ID: rand.Text()[:12], Name: j.Name, Kind: j.Kind, Publish: j.Publish},
		key:         j.Key, screen: j.Screen, layers: j.Layers,
	}
	r.assignNumber(p, old)
	if old != nil {
		old.evict(errReplaced())
		r.removePlace(old)
	}
	r.addPlace(p)
	return p, nil
}

// reusable tells whether the place and its source fit j without a change.
func (p *place) reusable(j Joining) bool {
	return p.Name == j.Name && p.publishes() == !j.viewer() && p.screen == j.Screen && p.layers == j.Layers
}

// reclaim gives a place to the member that came back. The old holder is away, or its connection broke without notice.
func (r *Room) reclaim(p *place, j Joining) {
	r.endAway(p)
	p.Publish, p.Muted = j.Publish, Media{}
	if p.source != nil {
		p.source.SetAway(false)
		p.applyMute()
	}
}

// checkLimits checks the limits. The old place of the same key counts as free.
func (r *Room) checkLimits(j Joining, old *place) error {
	limits := r.registry.cfg.Limits
	free := func(places []*place) int {
		n := len(places)
		if slices.Contains(places, old) {
			n--
		}
		return n
	}
	_, known := r.formerPlaces[identity{j.Kind, j.Key}]
	switch {
	case r.overloaded(j) && old == nil && !known:
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

// findPlace is the place with a key; nil if there is none. A peer and a camera with the same key are different.
func (r *Room) findPlace(kind Kind, key string) *place {
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

func (r *Room) addPlace(p *place) {
	if !p.publishes() {
		r.viewers = append(r.viewers, p)
		return
	}
	p.source = r.hub.AddSource(hub.SourceConfig{
		SourceSpec:     mixer.SourceSpec{ID: p.ID, Name: p.Name, Place: p.number, Screen: p.screen, Layers: p.layers},
		KeyframeWanted: p.onKeyframeRequest, Demanded: p.onDemand,
	})
	p.applyMute()
	r.places = append(r.places, p)
	slices.SortStableFunc(r.places, func(a, b *place) int { return a.number - b.number })
}

func (r *Room) removePlace(p *place) {
	same := func(other *place) bool { return other == p }
	r.places = slices.DeleteFunc(r.places, same)
	r.viewers = slices.DeleteFunc(r.viewers, same)
	p.source.Close()
	r.endAway(p)
}
