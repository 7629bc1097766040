package room

import (
	"errors"
	"strings"
	"testing"

	"azulejo/signal/refusal"
)

func TestRoomNames(t *testing.T) {
	good := []string{"a", "yard", "Yard-2_b.c", "0", strings.Repeat("x", 64)}
	bad := []string{
		"", "-a", ".", "..", "_x", "a b", "a/b", "../etc", "hof-ü", "a\x00b", "a\nb", "%2e", "a?b", "마당",
		strings.Repeat("x", 65), "a\xff",
	}
	for _, name := range good {
		if err := CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range bad {
		err := CheckName(name)
		var e *refusal.Error
		if !errors.As(err, &e) || e.Code != CodeBadRoom || !strings.Contains(e.Error(), "accepted") {
			t.Errorf("%q: got %v; want a %s error that names what is accepted", name, err, CodeBadRoom)
		}
	}
}

func TestParticipantNames(t *testing.T) {
	for in, want := range map[string]string{
		"Ana": "Ana", "  Ana\t": "Ana", "김철수": "김철수", "Zoë Ø.": "Zoë Ø.", "a b": "a b", "می\u200cشود": "می\u200cشود", strings.Repeat("가", 128): strings.Repeat("가", 128),
	} {
		if got, err := cleanName(in, false); err != nil || got != want {
			t.Errorf("%q: got %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", "   ", "a\nb", "a\x00", "\xff", "a\u202eb", "a\tb", strings.Repeat("가", 129)} {
		var e *refusal.Error
		if got, err := cleanName(in, false); !errors.As(err, &e) || e.Code != CodeBadName {
			t.Errorf("%q: got %q, %v; want a %s error", in, got, err, CodeBadName)
		}
	}
	if got, err := cleanName(" ", true); got != "" || err != nil {
		t.Errorf("a viewer without a name: got %q, %v; want it accepted", got, err)
	}
}

func TestErrorsAreShort(t *testing.T) {
	if n := len(CheckName(strings.Repeat("\n", 1<<20)).Error()); n > 1000 {
		t.Errorf("the error about a long name has %d bytes", n)
	}
}

// TestLongCameraNames: the key of a camera contains its name, so it is longer than a client's key may be.
func TestLongCameraNames(t *testing.T) {
	name := strings.Repeat("💥", 100)
	j := Joining{Name: name, Key: "camera/" + name, Kind: Camera, Publish: Media{Video: true}}
	if got, err := j.clean("yard"); err != nil || got.Name != name {
		t.Errorf("got %q, %v", got.Name, err)
	}
	j.Kind = Peer
	var e *refusal.Error
	if _, err := j.clean("yard"); !errors.As(err, &e) || e.Code != CodeBadKey {
		t.Errorf("a client with the same key: %v; want %s", err, CodeBadKey)
	}
}
