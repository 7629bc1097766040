package footage

import (
	"fmt"
	"regexp"
	"strings"
)

// InitName identifies an init segment.
type InitName struct {
	Room, Stream string
	Hash         string // the first 12 hex digits of the init segment's SHA-256
}

const initExt = ".mp4"

var hashPattern = regexp.MustCompile(`^[0-9a-f]{12}$`)

// Key returns the init segment's object key in the store.
func (n InitName) Key() string { return StreamPrefix(n.Room, n.Stream) + "init/" + n.Hash + initExt }

// ParseInitKey parses the result of InitName.Key.
func ParseInitKey(key string) (InitName, error) {
	parts := strings.Split(strings.ReplaceAll(key, fold, ""), "/")
	if len(parts) != 5 || parts[0] != "v1" || parts[3] != "init" {
		return InitName{}, fmt.Errorf("key %q: accepted v1/<room>/<stream>/init/<hash>.mp4", key)
	}
	n, err := parseInit(parts[1], parts[2], parts[4])
	if err == nil && n.Key() != key {
		return InitName{}, fmt.Errorf("key %q: accepted is %q", key, n.Key())
	}
	return n, err
}

// FileName returns the init segment's file name in the spool: "<room>~<stream>~<hash>.mp4", with the escaped name
// of the stream. A long name makes it a path below the spool's folder.
func (n InitName) FileName() string {
	return strings.Join([]string{n.Room, escape(n.Stream), n.Hash + initExt}, fileSep)
}

// ParseInitFileName parses the result of InitName.FileName.
func ParseInitFileName(file string) (InitName, error) {
	parts := strings.Split(strings.ReplaceAll(file, fold, ""), fileSep)
	if len(parts) != 3 {
		return InitName{}, fmt.Errorf("spool file %q: accepted <room>~<stream>~<hash>.mp4", file)
	}
	n, err := parseInit(parts[0], parts[1], parts[2])
	if err == nil && n.FileName() != file {
		return InitName{}, fmt.Errorf("spool file %q: accepted is %q", file, n.FileName())
	}
	return n, err
}

// parseInit checks the names of the room and the stream, and parses file, which must be "<hash>.mp4". The stream is escaped.
func parseInit(room, escaped, file string) (InitName, error) {
	stream, err := unescape(escaped)
	if err == nil {
		err = CheckNames(room, stream)
	}
	if err != nil {
		return InitName{}, err
	}
	hash, ok := strings.CutSuffix(file, initExt)
	if !ok || !hashPattern.MatchString(hash) {
		return InitName{}, fmt.Errorf("init segment %q: accepted 12 hex digits and .mp4", file)
	}
	return InitName{room, stream, hash}, nil
}
