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

// round is one pass through all cases. Its functions make the measurements that several cases share. The first call of a
// function measures; later calls return the same result. The peer is ffmpeg.
type round struct {
	wall    func() (wallRun, error)  // the server with the moving wall
	peer    func() (peerCost, error) // ffmpeg's wall in real time
	unpaced func() (peerCost, error) // ffmpeg's wall as fast as ffmpeg can
}

// wallRun has the measurements of one server with the moving wall. oneViewer is always measured, the
// others only if their case is chosen.
type wallRun struct {
	oneViewer      sample           // with the first viewer alone
	manyViewers    sample           // with b.Viewers more viewers
	oneViewerAgain sample           // after these viewers have left; a copy of oneViewer if the case viewers is not chosen
	withViews      sample           // with the first viewer and one viewer of each further view
	viewPackets    [][]mixer.Packet // viewPackets[i] are the video packets that the viewer of further view i received

	viewersErr error // why manyViewers and oneViewerAgain are missing
	viewsErr   error // why withViews and viewPackets are missing
}

// newRound returns a round in which nothing has been measured yet.
func (b *bench) newRound(ctx context.Context) *round {
	r := &round{}
	r.wall = sync.OnceValues(func() (wallRun, error) { return b.measureWall(ctx) })
	paced := func(pace []string) func() (peerCost, error) {
		return sync.OnceValues(func() (peerCost, error) {
			w, err := r.wall() // ffmpeg gets the bitrate of the server
			if err != nil {
				return peerCost{}, err
			}
			return b.measurePeer(ctx, w.oneViewer.bits, pace)
		})
	}
	r.peer, r.unpaced = paced(realTime), paced(nil)
	return r
}

// movingWall returns the scene of most cases: a wall of b.Inputs cameras with moving footage. Reports call this scene the busy
// wall.
func (b *bench) movingWall() scene { return scene{inputs: b.Inputs, clips: []*load.Clip{b.main.Clip}} }

// movingWallWithSubs returns the moving wall with cameras that have sub-streams.
func (b *bench) movingWallWithSubs() scene {
	sc := b.movingWall()
	sc.subClips = []*load.Clip{b.sub.Clip}
	return sc
}

// measureWall measures the same server first with one viewer and then with more. It does not start the server again in between:
// the CPU times of two runs of a server differ by more than further viewers add.
func (b *bench) measureWall(ctx context.Context) (w wallRun, err error) {
	sc := b.movingWall()
	if b.isChosen("views") {
		sc.views = spotlightNames(min(b.Inputs, b.Views))
	}
	s, err := b.open(ctx, sc)
	if err != nil {
		return w, err
	}
	defer s.close()
	if w.oneViewer, err = s.measureMoving(ctx); err != nil {
		return w, err
	}
	w.oneViewerAgain = w.oneViewer
	if b.isChosen("viewers") {
		w.manyViewers, w.oneViewerAgain, w.viewersErr = s.measureViewers(ctx)
	}
	if b.isChosen("views") {
		w.withViews, w.viewPackets, w.viewsErr = s.measureViews(ctx)
	}
	return w, nil
}

