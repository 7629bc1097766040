package room

import (
	"strings"

	"azulejo/mixer"
	"azulejo/signal/refusal"
)

const maxKey = 256 // bytes of a client's key

// CheckName tells whether a room may have this name, see [mixer.CheckRoomName]. The error is a [refusal.Error].
func CheckName(name string) error {
	if err := mixer.CheckRoomName(name); err != nil {
		return refusal.New(CodeBadRoom, "room %v", err)
	}
	return nil
}

// cleanName removes the spaces around a participant's name and checks the name, see [mixer.CheckName]. A viewer may have
// no name.
func cleanName(name string, viewer bool) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" && viewer {
		return name, nil
	}
	if err := mixer.CheckName(name); err != nil {
		return "", refusal.New(CodeBadName, "name %v", err)
	}
	return name, nil
}
