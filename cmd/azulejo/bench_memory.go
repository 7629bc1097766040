package main

import (
	"context"
	"fmt"
	"time"
)

// benchRungs are the rungs that are watched while memory is measured.
var benchRungs = []string{"720p", "360p", "180p"}

// memorySample is what the server had resident, in MiB, so many seconds after the start.
type memorySample struct{ at, now float64 }

// caseMemory watches the server's memory while viewers and publishers come and go.
func (b *bench) caseMemory(ctx context.Context, _ *round) ([]figure, error) {
	s, err := b.open(ctx, b.busy())
	if err != nil {
		return nil, err
	}
	defer s.close()
	for _, rung := range benchRungs {
		if _, err = s.view(ctx, viewing{Rung: rung}, nil); err != nil {
			return nil, err
		}
	}
	s.settle(ctx)
	samples, guests, err := s.churn(ctx)
	if err != nil {
		return nil, err
	}
	_, most, err := s.server.memory()
	if err != nil {
		return nil, err
	}
	parts := memoryParts(samples)
	parts["guests"], parts["most"], parts["overload"] = float64(guests), most, float64(s.strain.worst())
	return []figure{{most, parts}, {100 * (parts["end"] - parts["start"]) / parts["start"], parts}}, s.shown(ctx)
}

// churn lets a guest come every second, a viewer mostly, every third one a publisher; the fourth last leaves.
func (s *show) churn(ctx context.Context) (samples []memorySample, guests int, err error) {
	begin := time.Now()
	var more []*guest
	for due := begin; time.Since(begin) < s.b.Memory && ctx.Err() == nil; rest(ctx, time.Until(due)) {
		due = due.Add(time.Second)
		g, err := s.another(ctx, guests)
		if err != nil {
			return nil, guests, err
		}
		guests++
		if more = append(more, g); len(more) > 3 {
			s.crowd.leave(more[0])
			more = more[1:]
		}
		now, _, err := s.server.memory()
		if err != nil {
			return nil, guests, err
		}
		samples = append(samples, memorySample{time.Since(begin).Seconds(), now})
	}
	return samples, guests, ctx.Err()
}

// another joins the n-th guest.
func (s *show) another(ctx context.Context, n int) (*guest, error) {
	if n%3 == 2 {
		return s.crowd.publish(ctx, s.server.url(), benchRoom, fmt.Sprintf("guest %d", n), s.b.main.clip)
	}
	return s.view(ctx, viewing{Rung: benchRungs[n%len(benchRungs)]}, nil)
}

// memoryParts are the medians of the first and of the last tenth, and the trend in MiB a minute over all but
// the first tenth.
func memoryParts(samples []memorySample) map[string]float64 {
	tenth := max(1, len(samples)/10)
	var x, y []float64
	for _, s := range samples {
		x, y = append(x, s.at/60), append(y, s.now)
	}
	trend := fitLine(x[tenth:], y[tenth:])
	return map[string]float64{"start": median(y[:tenth]), "end": median(y[len(y)-tenth:]), "trend": trend.slope}
}