// measureViewers adds b.Viewers viewers and measures. Then it removes them and measures again.
func (s *runningScene) measureViewers(ctx context.Context) (many, again sample, err error) {
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

// cpuRatio divides the CPU time of the server by the CPU time of ffmpeg. s is the measurement of the server, and err is its
// error. peer returns the measurement of ffmpeg.
func cpuRatio(s sample, err error, peer func() (peerCost, error)) ([]figure, error) {
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

// runScene opens a scene with moving footage, measures the server with one viewer and closes the scene.
func (b *bench) runScene(ctx context.Context, sc scene) (sample, error) {
	s, err := b.open(ctx, sc)
	if err != nil {
		return sample{}, err
	}
	defer s.close()
	return s.measureMoving(ctx)
}

// caseWall compares the server with ffmpeg in real time.
func (b *bench) caseWall(_ context.Context, r *round) ([]figure, error) {
	w, err := r.wall()
	return cpuRatio(w.oneViewer, err, r.peer)
}

// caseUnpaced compares the server with ffmpeg as fast as ffmpeg can.
func (b *bench) caseUnpaced(_ context.Context, r *round) ([]figure, error) {
	w, err := r.wall()
	return cpuRatio(w.oneViewer, err, r.unpaced)
}

// caseSub compares the server with ffmpeg in real time. The cameras have sub-streams, and ffmpeg gets the main streams.
func (b *bench) caseSub(ctx context.Context, r *round) ([]figure, error) {
	if b.sub == nil {
		return nil, fmt.Errorf("SUBFILE, the same scene as %s in a smaller size, was not given", b.main.Name)
	}
	s, err := b.runScene(ctx, b.movingWallWithSubs())
	return cpuRatio(s, err, r.peer)
}

// caseWebRTC compares the server with ffmpeg in real time. The inputs of the server are WebRTC publishers.
func (b *bench) caseWebRTC(ctx context.Context, r *round) ([]figure, error) {
	sc := b.movingWall()
	sc.webrtc = true
	s, err := b.runScene(ctx, sc)
	return cpuRatio(s, err, r.peer)
}

// caseViewers returns the cost of each further viewer in per cent of the cost with one viewer.
func (b *bench) caseViewers(_ context.Context, r *round) ([]figure, error) {
	w, err := r.wall()
	if err = cmp.Or(err, w.viewersErr); err != nil {
		return nil, err
	}
	one := (w.oneViewer.cpu + w.oneViewerAgain.cpu) / 2
	return []figure{{100 * (w.manyViewers.cpu - one) / one / float64(b.Viewers), map[string]float64{
		"one": one, "many": w.manyViewers.cpu, "viewers": float64(b.Viewers), "bits": w.manyViewers.bits,
	}}}, nil
}

// caseQuiet divides the CPU time and the bits of the quiet wall by those of the moving wall.
func (b *bench) caseQuiet(ctx context.Context, r *round) ([]figure, error) {
	moving, err := r.wall()
	if err != nil {
		return nil, err
	}
	sc, err := b.quietWall(ctx)
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
		{quiet.cpu / moving.oneViewer.cpu, map[string]float64{"quiet": quiet.cpu, "busy": moving.oneViewer.cpu, "fps": quiet.fps}},
		{quiet.bits / moving.oneViewer.bits, map[string]float64{"quiet": quiet.bits, "busy": moving.oneViewer.bits}},
	}, nil
}

// quietWall returns the quiet wall, in which nothing moves: each camera repeats the frame with which it starts in the
// moving wall.
func (b *bench) quietWall(ctx context.Context) (scene, error) {
	sc := scene{inputs: b.Inputs}
	for i := range b.Inputs {
		clip, err := b.stillClip(ctx, b.main, len(b.main.Packets)*i/b.Inputs)
		if err != nil {
			return sc, err
		}
		sc.clips = append(sc.clips, clip)
	}
	return sc, nil
}

// caseLinear measures walls with the numbers of inputs of --linear and returns how far their costs lie from a line.
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

// inputsCost returns the CPU seconds per second of a server with a moving wall of n inputs.
func (b *bench) inputsCost(ctx context.Context, r *round, n int) (float64, error) {
	if n == b.Inputs {
		w, err := r.wall()
		return w.oneViewer.cpu, err
	}
	sc := b.movingWall()
	sc.inputs = n
	s, err := b.runScene(ctx, sc)
	return s.cpu, err
}

// inputsPart returns the key of a figure's parts for the cost with n inputs.
func inputsPart(n int) string { return fmt.Sprintf("inputs%d", n) }

// linearFit returns the numbers of inputs x, the costs y, and the fitted line l.
func (b *bench) linearFit(parts map[string]float64) (l line, x, y []float64) {
	for _, n := range b.Linear {
		x, y = append(x, float64(n)), append(y, parts[inputsPart(n)])
	}
	return fitLine(x, y), x, y
}

// sumLinear returns the largest distance between a cost and the fitted line, in per cent of the line's value at the
// largest number of inputs.
func (b *bench) sumLinear(parts map[string]float64) float64 {
	l, x, y := b.linearFit(parts)
	return 100 * l.misfit(x, y) / l.value(slices.Max(x))
}

// noteLinear returns the note of the row linear: the costs and the fitted line.
func (b *bench) noteLinear(p map[string]float64) string {
	l, _, y := b.linearFit(p)
	return fmt.Sprintf("%.3f CPU s per s, line %.3f + %.4f each", y, l.base, l.slope)
}
