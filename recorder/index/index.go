// Package index answers what footage exists and can be played: it merges what the store lists,
// which is the truth, with what still waits in the spool. It keeps nothing itself. The REST API
// and playback ask it; all methods may be called concurrently.
package index

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"azulejo/recorder/spool"
	"azulejo/recorder/store"
)

// Where tells who holds a segment.
type Where string

// The places where a segment can be.
const (
	InSpool Where = "spool"
	InStore Where = "store"
)

// Segment is one that can be played.
type Segment struct {
	spool.Name
	Bytes int64
	Where Where
}

// Spool is what the index reads of a spool.
type Spool interface {
	Streams(room string) []string
	List(room, stream string) []spool.Entry
	Open(key string) (*os.File, error)
}

// Index reads a store and a spool.
type Index struct {
	store store.Store
	spool Spool
}

// New makes an index; sp may be nil where there is no spool.
func New(st store.Store, sp Spool) *Index { return &Index{st, sp} }

// Streams lists the streams of a room that have, or once had, footage; sorted. The error is
// spool.ErrName for a name that cannot be.
func (x *Index) Streams(ctx context.Context, room string) ([]string, error) {
	if err := spool.CheckName(room); err != nil {
		return nil, fmt.Errorf("list streams: %w", err)
	}
	out := []string{}
	if x.spool != nil {
		out = append(out, x.spool.Streams(room)...)
	}
	prefix := spool.RoomPrefix(room)
	for info, err := range x.store.List(ctx, store.Query{Prefix: prefix, Folders: true}) {
		if err != nil {
			return nil, fmt.Errorf("list streams of room %s: %w", room, err)
		}
		out = append(out, strings.TrimSuffix(strings.TrimPrefix(info.Key, prefix), "/"))
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// Segments lists the whole segments that overlap [from, to), by time: the first limit of them, and
// no more than these are read. A zero time, or limit, is none. The error is spool.ErrName for a
// name that cannot be.
func (x *Index) Segments(ctx context.Context, room, stream string, from, to time.Time, limit int) ([]Segment, error) {
	return x.entries(ctx, scope{room, stream, from, to, false, limit})
}

// Local opens what the spool holds of a key; fs.ErrNotExist where it holds nothing.
func (x *Index) Local(key string) (*os.File, error) {
	if x.spool == nil {
		return nil, fs.ErrNotExist
	}
	return x.spool.Open(key)
}

// scope is what a question is about.
type scope struct {
	room, stream string
	from, to     time.Time // zero is no limit
	marks        bool      // wanted beside the segments
	limit        int       // the first ones only; zero is no limit
}

func (sc scope) wants(n spool.Name) bool {
	if n.Reason != "" {
		return sc.marks
	}
	return n.End().After(sc.from)
}

// over tells whether got is all there can be, given that n comes next.
func (sc scope) over(n spool.Name, got []Segment) bool {
	return (!sc.to.IsZero() && !n.Start.Before(sc.to)) || sc.full(got)
}

func (sc scope) full(got []Segment) bool { return sc.limit > 0 && len(got) >= sc.limit }

// entries lists what the scope wants, by time.
func (x *Index) entries(ctx context.Context, sc scope) ([]Segment, error) {
	for _, name := range []string{sc.room, sc.stream} {
		if err := spool.CheckName(name); err != nil {
			return nil, fmt.Errorf("list footage: %w", err)
		}
	}
	// The spool first: what leaves it meanwhile is in the store.
	waiting := x.waiting(sc)
	out, err := x.stored(ctx, sc)
	if err != nil {
		return nil, fmt.Errorf("list footage of %s in room %s: %w", sc.stream, sc.room, err)
	}
	out = append(out, waiting...)
	slices.SortStableFunc(out, func(a, b Segment) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Base(), b.Base()))
	})
	out = slices.CompactFunc(out, func(a, b Segment) bool { return a.Name == b.Name })
	if sc.full(out) {
		out = out[:sc.limit]
	}
	return out, nil
}

func (x *Index) waiting(sc scope) []Segment {
	if x.spool == nil {
		return nil
	}
	var out []Segment
	for _, e := range x.spool.List(sc.room, sc.stream) {
		if sc.over(e.Name, out) {
			break
		}
		if sc.wants(e.Name) {
			out = append(out, Segment{e.Name, e.Bytes, InSpool})
		}
	}
	return out
}

// stored asks the store only for the hours that matter: keys sort by time.
func (x *Index) stored(ctx context.Context, sc scope) ([]Segment, error) {
	q := store.Query{Prefix: spool.StreamPrefix(sc.room, sc.stream)}
	if !sc.from.IsZero() {
		q.After = spool.HourPrefix(sc.room, sc.stream, sc.from.Add(-spool.MaxSegment))
	}
	var out []Segment
	for info, err := range x.store.List(ctx, q) {
		if err != nil {
			return nil, err
		}
		n, err := spool.ParseKey(info.Key)
		if err != nil {
			continue // an init segment, or nothing of ours
		}
		if sc.over(n, out) {
			break
		}
		if sc.wants(n) {
			out = append(out, Segment{n, info.Size, InStore})
		}
	}
	return out, nil
}
