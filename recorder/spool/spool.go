// Package spool owns the footage that is not stored yet: files below one folder, and what a
// crash left of them.
//
// The folder is the state: a segment is written in open/, moves to ready/ when it is whole and
// is removed once the store has it; init/ holds the init segments these need. What is known in
// memory mirrors that and is rebuilt from it by Open. The recorder writes and uploads, the index
// and playback read. All methods of Spool may be called concurrently; a File belongs to one
// goroutine. One process at a time: the folder is locked.
package spool

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

// ErrInUse is returned by Open when another process, or another Spool, holds the folder.
var ErrInUse = errors.New("spool is in use by another process")

// Entry is a whole segment, or a mark, that waits to be stored.
type Entry struct {
	Name
	Bytes int64
}

// Usage sums up what waits in the spool.
type Usage struct {
	Entries int
	Bytes   int64
	Oldest  time.Time // zero when nothing waits
}

// Spool is the folder. Create it with Open, release it with Close.
type Spool struct {
	dir  string
	log  *slog.Logger
	lock *os.File
	held os.FileInfo // of lock: tells this folder from another in its place

	mu      sync.Mutex
	ready   []Entry          // oldest first
	orphans []orphan         // in open/, and nobody writes them any more
	refs    map[InitName]int // segments in open/ and ready/ by the init they need
}

// Open makes the folder where it is missing, locks it and reads what it holds. Segments left in
// open/ wait for Recover.
func Open(dir string, log *slog.Logger) (*Spool, error) {
	s := &Spool{dir: dir, log: log, refs: map[InitName]int{}}
	for _, sub := range []string{"open", "ready", "init"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, fmt.Errorf("open spool: %w", err)
		}
	}
	if err := s.acquire(); err != nil {
		return nil, err
	}
	if err := errors.Join(s.scanOpen(), s.scanReady(), s.scanInit(), syncDir(dir)); err != nil {
		return nil, errors.Join(fmt.Errorf("read spool: %w", err), s.lock.Close())
	}
	return s, nil
}

// acquire takes the folder's lock, which the kernel drops with the process.
func (s *Spool) acquire() error {
	f, err := os.OpenFile(filepath.Join(s.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("lock spool: %w", err)
	}
	if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errors.Join(fmt.Errorf("lock spool %s: %w", s.dir, ErrInUse), f.Close())
	}
	if s.held, err = f.Stat(); err != nil {
		return errors.Join(fmt.Errorf("lock spool: %w", err), f.Close())
	}
	s.lock = f
	return nil
}

// Close releases the folder. Every File must have been finished or abandoned.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lock == nil {
		return nil
	}
	err := s.lock.Close()
	s.lock = nil
	return err
}

func (s *Spool) scanOpen() error {
	return s.scan("open", func(file string, _ int64) error {
		n, err := parseLocal(file)
		if err == nil {
			s.orphans = append(s.orphans, orphan{n, Restart})
			s.refs[n.InitName()]++
		}
		return err
	})
}

func (s *Spool) scanReady() error {
	return s.scan("ready", func(file string, size int64) error {
		n, err := parseLocal(file)
		if err == nil {
			s.addLocked(Entry{n, size})
			err = s.refLocked(n, 1)
		}
		return err
	})
}

// scanInit removes what was half written and what nobody needs.
func (s *Spool) scanInit() error {
	return s.scan("init", func(file string, _ int64) error {
		if n, err := parseInitLocal(file); err == nil && s.refs[n] > 0 {
			return nil
		}
		return os.Remove(filepath.Join(s.dir, "init", file))
	})
}

func (s *Spool) scan(sub string, each func(file string, size int64) error) error {
	entries, err := os.ReadDir(filepath.Join(s.dir, sub))
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil {
			err = each(e.Name(), info.Size())
		}
		if err != nil {
			s.log.Warn("spool file left alone", "folder", sub, "file", e.Name(), "error", err)
		}
	}
	return nil
}

// Ready lists what waits to be stored, oldest first.
func (s *Spool) Ready() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ready)
}

// List is Ready for one stream.
func (s *Spool) List(room, stream string) []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Entry
	for _, e := range s.ready {
		if e.Room == room && e.Stream == stream {
			out = append(out, e)
		}
	}
	return out
}

// Streams lists the streams of a room that have something waiting, sorted.
func (s *Spool) Streams(room string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, e := range s.ready {
		if e.Room == room && !slices.Contains(out, e.Stream) {
			out = append(out, e.Stream)
		}
	}
	slices.Sort(out)
	return out
}

// Usage sums up what waits to be stored.
func (s *Spool) Usage() Usage {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := Usage{Entries: len(s.ready)}
	for _, e := range s.ready {
		u.Bytes += e.Bytes
	}
	if u.Entries > 0 {
		u.Oldest = s.ready[0].Start
	}
	return u
}

// Open opens what the store will hold under key: a whole segment, a mark or an init segment.
// The error is fs.ErrNotExist when it is not here (any more), or not a key; ErrAway when that
// cannot be told.
func (s *Spool) Open(key string) (*os.File, error) {
	if n, err := ParseKey(key); err == nil {
		return s.open("ready", n.local())
	}
	if n, err := ParseInitKey(key); err == nil {
		return s.open("init", n.local())
	}
	return nil, fmt.Errorf("open %q in spool: %w", key, fs.ErrNotExist)
}

func (s *Spool) open(sub, file string) (*os.File, error) {
	dir, err := s.folder(sub)
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }() // it was only read
	return dir.Open(file)
}

// Remove forgets a stored entry, and its init segment when nobody else needs it. What is gone
// already is no error. A crash may bring the file back; it is then stored once more.
func (s *Spool) Remove(n Name) error {
	ready, err := s.folder("ready")
	if err == nil {
		err = errors.Join(ready.Remove(n.local()), ready.Close())
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s from spool: %w", n.Key(), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.ready, func(e Entry) bool { return e.Name == n })
	if i < 0 {
		return nil
	}
	s.ready = slices.Delete(s.ready, i, i+1)
	return s.refLocked(n, -1)
}

// Mark notes durably why the run of n ended at n.Start.
func (s *Spool) Mark(n Name) error {
	f, err := os.OpenFile(s.path("ready", n.local()), os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("mark end of run: %w", err)
	}
	if err := errors.Join(f.Close(), syncDir(s.path("ready"))); err != nil {
		return fmt.Errorf("mark end of run: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addLocked(Entry{Name: n})
	return nil
}

// addLocked keeps ready sorted by time; a mark comes after the segment it follows.
func (s *Spool) addLocked(e Entry) {
	i, found := slices.BinarySearchFunc(s.ready, e, func(a, b Entry) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.local(), b.local()))
	})
	if !found {
		s.ready = slices.Insert(s.ready, i, e)
	}
}

// refLocked counts a segment's need of its init, which goes with the last one.
func (s *Spool) refLocked(n Name, by int) error {
	if n.Reason != "" {
		return nil
	}
	in := n.InitName()
	if s.refs[in] += by; s.refs[in] > 0 {
		return nil
	}
	delete(s.refs, in)
	if err := os.Remove(s.path("init", in.local())); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove init segment from spool: %w", err)
	}
	return nil
}
