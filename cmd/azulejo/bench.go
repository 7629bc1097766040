package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// benchCmd measures what a wall costs: this server against the system's ffmpeg, alternating, in one run.
type benchCmd struct {
	File    string        `arg:"" help:"Footage that all inputs show, each from another place of it: H.264 without B-frames." type:"existingfile"`
	SubFile string        `arg:"" optional:"" help:"The same scene in a smaller size: the cameras' sub-streams." type:"existingfile"`
	Only    []string      `help:"Measure these rows only: wall, sub, webrtc, unpaced, ssim, viewers, views, quiet, linear, memory." placeholder:"ROW,ROW"`
	Inputs  int           `default:"9" help:"How many inputs, 1 to 25."`
	Viewers int           `default:"10" help:"How many further viewers to add, 1 to 50."`
	Views   int           `default:"4" help:"How many further views to add, 1 to 8."`
	Rounds  int           `default:"5" help:"How often each side is measured; the median counts."`
	Seconds float64       `default:"6" help:"Length of one measurement."`
	Linear  []int         `default:"1,4,9,16,25" help:"The numbers of inputs of the row linear, two or more of 1 to 25."`
	Memory  time.Duration `default:"30s" help:"Length of the row memory; 10m shows whether it is flat."`
	Width   int           `default:"1280"`
	Height  int           `default:"720"`
	FPS     int           `default:"15" name:"fps"`
	Bitrate int           `default:"2000000" help:"Bits a second."`
	Preset  string        `default:"superfast" help:"x264's preset, of both sides."`
	FFmpeg  string        `default:"ffmpeg" name:"ffmpeg" help:"The peer."`
	JSON    string        `name:"json" help:"Write the report with every round of it to this file." placeholder:"FILE"`
}

func (c *benchCmd) check() error {
	switch {
	case c.Inputs < 1 || c.Inputs > 25:
		return usageError{fmt.Errorf("--inputs: %d: accepted are 1 to 25", c.Inputs)}
	case c.Viewers < 1 || c.Viewers > 50:
		return usageError{fmt.Errorf("--viewers: %d: accepted are 1 to 50", c.Viewers)}
	case c.Views < 1 || c.Views > 8:
		return usageError{fmt.Errorf("--views: %d: accepted are 1 to 8", c.Views)}
	case c.Rounds < 1 || c.Rounds > 25:
		return usageError{fmt.Errorf("--rounds: %d: accepted are 1 to 25", c.Rounds)}
	case c.Seconds < 1 || c.Seconds > 3600:
		return usageError{fmt.Errorf("--seconds: %g: accepted are 1 to 3600", c.Seconds)}
	case len(c.Linear) < 2 || slices.Min(c.Linear) < 1 || slices.Max(c.Linear) > 25:
		return usageError{fmt.Errorf("--linear: %v: accepted are two or more of 1 to 25", c.Linear)}
	case c.Memory < time.Second || c.Memory > 24*time.Hour:
		return usageError{fmt.Errorf("--memory: %v: accepted are 1s to 24h", c.Memory)}
	}
	return nil
}

// bench is one run of benchCmd. One goroutine owns it.
type bench struct {
	*benchCmd
	log    *slog.Logger
	dir    string   // for what is made on the way; removed at the end
	main   *footage // what cameras show
	sub    *footage // their sub-streams; nil for none
	report benchReport
}

func (c *benchCmd) Run(ctx context.Context, log *slog.Logger) error {
	b, err := c.prepare(ctx, log)
	if err != nil {
		return err
	}
	chosen, err := b.chosen()
	if err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "azulejo-bench-"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(b.dir) }() // a temporary folder
	if err := b.measure(ctx, chosen); err != nil {
		return err
	}
	return b.tell()
}

