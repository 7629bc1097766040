// Package index lists the footage that exists and can be played. It merges the store's listing, which
// is the truth, with the entries that are still in the spool, and keeps nothing itself. The REST API
// and playback call it; all methods may be called concurrently.
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

	"azulejo/recorder/footage"
	"azulejo/recorder/spool"
	"azulejo/recorder/store"
)

// Where is the place that holds a segment.
type Where string

// The places that can hold a segment.
const (
	InSpool Where = "spool"
	InStore Where = "store"
)

// Segment is a whole segment, which can be played, or a mark.
type Segment struct {
	footage.Name
	Bytes int64
	Where Where
}

// Spool is the part of a spool that the index reads.
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

// New makes an index. sp may be nil: then the store alone counts.
func New(st store.Store, sp Spool) *Index { return &Index{st, sp} }

// Streams lists the streams of a room that have, or once had, footage; sorted. The error is
// footage.ErrName for a name that is not accepted.
func (x *Index) Streams(ctx context.Context, room string) ([]string, error) {
	if err := footage.CheckName(room); err != nil {
		return nil, fmt.Errorf("list streams: %w", err)
	}
	out := []string{}
	if x.spool != nil {
		out = append(out, x.spool.Streams(room)...)
	}
	prefix := footage.RoomPrefix(room)
	for info, err := range x.store.List(ctx, store.Query{Prefix: prefix, Folders: true}) {
		if err != nil {
			return nil, fmt.Errorf("list streams of room %s: %w", room, err)
		}
		out = append(out, strings.TrimSuffix(strings.TrimPrefix(info.Key, prefix), "/"))
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// Segments lists the whole segments that overlap [from, to), by time. It reads and returns the first
// limit of them. A zero time or limit means no limit. The error is footage.ErrName for a name that is
// not accepted.
func (x *Index) Segments(ctx context.Context, room, stream string, from, to time.Time, limit int) ([]Segment, error) {
	return x.entries(ctx, scope{room, stream, from, to, false, limit})
}

// Local opens the file that the spool holds under a key. The error is fs.ErrNotExist when it holds none.
func (x *Index) Local(key string) (*os.File, error) {
	if x.spool == nil {
		return nil, fs.ErrNotExist
	}
	return x.spool.Open(key)
}

// scope selects segments and marks of one stream.
type scope struct {
	room, stream string
	from, to     time.Time // zero: no limit
	marks        bool      // select marks too
	limit        int       // select only the first ones; zero: no limit
}

func (sc scope) selects(n footage.Name) bool {
	if n.Reason != "" {
		return sc.marks
	}
	return n.End().After(sc.from)
}

// complete tells whether got is the whole selection when n is the next name in time.
func (sc scope) complete(n footage.Name, got []Segment) bool {
	return (!sc.to.IsZero() && !n.Start.Before(sc.to)) || sc.full(got)
}

func (sc scope) full(got []Segment) bool { return sc.limit > 0 && len(got) >= sc.limit }

// entries lists the selection of the scope, by time.
func (x *Index) entries(ctx context.Context, sc scope) ([]Segment, error) {
	for _, name := range []string{sc.room, sc.stream} {
		if err := footage.CheckName(name); err != nil {
			return nil, fmt.Errorf("list footage: %w", err)
		}
	}
	// The spool first: an entry that leaves it after that is in the store's listing.
	spooled := x.spooled(sc)
	out, err := x.stored(ctx, sc)
	if err != nil {
		return nil, fmt.Errorf("list footage of %s in room %s: %w", sc.stream, sc.room, err)
	}
	out = append(out, spooled...)
	slices.SortStableFunc(out, func(a, b Segment) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Base(), b.Base()))
	})
	out = slices.CompactFunc(out, func(a, b Segment) bool { return a.Name == b.Name })
	if sc.full(out) {
		out = out[:sc.limit]
	}
	return out, nil
}

func (x *Index) spooled(sc scope) []Segment {
	if x.spool == nil {
		return nil
	}
	var out []Segment
	for _, e := range x.spool.List(sc.room, sc.stream) {
		if sc.complete(e.Name, out) {
			break
		}
		if sc.selects(e.Name) {
			out = append(out, Segment{e.Name, e.Bytes, InSpool})
		}
	}
	return out
}

// stored lists the store from the hour that can hold the first segment on: keys sort by time.
func (x *Index) stored(ctx context.Context, sc scope) ([]Segment, error) {
	q := store.Query{Prefix: footage.StreamPrefix(sc.room, sc.stream)}
	if !sc.from.IsZero() {
		q.After = footage.HourPrefix(sc.room, sc.stream, sc.from.Add(-footage.MaxSegment))
	}
	var out []Segment
	for info, err := range x.store.List(ctx, q) {
		if err != nil {
			return nil, err
		}
		n, err := footage.ParseKey(info.Key)
		if err != nil {
			continue // an init segment, or a foreign object
		}
		if sc.complete(n, out) {
			break
		}
		if sc.selects(n) {
			out = append(out, Segment{n, info.Size, InStore})
		}
	}
	return out, nil
}
