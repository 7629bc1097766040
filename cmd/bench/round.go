package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"azulejo/cmd/internal/load"
	"azulejo/mixer"
	"azulejo/signal/client"
)

// round is one pass through all cases. A measurement that several cases need is made once in it, by the first of them.
type round struct {
	wall    func() (wallRun, error)
	peer    func() (peerCost, error) // in real time
	unpaced func() (peerCost, error)
}

// wallRun are the measurements of one server with the wall.
type wallRun struct {
	one   sample           // with one viewer
	again sample           // the same after the further viewers have left
	many  sample           // with the further viewers
	views sample           // with one viewer more for each further view
	seen  [][]mixer.Packet // what the viewers of the further views received

	viewersErr, viewsErr error // viewersErr: many and again are missing; viewsErr: views and seen are
}

func (b *bench) newRound(ctx context.Context) *round {
	r := &round{}
	r.wall = sync.OnceValues(func() (wallRun, error) { return b.measureWall(ctx) })
	paced := func(pace []string) func() (peerCost, error) {
		return sync.OnceValues(func() (peerCost, error) {
			w, err := r.wall() // the peer gets the bitrate that our server used
			if err != nil {
				return peerCost{}, err
			}
			return b.measurePeer(ctx, w.one.bits, pace)
		})
	}
	r.peer, r.unpaced = paced(realTime), paced(nil)
	return r
}

// busy is the wall of moving cameras, which most cases use.
func (b *bench) busy() scene { return scene{inputs: b.Inputs, films: []*load.Clip{b.main.Clip}} }

// busyWithSubs is the busy wall of cameras that have sub-streams.
func (b *bench) busyWithSubs() scene {
	sc := b.busy()
	sc.subs = []*load.Clip{b.sub.Clip}
	return sc
}

// measureWall measures one and the same server with few and with many viewers: what the viewers add is less than the
// difference between two runs of a server.
func (b *bench) measureWall(ctx context.Context) (w wallRun, err error) {
	sc := b.busy()
	if b.wants("views") {
		sc.views = spotlights(min(b.Inputs, b.Views))
	}
	s, err := b.open(ctx, sc)
	if err != nil {
		return w, err
	}
	defer s.close()
	if w.one, err = s.measureMoving(ctx); err != nil {
		return w, err
	}
	w.again = w.one
	if b.wants("viewers") {
		w.many, w.again, w.viewersErr = s.measureViewers(ctx)
	}
	if b.wants("views") {
		w.views, w.seen, w.viewsErr = s.measureViews(ctx)
	}
	return w, nil
}

// measureViewers measures with all further viewers, and again after they have left.
func (s *show) measureViewers(ctx context.Context) (many, again sample, err error) {
	var more []*load.Guest
	for range s.b.Viewers {
		var g *load.Guest
		if g, err = s.view(ctx, client.Selection{}, nil); err != nil {
			return many, again, err
		}
		more = append(more, g)
	}
	if many, err = s.measureMoving(ctx); err != nil {
		return many, again, err
	}
	for _, g := range more {
		s.crowd.Leave(g)
	}
	again, err = s.measureMoving(ctx)
	return many, again, err
}

// compare divides the CPU of a server by that of the peer.
func compare(s sample, err error, peer func() (peerCost, error)) ([]figure, error) {
	if err != nil {
		return nil, err
	}
	p, err := peer()
	if err != nil {
		return nil, err
	}
	return []figure{{s.cpu / p.cpu, map[string]float64{
		"cpu": s.cpu, "peerCpu": p.cpu, "bits": s.bits, "peerBits": p.bits, "fps": s.fps,
	}}}, nil
}

// run opens a scene, measures it and closes it.
func (b *bench) run(ctx context.Context, sc scene) (sample, error) {
	s, err := b.open(ctx, sc)
	if err != nil {
		return sample{}, err
	}
	defer s.close()
	return s.measureMoving(ctx)
}

func (b *bench) caseWall(_ context.Context, r *round) ([]figure, error) {
	w, err := r.wall()
	return compare(w.one, err, r.peer)
}

