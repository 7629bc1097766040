package spool

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Reason says why a run ended. It is the extension of the mark that is kept where the run ends.
type Reason string

// The reasons a timeline may give for a gap.
const (
	Stopped  Reason = "stopped"  // somebody ended the recording
	Restart  Reason = "restart"  // the process ended without finishing the segment
	Disk     Reason = "disk"     // the spool could not be written
	Overload Reason = "overload" // the writer fell behind its queue
	Unknown  Reason = "unknown"  // the source paused, jumped or sent no keyframe
)

// Name identifies a segment, or the mark at the end of a run, wherever it lies: an object in the
// store, a file in the spool, a line of a playlist. It is comparable; times are UTC in whole
// milliseconds.
type Name struct {
	Room, Stream string
	Start        time.Time
	Duration     time.Duration // zero while a segment is open, and for a mark
	Init         string        // 12 hex digits: the hash of the init segment it needs
	Nonce        string        // 4 hex digits: tells runs with the same init apart
	Seq          uint32        // counts the segments of a run from zero
	Reason       Reason        // empty for a segment; otherwise this is a mark
}

// InitName identifies an init segment.
type InitName struct {
	Room, Stream string
	Hash         string // 12 hex digits
}

// MaxSegment is the longest a segment may last. A reader of a time range must look for segments
// that start this much earlier.
const MaxSegment = 5 * time.Minute

const (
	mediaExt = "m4s"
	localSep = "~" // never part of a room's or a stream's name
	hourPath = "2006/01/02/15"
)

var (
	basePattern = regexp.MustCompile(`^(\d{1,15})-(\d{1,9})-([0-9a-f]{12})\.([0-9a-f]{4})-(\d{1,10})\.([a-z0-9]+)$`)
	hashPattern = regexp.MustCompile(`^[0-9a-f]{12}$`)
)

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

// Key is n's object key in the store.
func (n Name) Key() string { return HourPrefix(n.Room, n.Stream, n.Start) + n.Base() }

// local is n's file name in open/ and ready/.
func (n Name) local() string { return strings.Join([]string{n.Room, n.Stream, n.Base()}, localSep) }

// ParseBase reads what Base wrote.
func ParseBase(room, stream, base string) (Name, error) {
	if err := checkNames(room, stream); err != nil {
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

// ParseKey reads what Key wrote.
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

func parseLocal(file string) (Name, error) {
	parts := strings.Split(file, localSep)
	if len(parts) != 3 {
		return Name{}, fmt.Errorf("spool file %q: accepted <room>~<stream>~<name>", file)
	}
	return ParseBase(parts[0], parts[1], parts[2])
}

// Key is the init segment's object key in the store.
func (n InitName) Key() string { return StreamPrefix(n.Room, n.Stream) + "init/" + n.Hash + ".mp4" }

func (n InitName) local() string {
	return strings.Join([]string{n.Room, n.Stream, n.Hash + ".mp4"}, localSep)
}

// ParseInitKey reads what InitName.Key wrote.
func ParseInitKey(key string) (InitName, error) {
	parts := strings.Split(key, "/")
	if len(parts) != 5 || parts[0] != "v1" || parts[3] != "init" {
		return InitName{}, fmt.Errorf("key %q: accepted v1/<room>/<stream>/init/<hash>.mp4", key)
	}
	return newInitName(parts[1], parts[2], parts[4])
}

func parseInitLocal(file string) (InitName, error) {
	parts := strings.Split(file, localSep)
	if len(parts) != 3 {
		return InitName{}, fmt.Errorf("spool file %q: accepted <room>~<stream>~<hash>.mp4", file)
	}
	return newInitName(parts[0], parts[1], parts[2])
}

func newInitName(room, stream, file string) (InitName, error) {
	if err := checkNames(room, stream); err != nil {
		return InitName{}, err
	}
	hash, ok := strings.CutSuffix(file, ".mp4")
	if !ok || !hashPattern.MatchString(hash) {
		return InitName{}, fmt.Errorf("init segment %q: accepted 12 hex digits and .mp4", file)
	}
	return InitName{room, stream, hash}, nil
}

// RoomPrefix is what the keys of a room begin with.
func RoomPrefix(room string) string { return "v1/" + room + "/" }

// StreamPrefix is what the keys of a stream begin with.
func StreamPrefix(room, stream string) string { return RoomPrefix(room) + stream + "/" }

// HourPrefix is what the keys of segments begin with that start in the (UTC) hour of t.
func HourPrefix(room, stream string, t time.Time) string {
	return StreamPrefix(room, stream) + t.UTC().Format(hourPath) + "/"
}

func checkNames(room, stream string) error {
	if err := CheckName(room); err != nil {
		return fmt.Errorf("room %w", err)
	}
	if err := CheckName(stream); err != nil {
		return fmt.Errorf("stream %w", err)
	}
	return nil
}

// ErrName is what is wrong with a name that CheckName refuses, wherever it is passed on from here:
// nothing of that name can exist.
var ErrName = errors.New("name not accepted")

// CheckName tells whether s can name a room or a stream in keys and files: 1 to 64 bytes of
// letters and digits of any script, and "-", "_", "." or space inside. The error is ErrName.
func CheckName(s string) error {
	ok := s != "" && len(s) <= 64 && utf8.ValidString(s) && s[0] != '.' && strings.TrimSpace(s) == s
	for _, r := range s {
		ok = ok && (unicode.In(r, unicode.L, unicode.M, unicode.N) || strings.ContainsRune("-_. ", r))
	}
	if !ok {
		return fmt.Errorf("%w: %q is not 1 to 64 bytes of letters, digits, - _ . and inner spaces", ErrName, s)
	}
	return nil
}
