package mixer

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of a name.
const (
	MaxNameLetters = 128 // code points
	MaxNameBytes   = 400
)

// maxRoomName is the largest number of bytes in the name of a room or a view.
const maxRoomName = 64

// Errors of the two rules for names.
var (
	// ErrName means that a text cannot be the name of a participant, a camera or a stream.
	ErrName = errors.New("accepted are 1 to 128 printable letters of any script, at most 400 bytes, without spaces around them")
	// ErrRoomName means that a text cannot be the name of a room or a view.
	ErrRoomName = errors.New("accepted are 1 to 64 ASCII letters, digits, '-', '_' and '.', the first a letter or digit")
)

// CheckName returns an error that wraps ErrName if s cannot be the name of a participant, a camera or a stream. The same rule
// holds in rooms, tokens, the configuration and footage. A name is valid UTF-8 and has something to see. It has no control
// characters, no line breaks, and no characters that change the direction of the text around them. Invisible characters that
// join letters and emoji are part of a name, such as U+200C and U+200D.
func CheckName(s string) error {
	switch {
	case !utf8.ValidString(s) || strings.ContainsFunc(s, refusedInNames):
		return fmt.Errorf("%q: %w", ClipName(s), ErrName)
	case len(s) > MaxNameBytes || utf8.RuneCountInString(s) > MaxNameLetters:
		return fmt.Errorf("%q has %d letters, %d bytes: %w", ClipName(s), utf8.RuneCountInString(s), len(s), ErrName)
	case strings.TrimSpace(s) != s || !strings.ContainsFunc(s, seen):
		return fmt.Errorf("%q: %w", s, ErrName)
	}
	return nil
}

// CheckRoomName returns an error that wraps ErrRoomName if s cannot be the name of a room or a view. Such names appear
// unescaped in URLs, object keys and file names.
func CheckRoomName(s string) error {
	ok := s != "" && len(s) <= maxRoomName && alphanumeric(rune(s[0]))
	for _, r := range s {
		ok = ok && (alphanumeric(r) || strings.ContainsRune("-_.", r))
	}
	if !ok {
		return fmt.Errorf("%q: %w", ClipName(s), ErrRoomName)
	}
	return nil
}

func alphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

// refusedInNames tells whether a name must not contain r: control characters, line and paragraph separators, the byte order
// mark, noncharacters, and the marks of bidirectional text that reach beyond the name (UAX #9, embeddings, overrides and
// isolates).
func refusedInNames(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Noncharacter_Code_Point) ||
		r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0xfeff
}

// seen tells whether r alone shows something. Spaces, marks and invisible characters do not.
func seen(r rune) bool { return !unicode.In(r, invisible()...) }

// invisible returns the classes of characters that show nothing alone.
func invisible() []*unicode.RangeTable {
	return []*unicode.RangeTable{unicode.Z, unicode.M, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point}
}

// ClipName shortens a text from outside for an error message.
func ClipName(s string) string {
	const most = 64 // letters
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}
