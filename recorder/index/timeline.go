package index

import (
	"context"
	"time"

	"azulejo/recorder/footage"
)

// Span is a time range that has footage and no gap. All its segments are in the same place: in the spool or in
// the store.
type Span struct {
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Segments int       `json:"segments"` // number of segments
	Bytes    int64     `json:"bytes"`
	Where    Where     `json:"where"`
}

// Gap is a time range without footage, between two spans or after the last span. Reason says why.
type Gap struct {
	From   time.Time      `json:"from"`
	To     time.Time      `json:"to"`
	Reason footage.Reason `json:"reason"`
}

// Timeline lists the spans of a stream's footage and the gaps, each sorted by time.
type Timeline struct {
	Spans []Span `json:"spans"`
	Gaps  []Gap  `json:"gaps"`
}

// gapTolerance is the longest pause between two segments that does not count as a gap.
const gapTolerance = 200 * time.Millisecond

// Timeline returns the timeline of the whole segments that overlap the time range [start, end). A zero start or
// end means no limit. The time after the last span is a gap only if a mark says why the last run ended. This
// gap ends at the current time, or at end if end is earlier. The error wraps footage.ErrName if a name is not
// valid.
func (x *Index) Timeline(ctx context.Context, room, stream string, start, end time.Time) (Timeline, error) {
	entries, err := x.entries(ctx, scope{room, stream, start, end, true, 0})
	if err != nil {
		return Timeline{}, err
	}
	lastGapEnd := time.Now().UTC().Truncate(time.Millisecond)
	if !end.IsZero() && end.Before(lastGapEnd) {
		lastGapEnd = end.UTC()
	}
	return timeline(entries, lastGapEnd), nil
}

// timeline merges segments into spans and finds the gaps. entries holds the segments and the marks, sorted by
// start. A gap after the last span ends at lastGapEnd.
func timeline(entries []Segment, lastGapEnd time.Time) Timeline {
	t := Timeline{Spans: []Span{}, Gaps: []Gap{}}
	reasons := map[string]footage.Reason{} // by run
	for _, s := range entries {
		if s.Reason != "" {
			reasons[s.Run()] = s.Reason
		}
	}
	run := "" // run of the previous segment
	for _, s := range entries {
		if s.Reason != "" {
			continue
		}
		reason := reasons[run]
		if s.Run() == run {
			reason = footage.Unknown // a gap within a run: the run's mark does not explain it
		}
		t.addSegment(s, reason)
		run = s.Run()
	}
	if r := reasons[run]; r != "" {
		t.addGap(lastGapEnd, r)
	}
	return t
}

// addSegment adds the next segment to the last span, or to a new span. If there is a gap before the segment,
// reason is the reason for this gap.
func (t *Timeline) addSegment(s Segment, reason footage.Reason) {
	t.addGap(s.Start, reason)
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

// addGap appends the gap from the end of the last span to end, if the gap is longer than gapTolerance.
func (t *Timeline) addGap(end time.Time, reason footage.Reason) {
	if len(t.Spans) == 0 {
		return
	}
	start := t.Spans[len(t.Spans)-1].To
	if end.Sub(start) <= gapTolerance {
		return
	}
	if reason == "" {
		reason = footage.Unknown
	}
	t.Gaps = append(t.Gaps, Gap{start, end, reason})
}
