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
	parts := strings.Split(key, "/")
	if len(parts) != 5 || parts[0] != "v1" || parts[3] != "init" {
		return InitName{}, fmt.Errorf("key %q: accepted v1/<room>/<stream>/init/<hash>.mp4", key)
	}
	return parseInit(parts[1], parts[2], parts[4])
}

// FileName returns the init segment's file name in the spool: "<room>~<stream>~<hash>.mp4".
func (n InitName) FileName() string {
	return strings.Join([]string{n.Room, n.Stream, n.Hash + initExt}, fileSep)
}

// ParseInitFileName parses the result of InitName.FileName.
func ParseInitFileName(file string) (InitName, error) {
	parts := strings.Split(file, fileSep)
	if len(parts) != 3 {
		return InitName{}, fmt.Errorf("spool file %q: accepted <room>~<stream>~<hash>.mp4", file)
	}
	return parseInit(parts[0], parts[1], parts[2])
}

// parseInit checks the names of the room and the stream, and parses file, which must be "<hash>.mp4".
func parseInit(room, stream, file string) (InitName, error) {
	if err := CheckNames(room, stream); err != nil {
		return InitName{}, err
	}
	hash, ok := strings.CutSuffix(file, initExt)
	if !ok || !hashPattern.MatchString(hash) {
		return InitName{}, fmt.Errorf("init segment %q: accepted 12 hex digits and .mp4", file)
	}
	return InitName{room, stream, hash}, nil
}
