package footage

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// hourPath is the time layout of the hour in a key: year, month, day and hour.
const hourPath = "2006/01/02/15"

// RoomPrefix returns the start of all keys of a room.
func RoomPrefix(room string) string { return "v1/" + room + "/" }

// StreamPrefix returns the start of all keys of a stream.
func StreamPrefix(room, stream string) string { return RoomPrefix(room) + stream + "/" }

// HourPrefix returns the start of the keys of all segments and marks of a stream that start in the UTC hour
// of t.
func HourPrefix(room, stream string, t time.Time) string {
	return StreamPrefix(room, stream) + t.UTC().Format(hourPath) + "/"
}

// ErrName means that the name of a room or a stream is not valid. No footage with such a name can exist.
var ErrName = errors.New("name not accepted")

// CheckNames calls CheckName for the names of a room and a stream, and returns the first error.
func CheckNames(room, stream string) error {
	if err := CheckName(room); err != nil {
		return fmt.Errorf("room %w", err)
	}
	if err := CheckName(stream); err != nil {
		return fmt.Errorf("stream %w", err)
	}
	return nil
}

// CheckName returns an error that wraps ErrName if s is not a valid name of a room or a stream. A valid name
// is 1 to 64 bytes of UTF-8: letters, combining marks and numbers of any script, "-", "_", "." and spaces.
// It does not start with ".", and neither starts nor ends with a space.
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
