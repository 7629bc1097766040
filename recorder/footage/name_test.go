package footage

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"azulejo/mixer"
)

func anyName() *rapid.Generator[Name] {
	room := rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9_.-]{0,63}`)
	word := rapid.OneOf(
		rapid.StringMatching(`[A-Za-z0-9_-][A-Za-z0-9_. -]{0,10}[A-Za-z0-9_.-]`),
		rapid.SampledFrom([]string{"main", "거실", "café", "init", "a", "2026", "x.y"}),
	)
	hard := rapid.SampledFrom([]string{"a/b~c", "..", strings.Repeat("문", 128)})
	return rapid.Custom(func(t *rapid.T) Name {
		n := Name{
			Room: room.Draw(t, "room"), Stream: rapid.OneOf(word, hard).Draw(t, "stream"),
			Start: time.UnixMilli(rapid.Int64Range(0, 253402300799999).Draw(t, "start")).UTC(),
			Init:  rapid.StringMatching(`[0-9a-f]{12}`).Draw(t, "init"),
			Nonce: rapid.StringMatching(`[0-9a-f]{4}`).Draw(t, "nonce"),
			Seq:   rapid.Uint32().Draw(t, "seq"),
			Reason: rapid.SampledFrom([]Reason{"", "", Stopped, Restart, Disk, Overload, Unknown}).
				Draw(t, "reason"),
		}
		if n.Reason == "" {
			n.Duration = time.Duration(rapid.Int64Range(0, 999999999).Draw(t, "ms")) * time.Millisecond
		}
		return n
	})
}

func TestNameRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := anyName().Draw(t, "name")
		for text, parse := range map[string]func() (Name, error){
			n.Key():      func() (Name, error) { return ParseKey(n.Key()) },
			n.Base():     func() (Name, error) { return ParseBase(n.Room, n.Stream, n.Base()) },
			n.FileName(): func() (Name, error) { return ParseFileName(n.FileName()) },
		} {
			if got, err := parse(); err != nil || got != n {
				t.Fatalf("%s: %+v, %v", text, got, err)
			}
		}
		in := n.InitName()
		if got, err := ParseInitKey(in.Key()); err != nil || got != in {
			t.Fatalf("%s: %+v, %v", in.Key(), got, err)
		}
		if got, err := ParseInitFileName(in.FileName()); err != nil || got != in {
			t.Fatalf("%s: %+v, %v", in.FileName(), got, err)
		}
	})
}

func TestKeysSortByTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyName().Draw(t, "a"), anyName().Draw(t, "b")
		b.Room, b.Stream = a.Room, a.Stream
		// Hours sort by their folders. Within an hour the start times have the same number of
		// digits, except in 1970 and 2001: 40 years later avoids both.
		a.Start, b.Start = a.Start.Add(40*365*24*time.Hour), b.Start.Add(40*365*24*time.Hour)
		if a.Start.Year() > 9999 || b.Start.Year() > 9999 {
			return
		}
		if a.Start.Before(b.Start) && a.Key() >= b.Key() {
			t.Fatalf("%s >= %s", a.Key(), b.Key())
		}
	})
}

func TestKeyText(t *testing.T) {
	n := Name{
		Room: "yard", Stream: "main", Start: time.UnixMilli(1772366404000).UTC(), Duration: 4 * time.Second,
		Init: "0123456789ab", Nonce: "beef", Seq: 17,
	}
	if want := "v1/yard/main/2026/03/01/12/1772366404000-4000-0123456789ab.beef-17.m4s"; n.Key() != want {
		t.Errorf("got %s", n.Key())
	}
	if want := "v1/yard/main/init/0123456789ab.mp4"; n.InitName().Key() != want {
		t.Errorf("got %s", n.InitName().Key())
	}
	n.Reason, n.Duration = Restart, 0
	if want := "1772366404000-0-0123456789ab.beef-17.restart"; n.Base() != want {
		t.Errorf("got %s", n.Base())
	}
}

func TestParseRefuses(t *testing.T) {
	const good = "v1/yard/main/2026/03/01/12/1772366404000-4000-0123456789ab.beef-17.m4s"
	if _, err := ParseKey(good); err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{"v1", "v2"},
		{"yard", ""},
		{"yard", ".."},
		{"yard", "a~b"},
		{"main", "a/b"},
		{"main", "a\x00"},
		{"/12/", "/13/"},
		{"/12/", "/"},
		{"-4000", "-04000"},
		{"1772366404000", "01772366404000"},
		{"1772366404000", "999999999999999"},
		{"1772366404000", "-1"},
		{"-17.", "-4294967296."},
		{"-17.", "-017."},
		{"beef", "BEEF"},
		{"0123456789ab", "0123456789a"},
		{"m4s", "mp4"},
		{"m4s", "because"},
		{".m4s", ""},
		{".m4s", ".m4s "},
	} {
		if n, err := ParseKey(strings.Replace(good, change[0], change[1], 1)); err == nil {
			t.Errorf("%q is read as %+v", change, n)
		}
	}
	for _, key := range []string{"", "v1/yard/main/init/0123456789ab.m4s", "v1/yard/main/init/../x.mp4", "v1/yard/main/init/0123456789AB.mp4"} {
		if n, err := ParseInitKey(key); err == nil {
			t.Errorf("%q is read as %+v", key, n)
		}
	}
}

func TestCheckNames(t *testing.T) {
	for _, s := range []string{"a", "yard", "Front gate", "거실 카메라 2", "a.b-c_d", "a/b", `a\b`, "a~b", "💥", ".", "..", strings.Repeat("가", 128)} {
		if err := CheckStream(s); err != nil {
			t.Error(err)
		}
	}
	for _, s := range []string{"", " a", "a ", "a\nb", "a\tb", "a\xff", strings.Repeat("x", 129)} {
		if err := CheckStream(s); !errors.Is(err, ErrName) {
			t.Errorf("stream %q: %v", s, err)
		}
	}
	refused := []string{"", ".", "..", ".a", " a", "a ", "a/b", `a\b`, "a~b", "a\nb", "a\xff", "a?b", "💥", strings.Repeat("x", 65)}
	for _, s := range append(refused, "거실", "café", "Front gate", "_a", "-a") {
		if err := CheckRoom(s); !errors.Is(err, ErrName) || !errors.Is(err, mixer.ErrRoomName) {
			t.Errorf("room %q: %v", s, err)
		}
	}
	for _, s := range []string{"a", "yard", "7", "a.b-c_d", strings.Repeat("x", 64)} {
		if err := CheckRoom(s); err != nil {
			t.Error(err)
		}
	}
}

// TestNamesAreEscaped: the text of an escaped name is fixed, because footage with it exists.
func TestNamesAreEscaped(t *testing.T) {
	for stream, want := range map[string]string{
		"main": "main", "Front gate": "Front gate", "거실 카메라 2": "거실 카메라 2", "a.b-c_d.": "a.b-c_d.", "Gate/North": "Gate%2FNorth",
		"..": "%2E.", ".a": "%2Ea", "50%": "50%25", "a~b": "a%7Eb", `a\b`: "a%5Cb", "می\u200cشود": "می\u200cشود",
		strings.Repeat("x", 120): strings.Repeat("x", 119) + "~/x",
		strings.Repeat("/", 41):  strings.Repeat("%2F", 39) + "~/%2F%2F",
		strings.Repeat("가", 41):  strings.Repeat("가", 39) + "~/가가",
	} {
		if got := escape(stream); got != want {
			t.Errorf("%q: %q, want %q", stream, got, want)
		}
		if got, err := ParseStream(want); err != nil || got != stream {
			t.Errorf("%q is read as %q, %v", want, got, err)
		}
	}
	for _, part := range []string{"", "a/b", "a%2fb", "%41", "a%", "a~", "a~/b", "..", "a%0Ab", "a%2"} {
		if got, err := ParseStream(part); err == nil {
			t.Errorf("%q is read as %q", part, got)
		}
	}
}

// FuzzNames: every name of a stream makes keys and paths that are safe, short enough, and read back.
func FuzzNames(f *testing.F) {
	for _, s := range []string{"main", "Gate/North", "..", "~/", "%2F", strings.Repeat("👨‍👩‍👧", 18), strings.Repeat("/", 128), strings.Repeat("한", 128)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, stream string) {
		if CheckStream(stream) != nil {
			return
		}
		n := Name{
			Room: strings.Repeat("r", 64), Stream: stream, Start: time.UnixMilli(253402300799999).UTC(), Duration: 999999999 * time.Millisecond,
			Init: "0123456789ab", Nonce: "beef", Seq: 1<<32 - 1, Reason: Overload,
		}
		got, err := ParseKey(n.Key())
		file, errFile := ParseFileName(n.FileName())
		init, errInit := ParseInitFileName(n.InitName().FileName())
		if errors.Join(err, errFile, errInit) != nil || got != n || file != n || init != n.InitName() {
			t.Fatalf("%q: %v, %v, %v", stream, err, errFile, errInit)
		}
		if len(n.Key()) > 1024 {
			t.Errorf("%q: the key has %d bytes", stream, len(n.Key()))
		}
		for _, path := range []string{n.Key(), n.FileName(), n.InitName().FileName() + ".tmp"} {
			for element := range strings.SplitSeq(path, "/") {
				if len(element) > 255 || element == "" || element[0] == '.' || !utf8.ValidString(element) || strings.ContainsAny(element, "\\\x00\n") {
					t.Errorf("%q: unsafe element %q", stream, element)
				}
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("v1/yard/main/2026/03/01/12/1772366404000-4000-0123456789ab.beef-17.m4s")
	f.Add("v1/yard/main/init/0123456789ab.mp4")
	f.Fuzz(func(t *testing.T, key string) {
		if n, err := ParseKey(key); err == nil && n.Key() != key {
			t.Errorf("%q is read as %+v", key, n)
		}
		if n, err := ParseInitKey(key); err == nil && n.Key() != key {
			t.Errorf("%q is read as %+v", key, n)
		}
		if strings.Contains(key, "..") && slices.Contains(strings.Split(key, "/"), "..") {
			if _, err := ParseKey(key); err == nil {
				t.Errorf("%q is accepted", key)
			}
		}
	})
}
