package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"azulejo/cmd/internal/cli"
)

// benchCase is one measurement that fills one or more rows of the table.
type benchCase struct {
	name      string // as in --only
	rows      []rowSpec
	maxRounds int                                             // the largest number of rounds in which the case is measured; zero: all rounds
	measure   func(context.Context, *round) ([]figure, error) // one figure for each row
}

// rowSpec describes a row before it is measured.
type rowSpec struct {
	title string
	unit  string
	goal  float64                          // the largest good value; zero: no goal
	sum   func(map[string]float64) float64 // computes the value from the medians of figure.Parts; nil: the median of the rounds
	note  func(map[string]float64) string  // formats the medians of figure.Parts for the table; may be nil
}

// The units of rows. Ratios have no unit.
const (
	unitPercent = "%"
	unitMiB     = "MiB"
	unitSSIM    = "SSIM"
)

// cases returns all cases in the order of the report.
func (b *bench) cases() []benchCase {
	wall := fmt.Sprintf("%d × %s → %s wall", b.Inputs, b.main, b.wallSize())
	return []benchCase{
		{"wall", []rowSpec{{title: wall + ", one viewer, whole server against ffmpeg, in real time", goal: 0.70, note: noteCPU}}, 0, b.caseWall},
		{"sub", []rowSpec{{title: fmt.Sprintf("the same with sub-streams (%s) available", b.subSize()), goal: 0.45, note: noteCPU}}, 0, b.caseSub},
		{"webrtc", []rowSpec{{title: "the same with WebRTC publishers instead of cameras", note: noteCPU}}, 0, b.caseWebRTC},
		{"unpaced", []rowSpec{{title: "the wall against ffmpeg as fast as it can", note: noteCPU}}, 0, b.caseUnpaced},
		{"ssim", []rowSpec{{title: "SSIM against the uncompressed bicubic canvas: below ffmpeg's at the same bitrate", unit: unitSSIM, goal: 0.004, note: noteSSIM}}, 0, b.caseSSIM},
		{"viewers", []rowSpec{{title: "each further viewer of the same rung, of the one-viewer cost", unit: unitPercent, goal: 1, note: noteViewers}}, 0, b.caseViewers},
		{"views", []rowSpec{{title: "each further distinct view (spotlights) against its encoder alone in real time", goal: 1.15, note: noteViews}}, 0, b.caseViews},
		{"quiet", []rowSpec{
			{title: fmt.Sprintf("a quiet wall (%d still pictures) against the busy one, CPU", b.Inputs), goal: 0.25, note: noteQuietCPU},
			{title: "the same, bits", goal: 0.25, note: noteQuietBits},
		}, 0, b.caseQuiet},
		{"linear", []rowSpec{{title: b.linearTitle(), unit: unitPercent, goal: 10, sum: b.sumLinear, note: b.noteLinear}}, 0, b.caseLinear},
		{"memory", []rowSpec{
			{title: fmt.Sprintf("memory, %d × %s, one view, %d rungs, %v of joins and leaves: most resident", b.Inputs, b.main, len(memoryRungs), b.Memory), unit: unitMiB, goal: 250, note: noteMemory},
			{title: "the same: growth from the first tenth to the last", unit: unitPercent, goal: 10, note: noteGrowth},
		}, 1, b.caseMemory},
	}
}

// chosenCases returns the cases that --only names, or all cases without --only.
func (b *bench) chosenCases() ([]benchCase, error) {
	all := b.cases()
	if len(b.Only) == 0 {
		return all, nil
	}
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = c.name
	}
	for _, name := range b.Only {
		if !slices.Contains(names, name) {
			return nil, cli.Usage(fmt.Errorf("--only: %q: accepted are %s", name, strings.Join(names, ", ")))
		}
	}
	return slices.DeleteFunc(all, func(c benchCase) bool { return !slices.Contains(b.Only, c.name) }), nil
}

// linearTitle returns the title of the row linear. The title mentions the medians, because the medians of the costs lie nearer
// to a line than the costs of most single rounds.
func (b *bench) linearTitle() string {
	sizes := strings.Trim(strings.ReplaceAll(fmt.Sprint(b.Linear), " ", ", "), "[]")
	return fmt.Sprintf("cost of %s inputs: largest distance of the medians from a line, of the line at the most; and of each round", sizes)
}

func (b *bench) wallSize() string { return fmt.Sprintf("%dx%d@%d", b.Width, b.Height, b.FPS) }

func (b *bench) subSize() string {
	if b.sub == nil {
		return "none"
	}
	return b.sub.String()
}

func noteCPU(p map[string]float64) string {
	return fmt.Sprintf("%.3f against %.3f CPU s per s, %.0f and %.0f kb/s", p["cpu"], p["peerCpu"], p["bits"]/1000, p["peerBits"]/1000)
}

func noteSSIM(p map[string]float64) string {
	return fmt.Sprintf("%.4f against %.4f, %.0f and %.0f kb/s", p["ssim"], p["peerSsim"], p["bits"]/1000, p["peerBits"]/1000)
}

func noteViewers(p map[string]float64) string {
	return fmt.Sprintf("%.3f CPU s per s with one, %.3f with %.0f, %.0f kb/s each", p["one"], p["many"], 1+p["viewers"], p["bits"]/1000)
}

func noteViews(p map[string]float64) string {
	return fmt.Sprintf("%.3f against %.3f CPU s per s (%.3f as fast as it can), %.0f and %.0f kb/s", p["view"], p["encoder"], p["encoderUnpaced"], p["bits"]/1000, p["encoderBits"]/1000)
}

func noteQuietCPU(p map[string]float64) string {
	return fmt.Sprintf("%.3f against %.3f CPU s per s", p["quiet"], p["busy"])
}

func noteQuietBits(p map[string]float64) string {
	return fmt.Sprintf("%.0f against %.0f kb/s", p["quiet"]/1000, p["busy"]/1000)
}

func noteMemory(p map[string]float64) string {
	return fmt.Sprintf("%.0f at the start, %.0f at the end, %.0f guests came", p["start"], p["end"], p["guests"])
}

func noteGrowth(p map[string]float64) string {
	return fmt.Sprintf("%+.1f MiB, trend %+.1f MiB a minute", p["end"]-p["start"], p["trend"])
}
