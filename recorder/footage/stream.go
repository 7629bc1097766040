package footage

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"azulejo/mixer"
)

// hourPath is the time layout of the hour in a key: year, month, day and hour.
const hourPath = "2006/01/02/15"

// RoomPrefix returns the start of all keys of a room.
func RoomPrefix(room string) string { return "v1/" + room + "/" }

// StreamPrefix returns the start of all keys of a stream.
func StreamPrefix(room, stream string) string { return RoomPrefix(room) + escape(stream) + "/" }

// HourPrefix returns the start of the keys of all segments and marks of a stream that start in the UTC hour
// of t.
func HourPrefix(room, stream string, t time.Time) string {
	return StreamPrefix(room, stream) + t.UTC().Format(hourPath) + "/"
}

// ErrName means that the name of a room or a stream is not valid. No footage with such a name can exist.
var ErrName = errors.New("name not accepted")

// CheckNames calls CheckRoom and CheckStream, and returns the first error.
func CheckNames(room, stream string) error {
	if err := CheckRoom(room); err != nil {
		return err
	}
	return CheckStream(stream)
}

// CheckRoom returns an error that wraps ErrName if s is not a valid name of a room, see [mixer.CheckRoomName]. The name appears
// unescaped in keys and file names.
func CheckRoom(s string) error {
	if err := mixer.CheckRoomName(s); err != nil {
		return fmt.Errorf("room %w: %w", ErrName, err)
	}
	return nil
}

// CheckStream returns an error that wraps ErrName if s is not a valid name of a stream, see [mixer.CheckName]. A stream has the
// name of a view or of a camera.
func CheckStream(s string) error {
	if err := mixer.CheckName(s); err != nil {
		return fmt.Errorf("stream %w: %w", ErrName, err)
	}
	return nil
}

// In keys and file names, the name of a stream is escaped. A byte of ASCII that is no letter, digit, "-", "_", "." or space
// becomes "%" and two hex digits, and so does a "." at the start. A long name is folded: it continues in a folder below the
// first one, because no element of a path may have more than 255 bytes. An element that ends with "~" continues in the next
// one. So the escaped name has a "~" or a "/" only where it is folded.
const (
	fold    = "~/"
	maxFold = 119 // bytes of an element; a file name also has a room (64), two "~" and a segment name of up to 70 bytes
)

// escape returns the form that a stream's name has in keys and file names. Names that need no escape stay as they are.
func escape(stream string) string {
	var out strings.Builder
	element := 0 // bytes of the last element
	for i := 0; i < len(stream); {
		_, size := utf8.DecodeRuneInString(stream[i:])
		text := stream[i : i+size]
		if unsafeInPath(text, i == 0) {
			text = fmt.Sprintf("%%%02X", text[0])
		}
		if element+len(text) > maxFold {
			out.WriteString(fold)
			element = 0
		}
		out.WriteString(text)
		element += len(text)
		i += size
	}
	return out.String()
}

// unsafeInPath tells whether a character must be escaped. first is true for the first character of a name.
func unsafeInPath(char string, first bool) bool {
	c := char[0]
	switch {
	case c >= utf8.RuneSelf, c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == ' ':
		return false
	case c == '.':
		return first
	}
	return true
}

// unescape parses the result of escape. It also parses texts that escape does not make, so the caller must compare.
func unescape(text string) (string, error) {
	name, err := url.PathUnescape(strings.ReplaceAll(text, fold, ""))
	if err != nil {
		return "", fmt.Errorf("stream %q: accepted are two hex digits after each %%", text)
	}
	return name, nil
}

// Folded tells whether folder, an element of a key after RoomPrefix, is only the first part of a stream's name. The rest is in
// the folders below it.
func Folded(folder string) bool { return strings.HasSuffix(folder, fold[:1]) }

// ParseStream parses the part of a key between RoomPrefix and the slash at the end of StreamPrefix.
func ParseStream(part string) (string, error) {
	name, err := unescape(part)
	if err == nil {
		err = CheckStream(name)
	}
	if err == nil && escape(name) != part {
		err = fmt.Errorf("stream %q: accepted is %q", part, escape(name))
	}
	return name, err
}
