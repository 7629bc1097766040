package main

import (
	"context"
	"fmt"
	"time"

	"azulejo/cmd/internal/load"
	"azulejo/signal/client"
)

// memoryRungs are the rungs that have a viewer while memory is measured.
var memoryRungs = []string{"720p", "360p", "180p"}

// memorySample is the memory of the server in MiB, at seconds after the start.
type memorySample struct{ at, mib float64 }

// caseMemory measures the server's memory while viewers and publishers join and leave.
func (b *bench) caseMemory(ctx context.Context, _ *round) ([]figure, error) {
	s, err := b.openRungs(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	samples, guests, err := s.churn(ctx, b.Memory, s.server.residentMemory)
	if err != nil {
		return nil, err
	}
	most, err := s.server.peakMemory()
	if err != nil {
		return nil, err
	}
	parts := memoryParts(samples)
	parts["guests"], parts["most"], parts["overload"] = float64(guests), most, float64(s.load.worst())
	return []figure{{most, parts}, {100 * (parts["end"] - parts["start"]) / parts["start"], parts}}, s.shown(ctx)
}

// openRungs starts the busy wall with a viewer of every rung and lets it settle.
func (b *bench) openRungs(ctx context.Context) (*show, error) {
	s, err := b.open(ctx, b.busy())
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

// churn joins a guest every second for the time length, and samples the memory after each. Every third guest publishes,
// the others view. The three youngest guests stay, the older ones leave.
func (s *show) churn(ctx context.Context, length time.Duration, memory func() (float64, error)) (samples []memorySample, guests int, err error) {
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

// joinGuest joins the n-th guest.
func (s *show) joinGuest(ctx context.Context, n int) (*load.Guest, error) {
	if n%3 == 2 {
		return s.crowd.Publish(ctx, s.server.url(), roomName, fmt.Sprintf("guest %d", n), s.b.main.Clip)
	}
	return s.view(ctx, client.Selection{Rung: memoryRungs[n%len(memoryRungs)]}, nil)
}

// memoryParts are the medians of the first and the last tenth of the samples in MiB, and the trend in MiB a minute
// without the first tenth.
func memoryParts(samples []memorySample) map[string]float64 {
	tenth := max(1, len(samples)/10)
	var x, y []float64
	for _, s := range samples {
		x, y = append(x, s.at/60), append(y, s.mib)
	}
	trend := fitLine(x[tenth:], y[tenth:])
	return map[string]float64{"start": median(y[:tenth]), "end": median(y[len(y)-tenth:]), "trend": trend.slope}
}
