package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
)

// report is the result of a run against the peer: the table of the README, and every round.
type report struct {
	Command string    `json:"command"` // that this program was called with
	Machine string    `json:"machine"`
	Began   time.Time `json:"began"`
	Took    float64   `json:"seconds"`
	Footage string    `json:"footage"`
	Sub     string    `json:"subFootage,omitempty"`
	Wall    string    `json:"wall"` // size and rate
	Bitrate int       `json:"bitrate"`
	Preset  string    `json:"preset"`
	Peer    peerInfo  `json:"peer"`
	Rounds  int       `json:"rounds"`
	Rows    []row     `json:"rows"`
}

// peerInfo describes the peer.
type peerInfo struct {
	Version string `json:"version"`
	Command string `json:"command,omitempty"` // of the wall, with the files of the last round
	Encoder string `json:"encoder,omitempty"` // the command of the encoder alone
}

// row is one line of the table.
type row struct {
	Case    string             `json:"case"` // as in --only
	Title   string             `json:"title"`
	Unit    string             `json:"unit,omitempty"` // empty for a ratio
	Value   float64            `json:"value"`          // median of the rounds, or computed from the parts
	Low     float64            `json:"low"`
	High    float64            `json:"high"`
	Goal    float64            `json:"goal,omitempty"` // at most; zero: none
	Reached bool               `json:"reached"`
	Parts   map[string]float64 `json:"parts"` // medians of the values that Value is computed from
	Note    string             `json:"note,omitempty"`
	Rounds  []figure           `json:"rounds"`
	Error   string             `json:"error,omitempty"` // the reason why there is no value
}

// figure is one round's value of a row and the parts that it is computed from.
type figure struct {
	Value float64            `json:"value"`
	Parts map[string]float64 `json:"parts"`
}

// newRow summarizes the rounds of a row; err is the reason when there are too few.
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

// digits is the number of decimals in a row.
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

// text is a value as the table shows it.
func (r row) text(v float64) string {
	return fmt.Sprintf("%.*f%s", r.digits(), v, r.suffix())
}

// suffix is the unit after a number.
func (r row) suffix() string {
	if r.Unit == "" || r.Unit == unitSSIM {
		return ""
	}
	return " " + r.Unit
}

// goal is the goal as the table shows it.
func (r row) goal() string {
	if r.Goal == 0 {
		return ""
	}
	return fmt.Sprintf("≤ %g%s", r.Goal, r.suffix())
}

// line is the row in Markdown.
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

// unmeasured names the cases without a value.
func (r *report) unmeasured() []string {
	var all []string
	for _, row := range r.Rows {
		if row.Error != "" && !slices.Contains(all, row.Case) {
			all = append(all, row.Case)
		}
	}
	return all
}
