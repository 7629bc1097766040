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
	reply chan<- joinReply
}

type joinReply struct {
	member *Member
	err    error
}

// join lets the loop execute the command join.
func (r *Room) join(j Joining) (*Member, error) {
	replies := make(chan joinReply, 1)
	if !r.submit(join{j, replies}) {
		return nil, errClosing()
	}
	reply := <-replies
	return reply.member, reply.err
}

func (c join) apply(r *Room) {
	old := r.findPlace(c.Kind, c.Key)
	oldPublished := old != nil && old.publishes()
	p, err := r.assignPlace(c.Joining, old)
	if err != nil {
		c.reply <- joinReply{err: err}
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
	if oldPublished || p.publishes() { // the other members can see the change
		r.broadcast(m)
	}
	p.wasLive.Store(false)
	p.audio.Store(nil)
	if c.Kind != Camera {
		r.logJoined(p.Participant)
	}
	c.reply <- joinReply{member: m}
}

// logJoined logs that a member has joined. A camera has joined when its video is live, because it takes its place before its
// first connection.
func (r *Room) logJoined(p Participant) {
	r.log.Info("member joined", "id", p.ID, "name", p.Name, "kind", string(p.Kind), "audio", p.Publish.Audio, "video", p.Publish.Video)
}

// assignPlace returns the place of a new member. old is the present place of the same key, or nil. If old can be reused,
// assignPlace returns old. Otherwise it replaces old with a new place, if the limits of the room allow the join.
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
		key:         j.Key, spec: j.spec(),
	}
	r.assignNumber(p, old)
	if old != nil {
		old.evict(errReplaced())
		r.removePlace(old)
	}
	r.addPlace(p)
	return p, nil
}

// reusable tells whether a member that joins as j can get the place p with its present source.
func (p *place) reusable(j Joining) bool {
	return p.Name == j.Name && p.publishes() == !j.viewer() && p.spec == j.spec()
}

// reclaim prepares the place p for a new holder with the same key. The place is away, or it still has a holder. In the
// second case the connection of that holder probably broke unnoticed.
func (r *Room) reclaim(p *place, j Joining) {
	r.endAway(p)
	p.Publish, p.Muted = j.Publish, Media{}
	if p.source != nil {
		p.source.SetAway(false)
		p.source.ReportTrouble(mixer.Trouble{}) // of the holder before
		p.applyMute()
	}
}

// checkLimits refuses a join that would exceed a limit, that comes during an overload, or that repeats the name of a
// camera. The limits do not count old, the present place of the same key, because old will be replaced. An overload
// does not stop a member whose key has a present or a former place.
func (r *Room) checkLimits(j Joining, old *place) error {
	limits := r.registry.cfg.Limits
	others := func(places []*place) int {
		n := len(places)
		if slices.Contains(places, old) {
			n--
		}
		return n
	}
	_, known := r.formerPlaces[identity{j.Kind, j.Key}]
	switch {
	case r.tooBusyFor(j) && old == nil && !known:
		return errOverloaded()
	case j.viewer() && others(r.viewers) >= limits.Viewers:
		return refusal.New(CodeViewers, "room %s has %d viewers; accepted are no more", r.name, limits.Viewers)
	case !j.viewer() && others(r.places) >= limits.Participants:
		return refusal.New(CodeFull, "room %s has %d participants; accepted are no more; viewing is still possible", r.name, limits.Participants)
	case j.Kind == Camera && slices.ContainsFunc(r.places, func(p *place) bool { return p != old && p.Kind == Camera && p.Name == j.Name }):
		return refusal.New(CodeNameTaken, "room %s has a camera %q already; accepted is another name", r.name, j.Name)
	}
	return nil
}

// findPlace returns the place with this key, or nil. A peer and a camera with the same key have different places.
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

// addPlace adds a new place to the room. If the place publishes, it gets a source, and so a tile.
func (r *Room) addPlace(p *place) {
	if !p.publishes() {
		r.viewers = append(r.viewers, p)
		return
	}
	spec := p.spec
	spec.ID, spec.Name, spec.Place = p.ID, p.Name, p.number
	p.source = r.hub.AddSource(hub.SourceConfig{
		SourceSpec: spec, KeyframeWanted: p.onKeyframeRequest, Demanded: p.onDemand, ConditionChanged: r.onCondition(p),
	})
	p.applyMute()
	r.places = append(r.places, p)
	slices.SortStableFunc(r.places, func(a, b *place) int { return a.number - b.number })
}

// removePlace removes a place and its source from the room.
func (r *Room) removePlace(p *place) {
	same := func(other *place) bool { return other == p }
	r.places = slices.DeleteFunc(r.places, same)
	r.viewers = slices.DeleteFunc(r.viewers, same)
	r.closeSource(p)
	r.endAway(p)
}
