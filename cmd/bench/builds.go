package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"azulejo/cmd/internal/cli"
	"azulejo/signal/client"
)

const (
	buildSeconds = 8                // the least length of one measurement when builds are compared
	buildMemory  = 10 * time.Second // the time of joins and leaves in which memory is measured
	pairTries    = 3                // how often a pair is measured before it is given up
)

// buildCase is one row of a comparison of builds. measure runs one server of b and returns its cost.
type buildCase struct {
	name, unit string
	measure    func(b *bench, ctx context.Context) (float64, error)
}

// buildCases are all rows. Each measurement has a server of its own. The cost is that of the whole server, not what the
// viewers or views add: that difference is small, and its ratio would not be precise.
func buildCases() []buildCase {
	return []buildCase{
		{"wall", "CPU s/s", (*bench).wallCost},
		{"sub", "CPU s/s", (*bench).subCost},
		{"viewers", "CPU s/s", (*bench).viewersCost},
		{"views", "CPU s/s", (*bench).viewsCost},
		{"memory", "MiB private", (*bench).memoryCost},
	}
}

// chosenBuildCases are the rows that --only names; without it all, but sub only with sub-streams.
func (b *bench) chosenBuildCases() ([]buildCase, error) {
	all := buildCases()
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = c.name
	}
	for _, name := range b.Only {
		if !slices.Contains(names, name) {
			return nil, cli.Usage(fmt.Errorf("--only: %q: accepted with --against are %s", name, strings.Join(names, ", ")))
		}
	}
	if b.sub == nil && slices.Contains(b.Only, "sub") {
		return nil, cli.Usage(fmt.Errorf("--only: sub: SUBFILE, the same scene as %s in a smaller size, was not given", b.main.Name))
	}
	return slices.DeleteFunc(all, func(c buildCase) bool { return !b.wants(c.name) || c.name == "sub" && b.sub == nil }), nil
}

// compareBuilds measures this build and the one of --against in alternation and prints the ratios of their costs.
func (b *bench) compareBuilds(ctx context.Context) error {
	chosen, err := b.chosenBuildCases()
	if err != nil {
		return err
	}
	b.Seconds = max(b.Seconds, buildSeconds)
	r := comparison{
		Command: commandLine(), Machine: machine(), Began: time.Now().UTC().Truncate(time.Second),
		Footage: b.main.String(), Wall: b.wallSize(), Seconds: b.Seconds, This: b.program, Other: b.Against,
	}
	if r.Rows, err = b.measurePairs(ctx, chosen); err != nil {
		return err
	}
	if err := r.table(os.Stdout); err != nil || b.JSON == "" {
		return err
	}
	return saveJSON(b.JSON, r)
}

// measurePairs measures every row once for each build and pair. The build that comes first alternates, so that a drift
// of the machine's speed cancels out. A pair that fails is repeated at most twice.
func (b *bench) measurePairs(ctx context.Context, chosen []buildCase) ([]ratioRow, error) {
	rows := make([]ratioRow, len(chosen))
	for i, c := range chosen {
		rows[i] = ratioRow{Case: c.name, Unit: c.unit}
	}
	start := time.Now()
	for n := range b.Pairs {
		for i, c := range chosen {
			p, err := b.tryPair(ctx, c, (n+i)%2 == 1)
			if err != nil {
				return nil, err
			}
			rows[i].Pairs = append(rows[i].Pairs, p)
			fmt.Fprintf(os.Stderr, "pair %d of %d, %s: this %.3f, other %.3f %s, ratio %.3f (%s so far)\n",
				n+1, b.Pairs, c.name, p.This, p.Other, c.unit, p.ratio(), time.Since(start).Round(time.Second))
		}
	}
	return rows, nil
}

// tryPair measures a pair, again when the machine was too busy for it.
func (b *bench) tryPair(ctx context.Context, c buildCase, otherFirst bool) (p pair, err error) {
	for range pairTries {
		if p, err = b.measurePair(ctx, c, otherFirst); err == nil {
			return p, nil
		}
		if ctx.Err() != nil {
			return p, errInterrupted
		}
		fmt.Fprintf(os.Stderr, "%s: %v\n", c.name, err)
	}
	return p, fmt.Errorf("%s: not measured in %d attempts: %w", c.name, pairTries, err)
}

func (b *bench) measurePair(ctx context.Context, c buildCase, otherFirst bool) (p pair, err error) {
	other := *b
	other.program = b.Against
	if otherFirst {
		if p.Other, err = c.measure(&other, ctx); err != nil {
			return p, fmt.Errorf("other build: %w", err)
		}
	}
	if p.This, err = c.measure(b, ctx); err != nil {
		return p, fmt.Errorf("this build: %w", err)
	}
	if !otherFirst {
		if p.Other, err = c.measure(&other, ctx); err != nil {
			return p, fmt.Errorf("other build: %w", err)
		}
	}
	return p, nil
}

// wallCost is the CPU seconds per second of a server with one viewer of the busy wall.
func (b *bench) wallCost(ctx context.Context) (float64, error) {
	s, err := b.run(ctx, b.busy())
	return s.cpu, err
}

// subCost is wallCost with cameras that have sub-streams.
func (b *bench) subCost(ctx context.Context) (float64, error) {
	s, err := b.run(ctx, b.busyWithSubs())
	return s.cpu, err
}

// viewersCost is wallCost with the further viewers.
func (b *bench) viewersCost(ctx context.Context) (float64, error) {
	return b.costWith(ctx, b.busy(), func(s *show) error {
		for range b.Viewers {
			if _, err := s.view(ctx, client.Selection{}, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// viewsCost is wallCost with a viewer of every further view.
func (b *bench) viewsCost(ctx context.Context) (float64, error) {
	sc := b.busy()
	sc.views = spotlights(min(b.Inputs, b.Views))
	return b.costWith(ctx, sc, func(s *show) error {
		for _, name := range sc.views {
			if _, err := s.view(ctx, client.Selection{View: name}, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// costWith is the CPU seconds per second of a scene after change.
func (b *bench) costWith(ctx context.Context, sc scene, change func(*show) error) (float64, error) {
	s, err := b.open(ctx, sc)
	if err != nil {
		return 0, err
	}
	defer s.close()
	if err = change(s); err != nil {
		return 0, err
	}
	all, err := s.measureMoving(ctx)
	return all.cpu, err
}

// memoryCost is the median of the private memory in MiB while guests join and leave.
func (b *bench) memoryCost(ctx context.Context) (float64, error) {
	s, err := b.openRungs(ctx)
	if err != nil {
		return 0, err
	}
	defer s.close()
	samples, _, err := s.churn(ctx, buildMemory, s.server.privateMemory)
	if err != nil {
		return 0, err
	}
	all := make([]float64, len(samples))
	for i, m := range samples {
		all[i] = m.mib
	}
	return median(all), s.shown(ctx)
}