// prepare finds the peer and reads the footage.
func (c *benchCmd) prepare(ctx context.Context, log *slog.Logger) (*bench, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	b := &bench{benchCmd: c, log: log}
	peer, err := peerVersion(ctx, c.FFmpeg)
	if err != nil {
		return nil, err
	}
	if b.main, err = readFootage(c.File); err != nil {
		return nil, err
	}
	if c.SubFile != "" {
		if b.sub, err = readFootage(c.SubFile); err != nil {
			return nil, err
		}
	}
	b.report = benchReport{
		Command: "azulejo " + strings.Join(os.Args[1:], " "), Machine: machine(), Began: time.Now().UTC().Truncate(time.Second),
		Footage: b.main.String(), Wall: b.wallSize(), Bitrate: c.Bitrate, Preset: c.Preset, Rounds: c.Rounds,
		Peer: benchPeer{Version: peer},
	}
	if b.sub != nil {
		b.report.Sub = b.sub.String()
	}
	return b, nil
}

// machine names the processor.
func machine() string {
	model := runtime.GOARCH
	data, _ := os.ReadFile("/proc/cpuinfo") // some have none
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	return fmt.Sprintf("%d × %s", runtime.NumCPU(), model)
}

// wants tells whether a case is to be measured.
func (b *bench) wants(name string) bool { return len(b.Only) == 0 || slices.Contains(b.Only, name) }

// measure goes through all cases in every round, so that what else the machine does meets all of them. A case that
// fails does not stop the others; more than half of its rounds must succeed.
func (b *bench) measure(ctx context.Context, chosen []benchCase) error {
	found := map[string]*findings{}
	for _, c := range chosen {
		found[c.name] = &findings{}
	}
	for n := 1; n <= b.Rounds; n++ {
		r := b.newRound(ctx)
		for _, c := range chosen {
			if c.most > 0 && n > c.most {
				continue
			}
			f, err := c.measure(ctx, r)
			if ctx.Err() != nil {
				return errors.New("bench: interrupted")
			}
			b.progress(n, c, f, err)
			found[c.name].add(f, err)
		}
	}
	b.report.Took = time.Since(b.report.Began).Seconds()
	for _, c := range chosen {
		for i, spec := range c.rows {
			b.report.Rows = append(b.report.Rows, newRow(c.name, spec, found[c.name].column(i), found[c.name].verdict()))
		}
	}
	return nil
}

// findings are what the rounds of a case found.
type findings struct {
	rounds [][]figure // one figure for each row
	failed int
	last   error // why the last one that failed did
}

func (f *findings) add(figures []figure, err error) {
	if err != nil {
		f.failed, f.last = f.failed+1, err
		return
	}
	f.rounds = append(f.rounds, figures)
}

// verdict is why the rounds that succeeded are too few to count; nil when they do.
func (f *findings) verdict() error {
	if f.failed > 0 && f.failed >= len(f.rounds) {
		return f.last
	}
	return nil
}

// column are the i-th figures of all rounds.
func (f *findings) column(i int) []figure {
	all := make([]figure, len(f.rounds))
	for n, figures := range f.rounds {
		all[n] = figures[i]
	}
	return all
}

// progress says on standard error what a case found.
func (b *bench) progress(n int, c benchCase, f []figure, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "round %d of %d, %s: %v\n", n, b.Rounds, c.name, err)
		return
	}
	for i, spec := range c.rows {
		row := newRow(c.name, spec, f[i:i+1], nil)
		fmt.Fprintf(os.Stderr, "round %d of %d, %s: %s (%s)\n", n, b.Rounds, c.name, row.text(row.Value), row.Note)
	}
}

// tell prints and saves the report; a case that could not be measured is an error.
func (b *bench) tell() error {
	if err := b.report.table(os.Stdout); err != nil {
		return err
	}
	if b.JSON != "" {
		if err := b.report.save(b.JSON); err != nil {
			return err
		}
	}
	if left := b.report.unmeasured(); len(left) > 0 {
		return fmt.Errorf("bench: not measured: %s", strings.Join(left, ", "))
	}
	return nil
}
