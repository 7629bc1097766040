package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"azulejo/recorder/footage"
)

// While the folder is away, or another one has its path, the spool forgets no entry. When the folder
// is back, all entries can be read again.
func TestFolderAway(t *testing.T) {
	for _, replaced := range []bool{false, true} {
		t.Run(fmt.Sprint(replaced), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "spool")
			s := open(t, dir)
			if err := write(t, s, segment(0, 0), part(t, 4, 5)).Finish(t0.Add(4 * time.Second)); err != nil {
				t.Fatal(err)
			}
			write(t, s, segment(4*time.Second, 1), part(t, 8, 5)).Abandon(footage.Disk)
			if err := os.Rename(dir, dir+".away"); err != nil {
				t.Fatal(err)
			}
			if replaced {
				open(t, dir)
			}
			ready := s.Ready()
			for name, try := range map[string]func() error{
				"recover":   s.Recover,
				"remove":    func() error { return s.Remove(ready[0].Name) },
				"open":      func() error { _, err := s.Open(ready[0].Key()); return err },
				"open init": func() error { _, err := s.Open(ready[0].InitName().Key()); return err },
			} {
				if err := try(); !errors.Is(err, ErrAway) || errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s: %v", name, err)
				}
			}
			if diff := cmp.Diff(ready, s.Ready()); diff != "" {
				t.Error(diff)
			}
			if err := errors.Join(os.RemoveAll(dir), os.Rename(dir+".away", dir)); err != nil {
				t.Fatal(err)
			}
			if err := s.Recover(); err != nil {
				t.Error(err)
			}
			wantTree(t, dir, initFile, doneFile, "ready/yard~main~1772366408000-4000-0123456789ab.beef-1.m4s",
				"ready/yard~main~1772366412000-0-0123456789ab.beef-2.disk")
		})
	}
}

// Recover forgets an abandoned segment whose file is deleted, but still marks the end of its run.
func TestOrphanGone(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	write(t, s, segment(0, 0)).Abandon(footage.Disk)
	write(t, s, segment(4*time.Second, 1), part(t, 8, 5)).Abandon(footage.Disk)
	for _, file := range tree(t, filepath.Join(dir, "open")) {
		if err := os.Remove(filepath.Join(dir, "open", file)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := s.Recover(); err != nil {
			t.Error(err)
		}
	}
	wantTree(t, dir, "ready/yard~main~1772366408000-0-0123456789ab.beef-1.disk")
}
