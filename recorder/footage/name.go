// Package footage formats and parses the names of segments, marks and init segments: their object keys in
// the store and their file names in the spool. The recorder, the spool, the index, playback and web use it.
// The package has no state, so all functions may be called concurrently.
package footage

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Reason says why a run ended. A mark's name has the reason as its extension.
type Reason string

// The reasons for the end of a run. A timeline shows them as the reasons for gaps.
const (
	Stopped  Reason = "stopped"  // the recording was closed
	Restart  Reason = "restart"  // the process ended before it finished the segment
	Disk     Reason = "disk"     // the spool could not be written
	Overload Reason = "overload" // the queue of packets for the disk was full
	Unknown  Reason = "unknown"  // the source caused it: the video paused, its time jumped, or no keyframe came for too long
)

// Name identifies a segment or a mark. Its methods format the key in the store, the file name in the spool
// and the address in a playlist. Names can be compared with ==. Times are UTC in whole milliseconds.
type Name struct {
	Room, Stream string
	Start        time.Time     // start of the segment; for a mark: when its run ended
	Duration     time.Duration // zero for a segment that is still being written, and for a mark
	Init         string        // 12 hex digits: the hash of the run's init segment
	Nonce        string        // 4 hex digits that distinguish runs with the same init segment
	Seq          uint32        // number of the segment in its run, from zero; for a mark: the last segment's number plus one
	Reason       Reason        // empty for a segment; set for a mark
}

// MaxSegment is the longest duration of a segment. A segment that overlaps a time range may therefore start
// up to MaxSegment before the range.
const MaxSegment = 5 * time.Minute

const (
	mediaExt = "m4s"
	fileSep  = "~" // neither a room's name nor an escaped name of a stream contains it
)

var basePattern = regexp.MustCompile(`^(\d{1,15})-(\d{1,9})-([0-9a-f]{12})\.([0-9a-f]{4})-(\d{1,10})\.([a-z0-9]+)$`)

// Run returns the name of n's run: "<init>.<nonce>".
func (n Name) Run() string { return n.Init + "." + n.Nonce }

// End returns the first instant after the segment.
func (n Name) End() time.Time { return n.Start.Add(n.Duration) }

// InitName returns the name of n's init segment.
func (n Name) InitName() InitName { return InitName{n.Room, n.Stream, n.Init} }

// Base returns the last element of n's key: "<startUnixMs>-<durationMs>-<run>-<seq>.m4s". A mark has its
// reason as the extension instead of m4s.
func (n Name) Base() string {
	ext := mediaExt
	if n.Reason != "" {
		ext = string(n.Reason)
	}
	return fmt.Sprintf("%d-%d-%s-%d.%s", n.Start.UnixMilli(), n.Duration.Milliseconds(), n.Run(), n.Seq, ext)
}

// ParseBase parses the result of Base.
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

// Key returns n's object key in the store.
func (n Name) Key() string { return HourPrefix(n.Room, n.Stream, n.Start) + n.Base() }

// ParseKey parses the result of Key.
func ParseKey(key string) (Name, error) {
	parts := strings.Split(strings.ReplaceAll(key, fold, ""), "/")
	if len(parts) != 8 || parts[0] != "v1" {
		return Name{}, fmt.Errorf("key %q: accepted v1/<room>/<stream>/<YYYY>/<MM>/<DD>/<HH>/<name>", key)
	}
	n, err := parseEscaped(parts[1], parts[2], parts[7])
	if err == nil && n.Key() != key {
		return Name{}, fmt.Errorf("key %q: accepted is %q", key, n.Key())
	}
	return n, err
}

// FileName returns n's file name in the spool: "<room>~<stream>~<base>", with the escaped name of the stream. A long name makes
// it a path below the spool's folder.
func (n Name) FileName() string {
	return strings.Join([]string{n.Room, escape(n.Stream), n.Base()}, fileSep)
}

// ParseFileName parses the result of FileName.
func ParseFileName(file string) (Name, error) {
	parts := strings.Split(strings.ReplaceAll(file, fold, ""), fileSep)
	if len(parts) != 3 {
		return Name{}, fmt.Errorf("spool file %q: accepted <room>~<stream>~<name>", file)
	}
	n, err := parseEscaped(parts[0], parts[1], parts[2])
	if err == nil && n.FileName() != file {
		return Name{}, fmt.Errorf("spool file %q: accepted is %q", file, n.FileName())
	}
	return n, err
}

// parseEscaped is ParseBase for an escaped name of a stream.
func parseEscaped(room, escaped, base string) (Name, error) {
	stream, err := unescape(escaped)
	if err != nil {
		return Name{}, err
	}
	return ParseBase(room, stream, base)
}
