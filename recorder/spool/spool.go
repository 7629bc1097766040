// Package spool keeps the footage that is not stored yet as files below one folder. After a crash it repairs
// the files.
//
// The folder holds the whole state; Open reads it into memory. A segment is written in open/ and moves to
// ready/ when it is whole. The segment is removed when the store has it. init/ holds the init segments that
// the segments in open/ and ready/ need. The recorder writes to the spool and uploads from it. The index and
// playback read from it. All methods of Spool may be called concurrently; a File belongs to one goroutine.
// Open locks the folder, so that only one process at a time uses it.
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

// ErrInUse is returned by Open if another process, or another Spool of this process, has locked the folder.
var ErrInUse = errors.New("spool is in use by another process")

// Entry is a whole segment, or a mark, that is not stored yet.
type Entry struct {
	footage.Name
	Bytes int64
}

// Usage is the number of entries in the spool and their total size.
type Usage struct {
	Entries int
	Bytes   int64
	Oldest  time.Time // start of the oldest entry; zero without entries
}

// Spool is an open and locked spool folder. Open returns it; Close releases the folder.
type Spool struct {
	dir      string
	log      *slog.Logger
	lock     *os.File    // holds the lock; nil after Close
	lockInfo os.FileInfo // identifies the lock file, to detect that another folder has replaced the locked folder

	mu       sync.Mutex
	ready    []Entry                  // oldest first
	orphans  []orphan                 // segments in open/ without a writer
	initUses map[footage.InitName]int // number of segments in open/ and ready/ that need the init segment
}

// Open makes the folder dir if it is missing, locks it and lists its files. Segments that a crash left in
// open/ stay there until Recover is called.
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

// Close releases the folder. Before that the caller must have finished or abandoned every File.
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

// scanOpen adds the segments that a crash left in open/ to the orphans.
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

// scanReady adds the files in ready/ to the entries.
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

// scanInit removes half-written init segments, and init segments that no segment needs. It must run after
// scanOpen and scanReady.
func (s *Spool) scanInit() error {
	return s.scan("init", func(file string, _ int64) error {
		if n, err := footage.ParseInitFileName(file); err == nil && s.initUses[n] > 0 {
			return nil
		}
		return os.Remove(filepath.Join(s.dir, "init", file))
	})
}

// scan calls visit for every file in a subfolder, and in the folders that long names make in it. file is the path below the
// subfolder. size is in bytes. If visit returns an error, scan logs the
// error and continues with the next file.
func (s *Spool) scan(sub string, visit func(file string, size int64) error) error {
	return fs.WalkDir(os.DirFS(s.path(sub)), ".", func(file string, e fs.DirEntry, err error) error {
		switch {
		case file == "." && err != nil:
			return err
		case err == nil && e.IsDir():
			return nil
		case err == nil:
			var info fs.FileInfo
			if info, err = e.Info(); err == nil {
				err = visit(file, info.Size())
			}
		}
		if err != nil {
			s.log.Warn("spool file left alone", "folder", sub, "file", file, "error", err)
		}
		return nil
	})
}

// Ready returns the entries, oldest first.
func (s *Spool) Ready() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ready)
}

// List returns the entries of one stream, oldest first.
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

// Streams returns the streams of a room that have entries, sorted by name.
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

// Usage returns the number of entries and their total size.
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

// Open opens the file that is stored, or will be stored, under this key: a whole segment, a mark or an init
// segment. The error wraps fs.ErrNotExist if the spool does not have the file, or if key is not a key of such
// a file. The error wraps ErrAway while the spool's folder is not at its path.
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

// Remove deletes an entry that has been stored. It also deletes the entry's init segment if no other segment
// needs that init segment. It returns no error if the entry does not exist. Remove does not sync the folder,
// so a power cut may bring the file back. Then the entry is stored a second time.
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

// Mark writes the mark n, which says that n's run ended at n.Start for n.Reason. The mark is durable when
// Mark returns.
func (s *Spool) Mark(n footage.Name) error {
	if err := s.makeFolders("ready", n.FileName()); err != nil {
		return fmt.Errorf("mark end of run: %w", err)
	}
	f, err := os.OpenFile(s.path("ready", n.FileName()), os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("mark end of run: %w", err)
	}
	if err := errors.Join(f.Close(), s.syncFolders("ready", n.FileName())); err != nil {
		return fmt.Errorf("mark end of run: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addLocked(Entry{Name: n})
	return nil
}

// addLocked adds e to the entries, unless they contain it. The entries stay sorted by start, and by file name
// if the start is the same. A mark's start is the end of its run, so the mark comes after all segments of
// the run.
func (s *Spool) addLocked(e Entry) {
	i, found := slices.BinarySearchFunc(s.ready, e, func(a, b Entry) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.FileName(), b.FileName()))
	})
	if !found {
		s.ready = slices.Insert(s.ready, i, e)
	}
}

// countInitLocked adds change to the number of segments that need the init segment of n. If the number falls
// to zero, it removes the init segment. For a mark it does nothing, because a mark needs no init segment.
func (s *Spool) countInitLocked(n footage.Name, change int) error {
	if n.Reason != "" {
		return nil
	}
	initName := n.InitName()
	if s.initUses[initName] += change; s.initUses[initName] > 0 {
		return nil
	}
	delete(s.initUses, initName)
	if err := os.Remove(s.path("init", initName.FileName())); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove init segment from spool: %w", err)
	}
	return nil
}
