package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
)

// report is the result of a comparison with ffmpeg, the peer: the rows of the README's table, with the figures of every round.
type report struct {
	Command string    `json:"command"` // command line of bench
	Machine string    `json:"machine"`
	Began   time.Time `json:"began"`
	Took    float64   `json:"seconds"`
	Footage string    `json:"footage"`
	Sub     string    `json:"subFootage,omitempty"`
	Wall    string    `json:"wall"` // size and frame rate
	Bitrate int       `json:"bitrate"`
	Preset  string    `json:"preset"`
	Peer    peerInfo  `json:"peer"`
	Rounds  int       `json:"rounds"`
	Rows    []row     `json:"rows"`
}

// peerInfo describes ffmpeg. Its command lines are those of the last round.
type peerInfo struct {
	Version string `json:"version"`
	Command string `json:"command,omitempty"` // command line that composes the wall in real time
	Encoder string `json:"encoder,omitempty"` // command line that encodes a view again, without composing
}

// row is one line of the table.
type row struct {
	Case    string             `json:"case"` // as in --only
	Title   string             `json:"title"`
	Unit    string             `json:"unit,omitempty"` // empty for a ratio
	Value   float64            `json:"value"`          // median of the rounds, or computed from Parts
	Low     float64            `json:"low"`
	High    float64            `json:"high"`
	Goal    float64            `json:"goal,omitempty"` // the largest Value that reaches the goal; zero: no goal
	Reached bool               `json:"reached"`
	Parts   map[string]float64 `json:"parts"` // medians of the rounds' Parts, by name
	Note    string             `json:"note,omitempty"`
	Rounds  []figure           `json:"rounds"`
	Error   string             `json:"error,omitempty"` // why there is no Value
}

// figure is the value of a row in one round. Parts has the measured values from which Value is computed, by name.
type figure struct {
	Value float64            `json:"value"`
	Parts map[string]float64 `json:"parts"`
}

// newRow returns a row that summarizes its rounds. If too few rounds succeeded, err is the reason.
func newRow(name string, spec rowSpec, rounds []figure, err error) row {
	r := row{Case: name, Title: spec.title, Unit: spec.unit, Goal: spec.goal, Rounds: rounds}
	if err != nil || len(rounds) == 0 {
		r.Error = "not measured"
		if err != nil {
			r.Error = err.Error()
		}
		return r
	}
	values := make([]float64, len(rounds))
	parts := map[string][]float64{}
	for i, f := range rounds {
		values[i] = f.Value
		for k, v := range f.Parts {
			parts[k] = append(parts[k], v)
		}
	}
	r.Parts = map[string]float64{}
	for k, v := range parts {
		r.Parts[k] = median(v)
	}
	r.Value, r.Low, r.High = median(values), slices.Min(values), slices.Max(values)
	if spec.sum != nil {
		r.Value = spec.sum(r.Parts)
	}
	if spec.note != nil {
		r.Note = spec.note(r.Parts)
	}
	r.Reached = spec.goal == 0 || r.Value <= spec.goal
	return r
}

// digits returns the number of digits after the decimal point in the row's values.
func (r row) digits() int {
	switch r.Unit {
	case "":
		return 3
	case unitSSIM:
		return 4
	case unitMiB:
		return 0
	}
	return 1
}

// text formats a value of the row for the table.
func (r row) text(v float64) string {
	return fmt.Sprintf("%.*f%s", r.digits(), v, r.suffix())
}

// suffix returns a space and the unit, to follow a number in the table. It is empty for ratios and SSIM.
func (r row) suffix() string {
	if r.Unit == "" || r.Unit == unitSSIM {
		return ""
	}
	return " " + r.Unit
}

// goal formats the goal for the table. It returns an empty string if there is no goal.
func (r row) goal() string {
	if r.Goal == 0 {
		return ""
	}
	return fmt.Sprintf("≤ %g%s", r.Goal, r.suffix())
}

// line formats the row in Markdown.
func (r row) line() string {
	if r.Error != "" {
		return fmt.Sprintf("| %s | not measured: %s | | %s | no |\n", r.Title, r.Error, r.goal())
	}
	reached := "no"
	switch {
	case r.Goal == 0:
		reached = ""
	case r.Reached:
		reached = "yes"
	}
	title := r.Title
	if r.Note != "" {
		title += ": " + r.Note
	}
	return fmt.Sprintf("| %s | %s | %s–%s of %d | %s | %s |\n", title, r.text(r.Value), r.text(r.Low), r.text(r.High), len(r.Rounds), r.goal(), reached)
}

// table writes the report as Markdown.
func (r *report) table(out io.Writer) error {
	var s strings.Builder
	fmt.Fprintf(&s, "`%s` on %s, %s, in %.0f minutes: footage %s", r.Command, r.Machine, r.Began.Format(time.DateOnly), math.Ceil(r.Took/60), r.Footage)
	if r.Sub != "" {
		fmt.Fprintf(&s, ", sub-streams %s", r.Sub)
	}
	fmt.Fprintf(&s, "; wall %s, x264 %s, %d kb/s; peer %s; medians of at most %d rounds, as each row tells, in which both sides take turns.\n\n",
		r.Wall, r.Preset, r.Bitrate/1000, r.Peer.Version, r.Rounds)
	s.WriteString("| case | measured | lowest–highest of rounds | goal | reached |\n|---|---|---|---|---|\n")
	for _, row := range r.Rows {
		s.WriteString(row.line())
	}
	_, err := io.WriteString(out, s.String())
	return err
}

// unmeasured returns the names of the cases without a value.
func (r *report) unmeasured() []string {
	var all []string
	for _, row := range r.Rows {
		if row.Error != "" && !slices.Contains(all, row.Case) {
			all = append(all, row.Case)
		}
	}
	return all
}
