package room

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"azulejo/signal/refusal"
)

const (
	maxName = 64  // characters in the name of a room, a view or a participant
	maxKey  = 256 // bytes in Joining.Key

	acceptedNames = "1 to 64 ASCII letters, digits, '-', '_' and '.', the first a letter or digit"
)

// CheckName returns a [refusal.Error] if no room may have this name. Names appear unescaped in URLs, object keys and file
// names.
func CheckName(name string) error {
	if validName(name) {
		return nil
	}
	return refusal.New(CodeBadRoom, "room %q: accepted are %s", clip(name), acceptedNames)
}

// validName tells whether a room or a view may have this name.
func validName(name string) bool {
	if name == "" || len(name) > maxName || !alphanumeric(name[0]) {
		return false
	}
	for i := range len(name) {
		if c := name[i]; !alphanumeric(c) && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// cleanName trims and checks the name of a member. The name of a viewer may be empty. The error is a [refusal.Error].
func cleanName(name string, viewer bool) (string, error) {
	name = strings.TrimSpace(name)
	n := utf8.RuneCountInString(name)
	unprintable := strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
	if !utf8.ValidString(name) || n > maxName || unprintable || (n == 0 && !viewer) {
		return "", refusal.New(CodeBadName, "name %q: accepted are 1 to %d printable letters of any script", clip(name), maxName)
	}
	return name, nil
}

// clip shortens a client's text for an error message.
func clip(s string) string {
	if utf8.RuneCountInString(s) <= maxName {
		return s
	}
	return string([]rune(s)[:maxName]) + "…"
}
