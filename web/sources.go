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

// Rooms reads the present state of rooms, as snapshots that the caller may keep, and changes their views. A mistake of the
// client is a [refusal.Error].
type Rooms interface {
	List() []room.Info // by name
	Info(name string) (room.Info, error)
	SetView(room, name string, v mixer.View) error
	DeleteView(room, name string) error
}

// Footage reads which footage exists. Both methods may block, since they read the store; they return early when ctx ends.
type Footage interface {
	Streams(ctx context.Context, room string) ([]string, error)
	Timeline(ctx context.Context, room, stream string, from, to time.Time) (index.Timeline, error)
}

// maxRange bounds one timeline request; the store is listed by the hour.
const maxRange = 31 * 24 * time.Hour

// parseTime reads RFC 3339 or Unix milliseconds.
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

// parseRange reads a range of time. An empty to is now, an empty from is a day before to. where is the parameter with the
// mistake.
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
