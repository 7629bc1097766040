package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"azulejo/cmd/internal/cli"
	"azulejo/signal/client"
)

const (
	buildSeconds = 8                // the least length of one measurement of a pair, in seconds
	buildMemory  = 10 * time.Second // how long guests join and leave in the row memory
	pairTries    = 3                // how often a pair is tried before it is skipped
)

// buildCase is one row of a comparison of two sides. measure starts the program b.program, measures it and returns its cost in
// unit. measurePair calls measure with one bench for each side.
type buildCase struct {
	name, unit string
	measure    func(b *bench, ctx context.Context) (float64, error)
}

// buildCases returns all rows. Each measurement starts a server of its own. The rows viewers and views have the cost of the
// whole server. They do not have the additional cost of further viewers or views: that cost is small, and the ratio of two
// such costs would not be precise.
func buildCases() []buildCase {
	return []buildCase{
		{"wall", "CPU s/s", (*bench).wallCost},
		{"sub", "CPU s/s", (*bench).subCost},
		{"viewers", "CPU s/s", (*bench).viewersCost},
		{"views", "CPU s/s", (*bench).viewsCost},
		{"memory", "MiB private", (*bench).memoryCost},
	}
}

// chosenBuildCases returns the rows that --only names, or all rows without --only. Without SUBFILE, the row sub is left
// out, and --only=sub is an error.
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
	return slices.DeleteFunc(all, func(c buildCase) bool { return !b.isChosen(c.name) || c.name == "sub" && b.sub == nil }), nil
}

// compareBuilds compares this build, which is b.program, with the other build, which is --against.
func (b *bench) compareBuilds(ctx context.Context) error {
	chosen, err := b.chosenBuildCases()
	if err != nil {
		return err
	}
	return b.comparePairs(ctx, chosen, b.program, b.Against)
}

// comparePairs measures both sides in turn: b, and what the method other returns. It prints the ratios of their costs. With
// --json it also saves the costs. It returns an error if a row could not be measured. this and other are the names of the sides
// in the report.
func (b *bench) comparePairs(ctx context.Context, chosen []buildCase, this, other string) (err error) {
	b.Seconds = max(b.Seconds, buildSeconds)
	r := comparison{
		Command: commandLine(), Machine: machine(), Began: time.Now().UTC().Truncate(time.Second),
		Footage: b.main.String(), Wall: b.wallSize(), Seconds: b.Seconds, This: this, Other: other,
	}
	if r.Rows, err = b.measurePairs(ctx, chosen); err != nil {
		return err
	}
	return r.publish(os.Stdout, b.JSON)
}

// measurePairs measures b.Pairs pairs of every row. A pair is one measurement of each side. The side that is measured
// first alternates from one measured pair of a row to the next, so that a drift of the machine's speed cancels out. A pair
// that cannot be measured is skipped. The only error is errInterrupted.
func (b *bench) measurePairs(ctx context.Context, chosen []buildCase) ([]ratioRow, error) {
	rows := make([]ratioRow, len(chosen))
	for i, c := range chosen {
		rows[i] = ratioRow{Case: c.name, Unit: c.unit, Pairs: []pair{}}
	}
	start := time.Now()
	for n := range b.Pairs {
		for i, c := range chosen {
			p, err := b.tryPair(ctx, c, (len(rows[i].Pairs)+i)%2 == 1)
			if errors.Is(err, errInterrupted) {
				return nil, err
			}
			if err != nil {
				fmt.Fprintf(os.Stderr, "pair %d of %d, %s: skipped: %v\n", n+1, b.Pairs, c.name, err)
				continue
			}
			rows[i].Pairs = append(rows[i].Pairs, p)
			fmt.Fprintf(os.Stderr, "pair %d of %d, %s: this %.3f, other %.3f %s, ratio %.3f (%s so far)\n",
				n+1, b.Pairs, c.name, p.This, p.Other, c.unit, p.ratio(), time.Since(start).Round(time.Second))
		}
	}
	return rows, nil
}

// tryPair measures a pair of c, up to pairTries times until it succeeds. It repeats the pair after any error. If ctx has
// ended, tryPair returns errInterrupted instead.
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
	return p, fmt.Errorf("not measured in %d attempts: %w", pairTries, err)
}

// other returns the other side of pairs: b with the program of --against, or with the other footage of --matrix.
func (b *bench) other() *bench {
	o := *b
	o.program, o.main = cmp.Or(b.Against, b.program), cmp.Or(b.otherMain, b.main)
	return &o
}

// measurePair measures c once on each side, one right after the other. With otherFirst, the other side is measured first.
func (b *bench) measurePair(ctx context.Context, c buildCase, otherFirst bool) (p pair, err error) {
	if otherFirst {
		if p.Other, err = c.measure(b.other(), ctx); err != nil {
			return p, fmt.Errorf("other side: %w", err)
		}
	}
	if p.This, err = c.measure(b, ctx); err != nil {
		return p, fmt.Errorf("this side: %w", err)
	}
	if !otherFirst {
		if p.Other, err = c.measure(b.other(), ctx); err != nil {
			return p, fmt.Errorf("other side: %w", err)
		}
	}
	return p, nil
}

// wallCost returns the CPU seconds per second of a server with the moving wall and one viewer. See movingWall.
func (b *bench) wallCost(ctx context.Context) (float64, error) {
	s, err := b.runScene(ctx, b.movingWall())
	return s.cpu, err
}

// subCost returns the same as wallCost, for cameras with sub-streams.
func (b *bench) subCost(ctx context.Context) (float64, error) {
	s, err := b.runScene(ctx, b.movingWallWithSubs())
	return s.cpu, err
}

// viewersCost returns the same as wallCost, for b.Viewers more viewers that watch the same view in the same rung.
func (b *bench) viewersCost(ctx context.Context) (float64, error) {
	return b.costWith(ctx, b.movingWall(), func(s *runningScene) error {
		for range b.Viewers {
			if _, err := s.view(ctx, client.Selection{}, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// viewsCost returns the same as wallCost, for a room with b.Views more views, at most one for each input. Each of these views
// has one viewer.
func (b *bench) viewsCost(ctx context.Context) (float64, error) {
	sc := b.movingWall()
	sc.views = spotlightNames(min(b.Inputs, b.Views))
	return b.costWith(ctx, sc, func(s *runningScene) error {
		for _, name := range sc.views {
			if _, err := s.view(ctx, client.Selection{View: name}, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// costWith opens sc and calls change, which may add viewers. Then it returns the CPU seconds per second of the server.
func (b *bench) costWith(ctx context.Context, sc scene, change func(*runningScene) error) (float64, error) {
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

// memoryCost returns the median of the server's private memory in MiB while guests join and leave for buildMemory.
func (b *bench) memoryCost(ctx context.Context) (float64, error) {
	s, err := b.openWithRungs(ctx)
	if err != nil {
		return 0, err
	}
	defer s.close()
	samples, _, err := s.joinAndLeave(ctx, buildMemory, s.server.privateMemory)
	if err != nil {
		return 0, err
	}
	all := make([]float64, len(samples))
	for i, m := range samples {
		all[i] = m.mib
	}
	return median(all), s.checkInputs(ctx)
}
