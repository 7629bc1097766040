package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"azulejo/cmd/internal/cli"
)

// command has the flags and arguments of bench.
type command struct {
	cli.Options

	File    string        `arg:"" help:"Footage that all inputs show, each from another place of it: H.264 without B-frames." type:"existingfile"`
	SubFile string        `arg:"" optional:"" help:"The same scene in a smaller size: the cameras' sub-streams." type:"existingfile"`
	Only    []string      `help:"Measure these rows only: wall, sub, webrtc, unpaced, ssim, viewers, views, quiet, linear, memory." placeholder:"ROW,ROW"`
	Inputs  int           `default:"9" help:"How many inputs, 1 to 25."`
	Viewers int           `default:"10" help:"How many further viewers to add, 1 to 50."`
	Views   int           `default:"4" help:"How many further views to add, 1 to 8."`
	Rounds  int           `default:"5" help:"How often each side is measured; the median counts."`
	Seconds float64       `default:"6" help:"Length of one measurement; at least 8 with --against or --matrix."`
	Linear  []int         `default:"1,4,9,16,25" help:"The numbers of inputs of the row linear, two or more of 1 to 25."`
	Memory  time.Duration `default:"30s" help:"Length of the row memory; 10m shows whether it is flat."`
	Width   int           `default:"1280"`
	Height  int           `default:"720"`
	FPS     int           `default:"15" name:"fps"`
	Bitrate int           `default:"2000000" help:"Bits a second."`
	Preset  string        `default:"superfast" help:"x264's preset, of both sides."`
	Server  string        `help:"The server's program; bin/azulejo beside this program when left out." placeholder:"FILE" type:"existingfile"`
	FFmpeg  string        `default:"ffmpeg" name:"ffmpeg" help:"The peer."`
	JSON    string        `name:"json" help:"Write the report with every round of it to this file." placeholder:"FILE"`
	Against string        `help:"Another build of the server's program: compare the two, without ffmpeg. Rows: wall, sub, viewers, views, memory." placeholder:"FILE" type:"existingfile"`
	Matrix  bool          `help:"Compare the wall with FILE tagged as BT.709 and as BT.601. Neither ffmpeg nor another build is measured."`
	Pairs   int           `default:"9" help:"How often both sides are measured with --against or --matrix, 9 to 99."`
}

func (c *command) check() error {
	switch {
	case c.Inputs < 1 || c.Inputs > 25:
		return cli.Usage(fmt.Errorf("--inputs: %d: accepted are 1 to 25", c.Inputs))
	case c.Viewers < 1 || c.Viewers > 50:
		return cli.Usage(fmt.Errorf("--viewers: %d: accepted are 1 to 50", c.Viewers))
	case c.Views < 1 || c.Views > 8:
		return cli.Usage(fmt.Errorf("--views: %d: accepted are 1 to 8", c.Views))
	case c.Rounds < 1 || c.Rounds > 25:
		return cli.Usage(fmt.Errorf("--rounds: %d: accepted are 1 to 25", c.Rounds))
	case c.Seconds < 1 || c.Seconds > 3600:
		return cli.Usage(fmt.Errorf("--seconds: %g: accepted are 1 to 3600", c.Seconds))
	case len(c.Linear) < 2 || slices.Min(c.Linear) < 1 || slices.Max(c.Linear) > 25:
		return cli.Usage(fmt.Errorf("--linear: %v: accepted are two or more of 1 to 25", c.Linear))
	case c.Memory < time.Second || c.Memory > 24*time.Hour:
		return cli.Usage(fmt.Errorf("--memory: %v: accepted are 1s to 24h", c.Memory))
	case c.Matrix && (c.Against != "" || len(c.Only) > 0):
		return cli.Usage(errors.New("--matrix: accepted without --against and without --only"))
	case c.Pairs < 9 || c.Pairs > 99:
		return cli.Usage(fmt.Errorf("--pairs: %d: accepted are 9 to 99", c.Pairs))
	}
	return nil
}

// bench is one run of the command. One goroutine owns it.
type bench struct {
	*command
	log     *slog.Logger
	program string   // path of the measured server's program
	dir     string   // for temporary files; removed at the end
	main    *footage // the main stream of all cameras
	sub     *footage // the sub-stream of all cameras; nil: cameras have no sub-stream
	report  report   // of the comparison with ffmpeg; unused with --against and --matrix

	otherMain *footage // main on the other side of pairs; nil: the same
}

// Run compares two builds of the server with --against, two matrices of the footage with --matrix, otherwise the server with
// ffmpeg. It prints a report.
func (c *command) Run(ctx context.Context, log *slog.Logger) error {
	b, err := c.prepare(log)
	if err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "azulejo-bench-"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(b.dir) }() // a temporary folder
	switch {
	case c.Against != "":
		return b.compareBuilds(ctx)
	case c.Matrix:
		return b.compareMatrices(ctx)
	}
	return b.measureAgainstPeer(ctx)
}

