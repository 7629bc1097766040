package spool

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// File is a segment being written. One goroutine uses it, and ends it with Finish or Abandon.
type File struct {
	s    *Spool
	f    *os.File
	name Name
	size int64
}

// Create begins a segment in open/. The init segment is durable before the segment exists.
func (s *Spool) Create(n Name, init []byte) (*File, error) {
	if err := checkNames(n.Room, n.Stream); err != nil {
		return nil, err
	}
	n.Duration = 0
	s.mu.Lock()
	s.refs[n.InitName()]++
	s.mu.Unlock()
	f, err := s.create(n, init)
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		return nil, errors.Join(fmt.Errorf("create segment %s: %w", n.Key(), err), s.refLocked(n, -1))
	}
	return &File{s: s, f: f, name: n}, nil
}

func (s *Spool) create(n Name, init []byte) (*os.File, error) {
	if err := s.writeInit(n.InitName(), init); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(s.path("open", n.local()), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syncDir(s.path("open")); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return f, nil
}

// writeInit writes beside and renames, so that an init segment is whole or absent.
func (s *Spool) writeInit(n InitName, init []byte) error {
	path := s.path("init", n.local())
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	f, err := os.Create(path + ".tmp")
	if err != nil {
		return err
	}
	_, err = f.Write(init)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return errors.Join(os.Rename(f.Name(), path), syncDir(s.path("init")))
}

// Append writes one whole part. It is on disk when Append returns without an error; after an
// error the file can only be abandoned.
func (f *File) Append(part []byte) error {
	n, err := f.f.Write(part)
	f.size += int64(n)
	if err == nil {
		err = f.f.Sync()
	}
	if err != nil {
		return fmt.Errorf("write segment %s: %w", f.name.Key(), err)
	}
	return nil
}

// Finish moves the segment, which lasts until end, to ready/. After an error the file can only
// be abandoned.
func (f *File) Finish(end time.Time) error {
	if err := f.s.finish(f.name, end, f.size); err != nil {
		return err
	}
	f.close()
	return nil
}

// finish gives the open segment n its true duration and makes it ready.
func (s *Spool) finish(n Name, end time.Time, size int64) error {
	done := n
	done.Duration = max(end.Sub(n.Start), time.Millisecond)
	if err := os.Rename(s.path("open", n.local()), s.path("ready", done.local())); err != nil {
		return fmt.Errorf("finish segment %s: %w", n.Key(), err)
	}
	// The bytes are durable and the file has moved; without the folder's sync it may be back in
	// open/ after a power cut, where it is found.
	if err := errors.Join(syncDir(s.path("ready")), syncDir(s.path("open"))); err != nil {
		s.log.Warn("spool folder not synced", "segment", n.Key(), "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addLocked(Entry{done, size})
	return nil
}

// Abandon gives the file up. Recover will save its whole parts and note the reason.
func (f *File) Abandon(reason Reason) {
	f.close()
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	f.s.orphans = append(f.s.orphans, orphan{f.name, reason})
}

// close frees the descriptor. What matters was synced before, so an error is only told.
func (f *File) close() {
	if err := f.f.Close(); err != nil {
		f.s.log.Warn("segment closed with an error", "segment", f.name.Key(), "error", err)
	}
}
