package main

import (
	"context"
	"fmt"
	"time"

	"azulejo/cmd/internal/load"
	"azulejo/signal/client"
)

// memoryRungs are the rungs that have a viewer during the whole measurement of memory.
var memoryRungs = []string{"720p", "360p", "180p"}

// memorySample is one measurement of the server's memory.
type memorySample struct {
	seconds float64 // after the start of joinAndLeave
	mib     float64
}

// caseMemory measures the server's resident memory while viewers and publishers join and leave.
func (b *bench) caseMemory(ctx context.Context, _ *round) ([]figure, error) {
	s, err := b.openWithRungs(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	samples, guests, err := s.joinAndLeave(ctx, b.Memory, s.server.residentMemory)
	if err != nil {
		return nil, err
	}
	most, err := s.server.peakMemory()
	if err != nil {
		return nil, err
	}
	parts := memoryParts(samples)
	parts["guests"], parts["most"], parts["overload"] = float64(guests), most, float64(s.load.worst())
	return []figure{{most, parts}, {100 * (parts["end"] - parts["start"]) / parts["start"], parts}}, s.checkInputs(ctx)
}

// openWithRungs starts the moving wall with a viewer of each of the memoryRungs and waits until the server has settled.
func (b *bench) openWithRungs(ctx context.Context) (*runningScene, error) {
	s, err := b.open(ctx, b.movingWall())
	if err != nil {
		return nil, err
	}
	for _, rung := range memoryRungs {
		if _, err = s.view(ctx, client.Selection{Rung: rung}, nil); err != nil {
			s.close()
			return nil, err
		}
	}
	s.settle(ctx)
	return s, nil
}

// joinAndLeave joins one guest every second, as long as length says. At most three guests stay: when another one joins, the
// oldest leaves. After each join, joinAndLeave calls memory, which returns MiB, and appends a sample. Every third guest
// publishes, the others view. guests is the number of guests that joined.
func (s *runningScene) joinAndLeave(ctx context.Context, length time.Duration, memory func() (float64, error)) (samples []memorySample, guests int, err error) {
	start := time.Now()
	var more []*load.Guest
	for due := start; time.Since(start) < length && ctx.Err() == nil; load.Wait(ctx, time.Until(due)) {
		due = due.Add(time.Second)
		g, err := s.joinGuest(ctx, guests)
		if err != nil {
			return nil, guests, err
		}
		guests++
		if more = append(more, g); len(more) > 3 {
			s.crowd.Leave(more[0])
			more = more[1:]
		}
		mib, err := memory()
		if err != nil {
			return nil, guests, err
		}
		samples = append(samples, memorySample{time.Since(start).Seconds(), mib})
	}
	return samples, guests, ctx.Err()
}

// joinGuest joins guest n. The first guest is 0. Guests 2, 5, 8 and so on publish; the others view one of the memoryRungs.
func (s *runningScene) joinGuest(ctx context.Context, n int) (*load.Guest, error) {
	if n%3 == 2 {
		return s.crowd.Publish(ctx, s.server.url(), roomName, fmt.Sprintf("guest %d", n), s.b.main.Clip)
	}
	return s.view(ctx, client.Selection{Rung: memoryRungs[n%len(memoryRungs)]}, nil)
}

// memoryParts returns three values for figure.Parts. start and end are the medians of the first and of the last tenth of the
// samples, in MiB. trend is the slope of a line through all samples after the first tenth, in MiB a minute.
func memoryParts(samples []memorySample) map[string]float64 {
	tenth := max(1, len(samples)/10)
	var x, y []float64
	for _, s := range samples {
		x, y = append(x, s.seconds/60), append(y, s.mib)
	}
	trend := fitLine(x[tenth:], y[tenth:])
	return map[string]float64{"start": median(y[:tenth]), "end": median(y[len(y)-tenth:]), "trend": trend.slope}
}
