package index

import (
	"context"
	"time"

	"azulejo/recorder/footage"
)

// Span is a time of footage without a gap, all of it in the spool or all of it in the store.
type Span struct {
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Segments int       `json:"segments"`
	Bytes    int64     `json:"bytes"`
	Where    Where     `json:"where"`
}

// Gap is a time without footage between two spans or after the last one, and the reason for it.
type Gap struct {
	From   time.Time      `json:"from"`
	To     time.Time      `json:"to"`
	Reason footage.Reason `json:"reason"`
}

// Timeline lists the footage of a stream and the gaps in it, each sorted by time.
type Timeline struct {
	Spans []Span `json:"spans"`
	Gaps  []Gap  `json:"gaps"`
}

// gapTolerance is the longest pause between two segments that does not count as a gap.
const gapTolerance = 200 * time.Millisecond

// Timeline returns the timeline of the whole segments that overlap the time [from, to). A zero from or to
// means no limit. The time after the last span is a gap only if a mark says why the last run ended. That gap
// ends now, or at to if that is earlier. The error is footage.ErrName if a name is not accepted.
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

// timeline merges the segments of all into spans and finds the gaps. all must be sorted by start. A gap after
// the last span ends at until.
func timeline(all []Segment, until time.Time) Timeline {
	t := Timeline{Spans: []Span{}, Gaps: []Gap{}}
	reasons := map[string]footage.Reason{} // by run
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
			reason = footage.Unknown // a gap within a run, which the run's mark does not explain
		}
		t.add(s, reason)
		run = s.Run()
	}
	if r := reasons[run]; r != "" {
		t.gap(until, r)
	}
	return t
}

// add adds the next segment to the last span or to a new one. reason is that of a gap before the segment.
func (t *Timeline) add(s Segment, reason footage.Reason) {
	t.gap(s.Start, reason)
	last := len(t.Spans) - 1
	if last < 0 || s.Start.Sub(t.Spans[last].To) > gapTolerance || t.Spans[last].Where != s.Where {
		t.Spans = append(t.Spans, Span{From: s.Start, To: s.End(), Segments: 1, Bytes: s.Bytes, Where: s.Where})
		return
	}
	span := &t.Spans[last]
	span.Segments, span.Bytes = span.Segments+1, span.Bytes+s.Bytes
	if s.End().After(span.To) {
		span.To = s.End()
	}
}

// gap appends the gap from the end of the last span to until, if it is longer than gapTolerance.
func (t *Timeline) gap(until time.Time, reason footage.Reason) {
	if len(t.Spans) == 0 {
		return
	}
	from := t.Spans[len(t.Spans)-1].To
	if until.Sub(from) <= gapTolerance {
		return
	}
	if reason == "" {
		reason = footage.Unknown
	}
	t.Gaps = append(t.Gaps, Gap{from, until, reason})
}
