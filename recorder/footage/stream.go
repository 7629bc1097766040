package footage

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const hourPath = "2006/01/02/15"

// RoomPrefix stands at the start of all keys of a room.
func RoomPrefix(room string) string { return "v1/" + room + "/" }

// StreamPrefix stands at the start of all keys of a stream.
func StreamPrefix(room, stream string) string { return RoomPrefix(room) + stream + "/" }

// HourPrefix stands at the start of the keys of all segments that start in the UTC hour of t.
func HourPrefix(room, stream string, t time.Time) string {
	return StreamPrefix(room, stream) + t.UTC().Format(hourPath) + "/"
}

// ErrName is the error for the name of a room or a stream that CheckName does not accept. No footage
// of such a name can exist.
var ErrName = errors.New("name not accepted")

// CheckNames applies CheckName to a room and a stream.
func CheckNames(room, stream string) error {
	if err := CheckName(room); err != nil {
		return fmt.Errorf("room %w", err)
	}
	if err := CheckName(stream); err != nil {
		return fmt.Errorf("stream %w", err)
	}
	return nil
}

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
