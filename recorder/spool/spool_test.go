package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"azulejo/recorder/fmp4"
	"azulejo/recorder/footage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var t0 = time.UnixMilli(1772366404000).UTC()

func segment(at time.Duration, seq uint32) footage.Name {
	return footage.Name{Room: "yard", Stream: "main", Start: t0.Add(at), Init: "0123456789ab", Nonce: "beef", Seq: seq}
}

func open(t testing.TB, dir string) *Spool {
	t.Helper()
	s, err := Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// part is a part with one sample of that size (1 or more), which ends so many seconds after t0.
func part(t interface{ Fatal(...any) }, end, size int) []byte {
	until := fmp4.Ticks(t0, fmp4.VideoRate) + int64(end)*fmp4.VideoRate
	sample := fmp4.Sample{Time: until - fmp4.VideoRate, Data: make([]byte, size), Key: true}
	b, err := fmp4.MarshalPart(1, []fmp4.Sample{sample}, nil, until)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, s *Spool, n footage.Name, parts ...[]byte) *File {
	t.Helper()
	f, err := s.Create(n, []byte("init"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range parts {
		if err := f.Append(p); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func tree(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && e.Name() != "lock" {
			rel, _ := filepath.Rel(dir, path)
			out = append(out, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func wantTree(t *testing.T, dir string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

const (
	initFile = "init/yard~main~0123456789ab.mp4"
	openFile = "open/yard~main~1772366404000-0-0123456789ab.beef-0.m4s"
	doneFile = "ready/yard~main~1772366404000-4000-0123456789ab.beef-0.m4s"
)

func TestLifeOfASegment(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	f := write(t, s, segment(0, 0), part(t, 1, 10), part(t, 4, 10))
	wantTree(t, dir, initFile, openFile)
	if len(s.Ready()) != 0 {
		t.Error("an open segment is ready")
	}
	if err := f.Finish(t0.Add(4 * time.Second)); err != nil {
		t.Fatal(err)
	}
	wantTree(t, dir, initFile, doneFile)
	next := write(t, s, segment(4*time.Second, 1), part(t, 8, 10))
	if err := next.Finish(t0.Add(8 * time.Second)); err != nil {
		t.Fatal(err)
	}

	size := len(part(t, 1, 10))
	ready := s.List("yard", "main")
	if len(ready) != 2 || ready[0].Bytes != int64(2*size) || ready[0].Duration != 4*time.Second || ready[1].Start != ready[0].End() {
		t.Errorf("%+v", ready)
	}
	if u := s.Usage(); u != (Usage{2, int64(3 * size), t0}) {
		t.Errorf("%+v", u)
	}
	if diff := cmp.Diff([]string{"main"}, s.Streams("yard")); diff != "" {
		t.Error(diff)
	}
	for _, key := range []string{ready[0].Key(), ready[0].InitName().Key()} {
		f, err := s.Open(key)
		if err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
	}
	for i, e := range ready {
		if _, err := s.Open(e.InitName().Key()); err != nil {
			t.Errorf("init segment gone before segment %d: %v", i, err)
		}
		for range 2 { // removing again is harmless
			if err := s.Remove(e.Name); err != nil {
				t.Error(err)
			}
		}
	}
	wantTree(t, dir)
	for _, key := range []string{ready[0].Key(), ready[0].InitName().Key(), "nonsense", "../../etc/passwd"} {
		if _, err := s.Open(key); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("open %s: %v", key, err)
		}
	}
}

// TestLongNames: the files of a camera with a long name lie in folders. They survive a crash like all others.
func TestLongNames(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	n, whole := segment(0, 1), segment(-4*time.Second, 0)
	n.Stream = strings.Repeat("문", 128)
	whole.Stream = n.Stream
	if err := write(t, s, whole, part(t, 0, 1)).Finish(t0); err != nil {
		t.Fatal(err)
	}
	crashed := write(t, s, n, part(t, 4, 1))
	if err := errors.Join(s.Close(), crashed.file.Close()); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if err := s.Recover(); err != nil {
		t.Fatal(err)
	}
	got := s.List("yard", n.Stream)
	if len(got) != 3 || got[2].Reason != footage.Restart {
		t.Fatalf("%+v; want two segments and a mark", got)
	}
	for _, e := range got {
		f, err := s.Open(e.Key())
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Close(), s.Remove(e.Name)); err != nil {
			t.Error(err)
		}
	}
	wantTree(t, dir)
}

func TestOneProcessOnly(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := Open(dir, slog.Default()); !errors.Is(err, ErrInUse) {
		t.Errorf("second open: %v", err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	open(t, dir)
}

func TestOpenListsTheFolder(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := write(t, s, segment(4*time.Second, 1), part(t, 8, 1)).Finish(t0.Add(8 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := write(t, s, segment(0, 0), part(t, 4, 1)).Finish(t0.Add(4 * time.Second)); err != nil {
		t.Fatal(err)
	}
	mark := segment(8*time.Second, 2)
	mark.Reason = footage.Stopped
	if err := s.Mark(mark); err != nil {
		t.Fatal(err)
	}
	want := s.Ready()
	for _, stray := range []string{"init/yard~main~ba9876543210.mp4", "init/yard~main~0123456789ab.mp4.tmp", "ready/notes.txt", "open/x"} {
		if err := os.WriteFile(filepath.Join(dir, stray), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	s = open(t, dir)
	if diff := cmp.Diff(want, s.Ready()); diff != "" || len(want) != 3 || want[0].Seq != 0 || want[2].Reason != footage.Stopped {
		t.Errorf("%+v\n%s", want, diff)
	}
	if err := s.Recover(); err != nil {
		t.Error(err)
	}
	for _, stray := range []string{"init/yard~main~ba9876543210.mp4", "init/yard~main~0123456789ab.mp4.tmp"} {
		if _, err := os.Stat(filepath.Join(dir, stray)); !os.IsNotExist(err) {
			t.Errorf("%s: %v", stray, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "ready/notes.txt")); err != nil {
		t.Errorf("a foreign file is gone: %v", err)
	}
	for _, e := range want {
		if err := s.Remove(e.Name); err != nil {
			t.Error(err)
		}
	}
	wantTree(t, dir, "open/x", "ready/notes.txt")
}

// Recover cuts a segment of any length after its last whole part, with any garbage after it.
func TestRecover(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		var all []byte
		var ends []int
		for i := range rapid.IntRange(0, 4).Draw(rt, "parts") {
			all = append(all, part(rt, i+1, rapid.IntRange(1, 30).Draw(rt, "size"))...)
			ends = append(ends, len(all))
		}
		whole := rapid.IntRange(0, len(all)).Draw(rt, "length")
		body := append(all[:whole:whole], rapid.SampledFrom([]string{
			"", "\x00\x00\x00", "\x00\x00\x00\x00\x00\x00\x00\x00\x00", "\x00\x00\x00\x09moof",
			"\x00\x00\x00\x09moof\x00\x00\x00\x00\x08mdat", "\x00\x00\x00\x01moof\xff\xff\xff\xff\xff\xff\xff\xff",
			"\x00\x00\x00\x08mdat", "\xff\xff\xff\xffmoofxxxxxxxx",
		}).Draw(rt, "garbage")...)
		keep, parts := 0, 0 // bytes, parts
		for i, end := range ends {
			if end <= whole {
				keep, parts = end, i+1
			}
		}
		if whole != keep && len(body) > whole { // garbage could complete the torn part
			body = body[:whole]
		}

		s, err := Open(dir, slog.New(slog.DiscardHandler))
		if err != nil {
			rt.Fatal(err)
		}
		f, err := s.Create(segment(0, 3), []byte("init"))
		if err != nil {
			rt.Fatal(err)
		}
		if err = errors.Join(f.Append(body), s.Close(), f.file.Close()); err != nil { // as after a crash
			rt.Fatal(err)
		}
		if s, err = Open(dir, slog.New(slog.DiscardHandler)); err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		if err := s.Recover(); err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(wantRecovered(parts, keep), s.Ready()); diff != "" {
			rt.Fatalf("(-want +got):\n%s", diff)
		}
		if left, _ := os.ReadDir(filepath.Join(dir, "open")); len(left) > 0 {
			rt.Fatalf("left in open/: %v", left)
		}
		if left, _ := os.ReadDir(filepath.Join(dir, "init")); len(left) != min(parts, 1) {
			rt.Fatalf("init segments for %d parts: %v", parts, left)
		}
	})
}

func wantRecovered(parts, bytes int) []Entry {
	mark := segment(time.Duration(parts)*time.Second, 3)
	mark.Reason = footage.Restart
	if parts == 0 {
		return []Entry{{Name: mark}}
	}
	mark.Seq++
	n := segment(0, 3)
	n.Duration = time.Duration(parts) * time.Second
	return []Entry{{n, int64(bytes)}, {Name: mark}}
}

func TestAbandonedIsRecovered(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	write(t, s, segment(0, 0), part(t, 4, 5), []byte("torn")).Abandon(footage.Disk)
	if err := s.Recover(); err != nil {
		t.Fatal(err)
	}
	ready := s.Ready()
	if len(ready) != 2 || ready[0].Duration != 4*time.Second || ready[1].Reason != footage.Disk {
		t.Errorf("%+v", ready)
	}
	wantTree(t, dir, initFile, doneFile, "ready/yard~main~1772366408000-0-0123456789ab.beef-1.disk")
}

// A segment that cannot be repaired now stays. A later Recover repairs it.
func TestRecoverTriesAgain(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	write(t, s, segment(0, 0), part(t, 4, 5)).Abandon(footage.Disk)
	away := filepath.Join(dir, "away")
	if err := os.Rename(filepath.Join(dir, "ready"), away); err != nil {
		t.Fatal(err)
	}
	if err := s.Recover(); err == nil {
		t.Error("repaired into a folder that is not there")
	}
	if err := os.Rename(away, filepath.Join(dir, "ready")); err != nil {
		t.Fatal(err)
	}
	if err := s.Recover(); err != nil {
		t.Fatal(err)
	}
	wantTree(t, dir, initFile, doneFile, "ready/yard~main~1772366408000-0-0123456789ab.beef-1.disk")
}

func TestCreateFails(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	bad := segment(0, 0)
	bad.Room = "../x"
	if _, err := s.Create(bad, nil); err == nil {
		t.Error("a bad room is accepted")
	}
	write(t, s, segment(0, 0)).Abandon(footage.Disk)
	if _, err := s.Create(segment(0, 0), []byte("init")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("the same segment again: %v", err)
	}
	if err := s.Recover(); err != nil {
		t.Error(err)
	}
	wantTree(t, dir) // no init segment is left either
}

func BenchmarkReady(b *testing.B) {
	s := open(b, b.TempDir())
	for i := range 10000 {
		s.addLocked(Entry{segment(time.Duration(i)*4*time.Second, uint32(i)), 1})
	}
	for b.Loop() {
		if n := len(s.List("yard", "main")); n != 10000 {
			b.Fatal(fmt.Sprint(n))
		}
	}
}
