package footage

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func anyName() *rapid.Generator[Name] {
	word := rapid.OneOf(
		rapid.StringMatching(`[A-Za-z0-9_-][A-Za-z0-9_. -]{0,10}[A-Za-z0-9_.-]`),
		rapid.SampledFrom([]string{"main", "거실", "café", "init", "a", "2026", "x.y"}),
	)
	return rapid.Custom(func(t *rapid.T) Name {
		n := Name{
			Room: word.Draw(t, "room"), Stream: word.Draw(t, "stream"),
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

func TestCheckName(t *testing.T) {
	for _, s := range []string{"a", "yard", "Front gate", "거실 카메라 2", "a.b-c_d", strings.Repeat("x", 64)} {
		if err := CheckName(s); err != nil {
			t.Error(err)
		}
	}
	for _, s := range []string{"", ".", "..", ".a", " a", "a ", "a/b", `a\b`, "a~b", "a\nb", "a\xff", "a?b", "💥", strings.Repeat("x", 65)} {
		if err := CheckName(s); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", s, err)
		}
	}
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
