package index

import (
	"context"
	"time"

	"azulejo/recorder/spool"
)

// Span is footage without a gap, all in one place.
type Span struct {
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Segments int       `json:"segments"`
	Bytes    int64     `json:"bytes"`
	Where    Where     `json:"where"`
}

// Gap is the time between two spans, or after the last one, and why there is no footage.
type Gap struct {
	From   time.Time    `json:"from"`
	To     time.Time    `json:"to"`
	Reason spool.Reason `json:"reason"`
}

// Timeline is what exists of a stream.
type Timeline struct {
	Spans []Span `json:"spans"`
	Gaps  []Gap  `json:"gaps"`
}

// seam is the longest hole in time that still counts as none.
const seam = 200 * time.Millisecond

// Timeline tells what exists in [from, to), in whole segments. A zero time is no limit. The time
// after the last span is a gap only when its end is known to be one. The error is
// spool.ErrName for a name that cannot be.
func (x *Index) Timeline(ctx context.Context, room, stream string, from, to time.Time) (Timeline, error) {
	all, err := x.entries(ctx, scope{room, stream, from, to, true, 0})
	if err != nil {
		return Timeline{}, err
	}
	until := time.Now().UTC().Truncate(time.Millisecond)
	if !to.IsZero() && to.Before(until) {
		until = to.UTC()
	}
	return timeline(all, until), nil
}

// timeline merges segments that follow on. all is sorted by time.
func timeline(all []Segment, until time.Time) Timeline {
	t := Timeline{Spans: []Span{}, Gaps: []Gap{}}
	reasons := map[string]spool.Reason{} // by run
	for _, s := range all {
		if s.Reason != "" {
			reasons[s.Run()] = s.Reason
		}
	}
	run := ""
	for _, s := range all {
		if s.Reason != "" {
			continue
		}
		reason := reasons[run]
		if s.Run() == run {
			reason = spool.Unknown // a hole within a run: why the run ended says nothing of it
		}
		t.add(s, reason)
		run = s.Run()
	}
	if r := reasons[run]; r != "" {
		t.gap(until, r)
	}
	return t
}

// add puts the next segment on the timeline; reason is why the run before it ended.
func (t *Timeline) add(s Segment, reason spool.Reason) {
	t.gap(s.Start, reason)
	last := len(t.Spans) - 1
	if last < 0 || s.Start.Sub(t.Spans[last].To) > seam || t.Spans[last].Where != s.Where {
		t.Spans = append(t.Spans, Span{From: s.Start, To: s.End(), Segments: 1, Bytes: s.Bytes, Where: s.Where})
		return
	}
	span := &t.Spans[last]
	span.Segments, span.Bytes = span.Segments+1, span.Bytes+s.Bytes
	if s.End().After(span.To) {
		span.To = s.End()
	}
}

// gap notes that nothing is there from the last span until the instant, unless that is a seam.
func (t *Timeline) gap(until time.Time, reason spool.Reason) {
	if len(t.Spans) == 0 {
		return
	}
	from := t.Spans[len(t.Spans)-1].To
	if until.Sub(from) <= seam {
		return
	}
	if reason == "" {
		reason = spool.Unknown
	}
	t.Gaps = append(t.Gaps, Gap{from, until, reason})
}
