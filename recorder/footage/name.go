// Package footage owns the names of segments, marks and init segments: object keys in the store
// and file names in the spool. Each format stands beside its parser. The recorder, the spool, the
// index, playback and web read names here. It has no state, so everything may be called
// concurrently.
package footage

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Reason says why a run ended. It is the extension of the mark that stands where the run ends.
type Reason string

// The reasons that a timeline may give for a gap.
const (
	Stopped  Reason = "stopped"  // the recording was closed
	Restart  Reason = "restart"  // the process ended without finishing the segment
	Disk     Reason = "disk"     // the spool could not be written
	Overload Reason = "overload" // the writer fell behind its queue
	Unknown  Reason = "unknown"  // the source paused, jumped in time or sent no keyframe
)

// Name identifies a segment, or the mark at the end of a run, in every place: an object in the
// store, a file in the spool, a line of a playlist. It is comparable. Times are UTC in whole
// milliseconds.
type Name struct {
	Room, Stream string
	Start        time.Time
	Duration     time.Duration // zero while a segment is open, and for a mark
	Init         string        // 12 hex digits: the hash of the init segment that it needs
	Nonce        string        // 4 hex digits: separates runs that have the same init segment
	Seq          uint32        // counts the segments of a run from zero
	Reason       Reason        // empty for a segment; set for a mark
}

// MaxSegment is the longest duration of a segment. A reader of a time range must look for segments
// that start this much earlier.
const MaxSegment = 5 * time.Minute

const (
	mediaExt = "m4s"
	fileSep  = "~" // no name of a room or a stream contains it
)

var basePattern = regexp.MustCompile(`^(\d{1,15})-(\d{1,9})-([0-9a-f]{12})\.([0-9a-f]{4})-(\d{1,10})\.([a-z0-9]+)$`)

// Run names the run, a sequence of segments without a break: "<init>.<nonce>".
func (n Name) Run() string { return n.Init + "." + n.Nonce }

// End is the first instant after the segment.
func (n Name) End() time.Time { return n.Start.Add(n.Duration) }

// InitName names the init segment that n needs.
func (n Name) InitName() InitName { return InitName{n.Room, n.Stream, n.Init} }

// Base is the last element of n's key: "<startUnixMs>-<durationMs>-<run>-<seq>.m4s".
func (n Name) Base() string {
	ext := mediaExt
	if n.Reason != "" {
		ext = string(n.Reason)
	}
	return fmt.Sprintf("%d-%d-%s-%d.%s", n.Start.UnixMilli(), n.Duration.Milliseconds(), n.Run(), n.Seq, ext)
}

// ParseBase reads the format of Base.
func ParseBase(room, stream, base string) (Name, error) {
	if err := CheckNames(room, stream); err != nil {
		return Name{}, err
	}
	m := basePattern.FindStringSubmatch(base)
	if m == nil {
		return Name{}, fmt.Errorf("segment name %q: accepted <startUnixMs>-<durationMs>-<run>-<seq>.m4s", base)
	}
	n := Name{Room: room, Stream: stream, Init: m[3], Nonce: m[4], Reason: Reason(m[6])}
	start, _ := strconv.ParseInt(m[1], 10, 64)
	duration, _ := strconv.ParseInt(m[2], 10, 64)
	seq, _ := strconv.ParseUint(m[5], 10, 32)
	n.Start, n.Duration, n.Seq = time.UnixMilli(start).UTC(), time.Duration(duration)*time.Millisecond, uint32(seq)
	if m[6] == mediaExt {
		n.Reason = ""
	}
	if !n.Reason.valid() || n.Start.Year() > 9999 || n.Base() != base {
		return Name{}, fmt.Errorf("segment name %q: a number or the ending is out of range", base)
	}
	return n, nil
}

func (r Reason) valid() bool {
	switch r {
	case "", Stopped, Restart, Disk, Overload, Unknown:
		return true
	}
	return false
}

// Key is n's object key in the store.
func (n Name) Key() string { return HourPrefix(n.Room, n.Stream, n.Start) + n.Base() }

// ParseKey reads the format of Key.
func ParseKey(key string) (Name, error) {
	parts := strings.Split(key, "/")
	if len(parts) != 8 || parts[0] != "v1" {
		return Name{}, fmt.Errorf("key %q: accepted v1/<room>/<stream>/<YYYY>/<MM>/<DD>/<HH>/<name>", key)
	}
	n, err := ParseBase(parts[1], parts[2], parts[7])
	if err != nil {
		return Name{}, err
	}
	if n.Key() != key {
		return Name{}, fmt.Errorf("key %q: the folder is not the hour of its start", key)
	}
	return n, nil
}

// FileName is n's file name in the spool: "<room>~<stream>~<base>".
func (n Name) FileName() string { return strings.Join([]string{n.Room, n.Stream, n.Base()}, fileSep) }

// ParseFileName reads the format of FileName.
func ParseFileName(file string) (Name, error) {
	parts := strings.Split(file, fileSep)
	if len(parts) != 3 {
		return Name{}, fmt.Errorf("spool file %q: accepted <room>~<stream>~<name>", file)
	}
	return ParseBase(parts[0], parts[1], parts[2])
}