// prepare checks the flags, reads the footage and finds the server's program.
func (c *command) prepare(log *slog.Logger) (b *bench, err error) {
	if err = c.check(); err != nil {
		return nil, err
	}
	b = &bench{command: c, log: log, program: c.Server}
	if b.program == "" {
		var self string
		if self, err = os.Executable(); err != nil {
			return nil, err
		}
		b.program = filepath.Join(filepath.Dir(self), "azulejo")
	}
	if b.main, err = readFootage(c.File); err != nil {
		return nil, err
	}
	if c.SubFile != "" {
		b.sub, err = readFootage(c.SubFile)
	}
	return b, err
}

// measureAgainstPeer measures the chosen cases against ffmpeg, which is called the peer, and prints the report.
func (b *bench) measureAgainstPeer(ctx context.Context) error {
	peer, err := peerVersion(ctx, b.FFmpeg)
	if err != nil {
		return err
	}
	chosen, err := b.chosenCases()
	if err != nil {
		return err
	}
	b.report = report{
		Command: commandLine(), Machine: machine(), Began: time.Now().UTC().Truncate(time.Second),
		Footage: b.main.String(), Wall: b.wallSize(), Bitrate: b.Bitrate, Preset: b.Preset, Rounds: b.Rounds,
		Peer: peerInfo{Version: peer},
	}
	if b.sub != nil {
		b.report.Sub = b.sub.String()
	}
	if err := b.measure(ctx, chosen); err != nil {
		return err
	}
	return b.publish()
}

// commandLine returns the command line of this program, for reports.
func commandLine() string { return "bench " + strings.Join(os.Args[1:], " ") }

// machine returns the number of processors and the name of their model.
func machine() string {
	model := runtime.GOARCH
	data, _ := os.ReadFile("/proc/cpuinfo") // without the file, the name is the architecture
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	return fmt.Sprintf("%d × %s", runtime.NumCPU(), model)
}

// errInterrupted is the error of a run that the user interrupts.
var errInterrupted = errors.New("interrupted")

// isChosen reports whether the case called name must be measured: --only names it, or --only is not given.
func (b *bench) isChosen(name string) bool { return len(b.Only) == 0 || slices.Contains(b.Only, name) }

// measure measures every case once in each round and stores the rows in b.report. All cases alternate, so that other load of
// the machine affects all of them. A case that fails does not stop the others. A case counts as measured if more than half of
// its rounds succeed.
func (b *bench) measure(ctx context.Context, chosen []benchCase) error {
	found := map[string]*findings{}
	for _, c := range chosen {
		found[c.name] = &findings{}
	}
	for n := 1; n <= b.Rounds; n++ {
		r := b.newRound(ctx)
		for _, c := range chosen {
			if c.maxRounds > 0 && n > c.maxRounds {
				continue
			}
			f, err := c.measure(ctx, r)
			if ctx.Err() != nil {
				return errInterrupted
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

// findings has the results of one case from all rounds.
type findings struct {
	rounds  [][]figure // of the rounds that succeeded: one figure for each row of the case
	failed  int        // number of failed rounds
	lastErr error      // the error of the last failed round
}

// add stores the result of one round: its figures, or its error.
func (f *findings) add(figures []figure, err error) {
	if err != nil {
		f.failed, f.lastErr = f.failed+1, err
		return
	}
	f.rounds = append(f.rounds, figures)
}

// verdict returns nil if more than half of the rounds succeeded, otherwise the error of the last failed round.
func (f *findings) verdict() error {
	if f.failed > 0 && f.failed >= len(f.rounds) {
		return f.lastErr
	}
	return nil
}

// column returns the figures of row i, one for each round that succeeded.
func (f *findings) column(i int) []figure {
	all := make([]figure, len(f.rounds))
	for n, figures := range f.rounds {
		all[n] = figures[i]
	}
	return all
}

// progress prints the result of one case in round n to standard error.
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

// publish prints the report. With --json it also saves the report. It returns an error if a case could not be measured.
func (b *bench) publish() error {
	if err := b.report.table(os.Stdout); err != nil {
		return err
	}
	if b.JSON != "" {
		if err := saveJSON(b.JSON, b.report); err != nil {
			return err
		}
	}
	return unmeasuredError(b.report.unmeasured())
}

// unmeasuredError returns an error that lists names, the cases that could not be measured. It returns nil without names.
func unmeasuredError(names []string) error {
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("not measured: %s", strings.Join(names, ", "))
}
