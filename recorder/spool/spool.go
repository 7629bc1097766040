// Package spool owns the footage that is not stored yet: the files below one folder, and their
// recovery after a crash.
//
// The folder is the state. A segment is written in open/, moves to ready/ when it is whole and is
// removed once the store has it. init/ holds the init segments that these need. The state in memory
// mirrors the folder; Open rebuilds it. The recorder writes and uploads, the index and playback
// read. All methods of Spool may be called concurrently; a File belongs to one goroutine. The folder
// is locked: one process at a time uses it.
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

	"azulejo/recorder/footage"
)

// ErrInUse is returned by Open when another process, or another Spool, holds the folder.
var ErrInUse = errors.New("spool is in use by another process")

// Entry is a whole segment, or a mark, that is not stored yet.
type Entry struct {
	footage.Name
	Bytes int64
}

// Usage sums up the entries of the spool.
type Usage struct {
	Entries int
	Bytes   int64
	Oldest  time.Time // start of the oldest entry; zero without entries
}

// Spool is the folder. Open creates it, Close releases it.
type Spool struct {
	dir      string
	log      *slog.Logger
	lock     *os.File
	lockInfo os.FileInfo // identifies the locked folder when another one has its path

	mu       sync.Mutex
	ready    []Entry                  // oldest first
	orphans  []orphan                 // segments in open/ without a writer
	initUses map[footage.InitName]int // how many segments in open/ and ready/ need each init segment
}

// Open makes the folder if it is missing, locks it and lists its files. Segments that a crash left
// in open/ stay there until Recover.
func Open(dir string, log *slog.Logger) (*Spool, error) {
	s := &Spool{dir: dir, log: log, initUses: map[footage.InitName]int{}}
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

// acquire locks the folder. The kernel releases the lock when the process ends.
func (s *Spool) acquire() error {
	f, err := os.OpenFile(filepath.Join(s.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("lock spool: %w", err)
	}
	if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errors.Join(fmt.Errorf("lock spool %s: %w", s.dir, ErrInUse), f.Close())
	}
	if s.lockInfo, err = f.Stat(); err != nil {
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
		n, err := footage.ParseFileName(file)
		if err == nil {
			s.orphans = append(s.orphans, orphan{n, footage.Restart})
			s.initUses[n.InitName()]++
		}
		return err
	})
}

func (s *Spool) scanReady() error {
	return s.scan("ready", func(file string, size int64) error {
		n, err := footage.ParseFileName(file)
		if err == nil {
			s.addLocked(Entry{n, size})
			err = s.countInitLocked(n, 1)
		}
		return err
	})
}

// scanInit removes init segments that are half written or that no segment needs.
func (s *Spool) scanInit() error {
	return s.scan("init", func(file string, _ int64) error {
		if n, err := footage.ParseInitFileName(file); err == nil && s.initUses[n] > 0 {
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

// Ready lists the entries, oldest first.
func (s *Spool) Ready() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ready)
}

// List lists the entries of one stream, oldest first.
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

// Streams lists the streams of a room that have entries, sorted.
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

// Usage sums up the entries.
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

// Open opens the file that the store will hold under key: a whole segment, a mark or an init
// segment. The error is fs.ErrNotExist when the spool does not have it (any more) or when key is not
// one, and ErrAway while the folder cannot be read.
func (s *Spool) Open(key string) (*os.File, error) {
	if n, err := footage.ParseKey(key); err == nil {
		return s.open("ready", n.FileName())
	}
	if n, err := footage.ParseInitKey(key); err == nil {
		return s.open("init", n.FileName())
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

// Remove deletes a stored entry, and its init segment when no other segment needs it. An entry that
// is gone already is no error. A crash may bring the file back; then it is stored once more.
func (s *Spool) Remove(n footage.Name) error {
	ready, err := s.folder("ready")
	if err == nil {
		err = errors.Join(ready.Remove(n.FileName()), ready.Close())
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
	return s.countInitLocked(n, -1)
}

// Mark writes the mark n: the run of n ended at n.Start for n.Reason. It is durable on return.
func (s *Spool) Mark(n footage.Name) error {
	f, err := os.OpenFile(s.path("ready", n.FileName()), os.O_CREATE|os.O_WRONLY, 0o644)
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

// addLocked adds an entry. ready stays sorted by time; a mark stands after the segment before it.
func (s *Spool) addLocked(e Entry) {
	i, found := slices.BinarySearchFunc(s.ready, e, func(a, b Entry) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.FileName(), b.FileName()))
	})
	if !found {
		s.ready = slices.Insert(s.ready, i, e)
	}
}

// countInitLocked adds by to the number of segments that need the init segment of n, and removes the
// init segment when none is left. A mark needs none.
func (s *Spool) countInitLocked(n footage.Name, by int) error {
	if n.Reason != "" {
		return nil
	}
	in := n.InitName()
	if s.initUses[in] += by; s.initUses[in] > 0 {
		return nil
	}
	delete(s.initUses, in)
	if err := os.Remove(s.path("init", in.FileName())); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove init segment from spool: %w", err)
	}
	return nil
}
