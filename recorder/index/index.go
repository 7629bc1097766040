// Package index lists the footage that exists and can be played. Each call lists the store and adds the entries
// that are still in the spool. The package keeps no list of its own. The REST API and playback call it. All
// methods may be called concurrently.
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

// Where says whether a segment is in the spool or in the store.
type Where string

// The values of Where.
const (
	InSpool Where = "spool"
	InStore Where = "store"
)

// Segment is a whole segment or a mark. Exported methods return only whole segments.
type Segment struct {
	footage.Name
	Bytes int64 // size
	Where Where
}

// Spool has the methods of [spool.Spool] that the index calls.
type Spool interface {
	Streams(room string) []string
	List(room, stream string) []spool.Entry
	Open(key string) (*os.File, error)
}

// Index lists the footage in a store and a spool.
type Index struct {
	store store.Store
	spool Spool // may be nil
}

// New returns an index of st and sp. sp may be nil: the index then lists the store alone.
func New(st store.Store, sp Spool) *Index { return &Index{st, sp} }

// Streams returns the names of the streams of a room that have entries in the spool or objects in the store,
// sorted. If all segments of a stream have been deleted, its marks and init segments still count as objects.
// The error wraps footage.ErrName if the name of the room is not valid.
func (x *Index) Streams(ctx context.Context, room string) ([]string, error) {
	if err := footage.CheckRoom(room); err != nil {
		return nil, fmt.Errorf("list streams: %w", err)
	}
	out := []string{}
	if x.spool != nil {
		out = append(out, x.spool.Streams(room)...)
	}
	stored, err := x.storedStreams(ctx, footage.RoomPrefix(room), "")
	if err != nil {
		return nil, fmt.Errorf("list streams of room %s: %w", room, err)
	}
	out = append(out, stored...)
	slices.Sort(out)
	return slices.Compact(out), nil
}

// storedStreams returns the names of the streams in the store whose keys start with prefix and with folder, the start of a
// stream's escaped name. It skips folders that are not of a stream.
func (x *Index) storedStreams(ctx context.Context, prefix, folder string) ([]string, error) {
	var out []string
	for info, err := range x.store.List(ctx, store.Query{Prefix: prefix + folder, Folders: true}) {
		if err != nil {
			return nil, err
		}
		part := strings.TrimSuffix(strings.TrimPrefix(info.Key, prefix), "/")
		if footage.Folded(part) {
			more, err := x.storedStreams(ctx, prefix, part+"/")
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
		} else if name, err := footage.ParseStream(part); err == nil {
			out = append(out, name)
		}
	}
	return out, nil
}

// Segments returns the whole segments that overlap the time range [start, end), sorted by start. It returns
// only the first limit segments. It stops listing the store when it has these segments. A zero start, end or
// limit means no limit. The error wraps footage.ErrName if a name is not valid.
func (x *Index) Segments(ctx context.Context, room, stream string, start, end time.Time, limit int) ([]Segment, error) {
	return x.entries(ctx, scope{room, stream, start, end, false, limit})
}

// Local opens the file in the spool that is stored, or will be stored, under this key. The error wraps
// fs.ErrNotExist if the spool does not have the file.
func (x *Index) Local(key string) (*os.File, error) {
	if x.spool == nil {
		return nil, fs.ErrNotExist
	}
	return x.spool.Open(key)
}

// scope selects segments and marks of one stream.
type scope struct {
	room, stream string
	start, end   time.Time // the time range; zero: no limit
	marks        bool      // select marks too
	limit        int       // select only this many, the earliest ones; zero: no limit
}

// selects tells whether the scope includes n. The method complete checks the end of the range and the limit.
func (sc scope) selects(n footage.Name) bool {
	if n.Reason != "" {
		return sc.marks
	}
	return n.End().After(sc.start)
}

// complete tells whether a loop over names sorted by start can stop at n: n starts after the range, or got has
// as many segments as the limit allows.
func (sc scope) complete(n footage.Name, got []Segment) bool {
	return (!sc.end.IsZero() && !n.Start.Before(sc.end)) || sc.full(got)
}

// full tells whether got has as many segments as the limit allows.
func (sc scope) full(got []Segment) bool { return sc.limit > 0 && len(got) >= sc.limit }

// entries returns the segments and marks that the scope selects, sorted by start.
func (x *Index) entries(ctx context.Context, sc scope) ([]Segment, error) {
	if err := footage.CheckNames(sc.room, sc.stream); err != nil {
		return nil, fmt.Errorf("list footage: %w", err)
	}
	// List the spool before the store: an entry that leaves the spool in between is already in the store.
	spooled := x.spooled(sc)
	out, err := x.stored(ctx, sc)
	if err != nil {
		return nil, fmt.Errorf("list footage of %s in room %s: %w", sc.stream, sc.room, err)
	}
	out = append(out, spooled...)
	slices.SortStableFunc(out, func(a, b Segment) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Base(), b.Base()))
	})
	// For an entry in both, the one in the store comes first and is kept.
	out = slices.CompactFunc(out, func(a, b Segment) bool { return a.Name == b.Name })
	if sc.full(out) {
		out = out[:sc.limit]
	}
	return out, nil
}

// spooled returns the spool's entries that the scope selects, sorted by start.
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

// stored returns the objects of the store that the scope selects, sorted by start. Keys sort by start. So
// stored lists only the keys from the hour in which the first selected segment can start.
func (x *Index) stored(ctx context.Context, sc scope) ([]Segment, error) {
	q := store.Query{Prefix: footage.StreamPrefix(sc.room, sc.stream)}
	if !sc.start.IsZero() {
		q.After = footage.HourPrefix(sc.room, sc.stream, sc.start.Add(-footage.MaxSegment))
	}
	var out []Segment
	for info, err := range x.store.List(ctx, q) {
		if err != nil {
			return nil, err
		}
		n, err := footage.ParseKey(info.Key)
		if err != nil {
			continue // an init segment, or an object that the recorder did not write
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
