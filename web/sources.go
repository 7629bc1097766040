package web

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"azulejo/mixer"
	"azulejo/recorder/index"
	"azulejo/signal/room"
)

// Rooms returns snapshots of rooms and changes the views of rooms. The caller may keep a snapshot. If the request of a
// client is wrong, the error is a [refusal.Error].
type Rooms interface {
	List() []room.Info // the open rooms, sorted by name
	Info(name string) (room.Info, error)
	SetView(room, name string, v mixer.View) error
	DeleteView(room, name string) error
}

// Footage lists the footage that exists. Both methods may block, since they list the store. They return early when ctx ends.
type Footage interface {
	Streams(ctx context.Context, room string) ([]string, error)
	Timeline(ctx context.Context, room, stream string, start, end time.Time) (index.Timeline, error)
}

// maxRange limits the time range of one timeline request, since each request lists all segments in the range.
const maxRange = 31 * 24 * time.Hour

// parseTime parses a time in RFC 3339 or in Unix milliseconds.
func parseTime(s string) (time.Time, error) {
	if ms, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.UnixMilli(ms).UTC(), nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a time; give RFC 3339 (2026-03-01T03:12:00Z) or Unix milliseconds", s)
	}
	return t.UTC(), nil
}

// parseRange parses the start and the end of a time range. If endText is empty, the range ends at the current time. If
// startText is empty, the range is one day long. With an error, location names the wrong query parameter.
func parseRange(startText, endText string, current time.Time) (start, end time.Time, location string, err error) {
	end = current.UTC()
	if endText != "" {
		if end, err = parseTime(endText); err != nil {
			return start, end, "query.to", err
		}
	}
	start = end.Add(-24 * time.Hour)
	if startText != "" {
		if start, err = parseTime(startText); err != nil {
			return start, end, "query.from", err
		}
	}
	if !start.Before(end) {
		return start, end, "query.from", fmt.Errorf("from must be before to (%s)", end.Format(time.RFC3339Nano))
	}
	if end.Sub(start) > maxRange {
		return start, end, "query.from", fmt.Errorf("at most %d days can be asked for at once", maxRange/(24*time.Hour))
	}
	return start, end, "", nil
}