func (b *bench) caseUnpaced(_ context.Context, r *round) ([]figure, error) {
	w, err := r.wall()
	return compare(w.one, err, r.unpaced)
}

func (b *bench) caseSub(ctx context.Context, r *round) ([]figure, error) {
	if b.sub == nil {
		return nil, fmt.Errorf("SUBFILE, the same scene as %s in a smaller size, was not given", b.main.Name)
	}
	s, err := b.run(ctx, b.busyWithSubs())
	return compare(s, err, r.peer)
}

func (b *bench) caseWebRTC(ctx context.Context, r *round) ([]figure, error) {
	sc := b.busy()
	sc.webrtc = true
	s, err := b.run(ctx, sc)
	return compare(s, err, r.peer)
}

func (b *bench) caseViewers(_ context.Context, r *round) ([]figure, error) {
	w, err := r.wall()
	if err = cmp.Or(err, w.viewersErr); err != nil {
		return nil, err
	}
	one := (w.one.cpu + w.again.cpu) / 2
	return []figure{{100 * (w.many.cpu - one) / one / float64(b.Viewers), map[string]float64{
		"one": one, "many": w.many.cpu, "viewers": float64(b.Viewers), "bits": w.many.bits,
	}}}, nil
}

func (b *bench) caseQuiet(ctx context.Context, r *round) ([]figure, error) {
	busy, err := r.wall()
	if err != nil {
		return nil, err
	}
	sc, err := b.stills(ctx)
	if err != nil {
		return nil, err
	}
	s, err := b.open(ctx, sc)
	if err != nil {
		return nil, err
	}
	defer s.close()
	quiet, err := s.measure(ctx)
	if err != nil {
		return nil, err
	}
	return []figure{
		{quiet.cpu / busy.one.cpu, map[string]float64{"quiet": quiet.cpu, "busy": busy.one.cpu, "fps": quiet.fps}},
		{quiet.bits / busy.one.bits, map[string]float64{"quiet": quiet.bits, "busy": busy.one.bits}},
	}, nil
}

// stills is the wall when nothing moves: each camera shows the frame that it starts with in the busy wall.
func (b *bench) stills(ctx context.Context) (scene, error) {
	sc := scene{inputs: b.Inputs}
	for i := range b.Inputs {
		film, err := b.still(ctx, b.main, len(b.main.Packets)*i/b.Inputs)
		if err != nil {
			return sc, err
		}
		sc.films = append(sc.films, film)
	}
	return sc, nil
}

func (b *bench) caseLinear(ctx context.Context, r *round) ([]figure, error) {
	parts := map[string]float64{}
	for _, n := range b.Linear {
		cpu, err := b.inputsCost(ctx, r, n)
		if err != nil {
			return nil, err
		}
		parts[inputsPart(n)] = cpu
	}
	return []figure{{b.sumLinear(parts), parts}}, nil
}

// inputsCost is the CPU seconds per second of a wall with n inputs.
func (b *bench) inputsCost(ctx context.Context, r *round, n int) (float64, error) {
	if n == b.Inputs {
		w, err := r.wall()
		return w.one.cpu, err
	}
	sc := b.busy()
	sc.inputs = n
	s, err := b.run(ctx, sc)
	return s.cpu, err
}

func inputsPart(n int) string { return fmt.Sprintf("inputs%d", n) }

// linearFit is the line through the costs, and the costs.
func (b *bench) linearFit(parts map[string]float64) (l line, x, y []float64) {
	for _, n := range b.Linear {
		x, y = append(x, float64(n)), append(y, parts[inputsPart(n)])
	}
	return fitLine(x, y), x, y
}

// sumLinear is the largest distance of a cost from the line, in per cent of the line at the largest number of inputs.
func (b *bench) sumLinear(parts map[string]float64) float64 {
	l, x, y := b.linearFit(parts)
	return 100 * l.misfit(x, y) / l.at(slices.Max(x))
}

func (b *bench) noteLinear(p map[string]float64) string {
	l, _, y := b.linearFit(p)
	return fmt.Sprintf("%.3f CPU s per s, line %.3f + %.4f each", y, l.base, l.slope)
}
