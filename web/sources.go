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

// Rooms returns the current state of rooms and changes their views. The states are snapshots that the caller may keep. If a
// client's request is wrong, the error is a [refusal.Error].
type Rooms interface {
	List() []room.Info // sorted by name
	Info(name string) (room.Info, error)
	SetView(room, name string, v mixer.View) error
	DeleteView(room, name string) error
}

// Footage tells which footage exists. Both methods may block, since they read the store. They return early when ctx ends.
type Footage interface {
	Streams(ctx context.Context, room string) ([]string, error)
	Timeline(ctx context.Context, room, stream string, from, to time.Time) (index.Timeline, error)
}

// maxRange limits the time range of one timeline request, since the store is listed hour by hour.
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

// parseRange parses the start and the end of a time range. An empty to means now. An empty from means one day before to.
// After an error, where is the parameter that is wrong.
func parseRange(from, to string, now time.Time) (a, b time.Time, where string, err error) {
	b = now.UTC()
	if to != "" {
		if b, err = parseTime(to); err != nil {
			return a, b, "query.to", err
		}
	}
	a = b.Add(-24 * time.Hour)
	if from != "" {
		if a, err = parseTime(from); err != nil {
			return a, b, "query.from", err
		}
	}
	if !a.Before(b) {
		return a, b, "query.from", fmt.Errorf("from must be before to (%s)", b.Format(time.RFC3339Nano))
	}
	if b.Sub(a) > maxRange {
		return a, b, "query.from", fmt.Errorf("at most %d days can be asked for at once", maxRange/(24*time.Hour))
	}
	return a, b, "", nil
}
