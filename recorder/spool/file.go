package spool

import (
	"errors"
	"fmt"
	"os"
	"time"

	"azulejo/recorder/footage"
)

// File is a segment that is being written. Only one goroutine may use it. The last call must be Finish or
// Abandon; Abandon also follows a Finish that failed.
type File struct {
	spool *Spool
	file  *os.File
	name  footage.Name
	size  int64 // bytes written
}

// Create creates the segment n in open/. init holds the bytes of its init segment. If the spool does not have
// this init segment yet, Create first writes it to disk and syncs it.
func (s *Spool) Create(n footage.Name, init []byte) (*File, error) {
	if err := footage.CheckNames(n.Room, n.Stream); err != nil {
		return nil, err
	}
	n.Duration = 0
	s.mu.Lock()
	s.initUses[n.InitName()]++
	s.mu.Unlock()
	file, err := s.create(n, init)
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		return nil, errors.Join(fmt.Errorf("create segment %s: %w", n.Key(), err), s.countInitLocked(n, -1))
	}
	return &File{spool: s, file: file, name: n}, nil
}

// create writes the init segment, then the empty file of the segment n.
func (s *Spool) create(n footage.Name, init []byte) (*os.File, error) {
	if err := s.writeInit(n.InitName(), init); err != nil {
		return nil, err
	}
	if err := s.makeFolders("open", n.FileName()); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(s.path("open", n.FileName()), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	if err := s.syncFolders("open", n.FileName()); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return f, nil
}

// writeInit writes an init segment unless the spool has it already. It writes a temporary file and renames
// that file, so that a file named as an init segment is never half-written.
func (s *Spool) writeInit(n footage.InitName, init []byte) error {
	path := s.path("init", n.FileName())
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := s.makeFolders("init", n.FileName()); err != nil {
		return err
	}
	f, err := os.Create(path + ".tmp")
	if err != nil {
		return err
	}
	_, err = f.Write(init)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return errors.Join(os.Rename(f.Name(), path), s.syncFolders("init", n.FileName()))
}

// Append writes one whole part and syncs the file to disk. After an error the caller may only call Abandon.
func (f *File) Append(part []byte) error {
	n, err := f.file.Write(part)
	f.size += int64(n)
	if err == nil {
		err = f.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("write segment %s: %w", f.name.Key(), err)
	}
	return nil
}

// Finish moves the segment to ready/ and closes the file. end is when the segment's video ends. After an
// error the caller may only call Abandon.
func (f *File) Finish(end time.Time) error {
	if err := f.spool.finish(f.name, end, f.size); err != nil {
		return err
	}
	f.close()
	return nil
}

// finish moves the open segment n to ready/, under a name with its duration, and adds it to the entries.
func (s *Spool) finish(n footage.Name, end time.Time, size int64) error {
	finished := n
	finished.Duration = max(end.Sub(n.Start), time.Millisecond)
	if err := s.makeFolders("ready", finished.FileName()); err != nil {
		return fmt.Errorf("finish segment %s: %w", n.Key(), err)
	}
	if err := os.Rename(s.path("open", n.FileName()), s.path("ready", finished.FileName())); err != nil {
		return fmt.Errorf("finish segment %s: %w", n.Key(), err)
	}
	// The file has moved and its bytes are durable, so an error of syncDir is only logged. A power cut before
	// the folders are synced may put the file back into open/. Then the next Open finds the file there.
	if err := errors.Join(s.syncFolders("ready", finished.FileName()), s.syncFolders("open", n.FileName())); err != nil {
		s.log.Warn("spool folder not synced", "segment", n.Key(), "error", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addLocked(Entry{finished, size})
	return nil
}

// Abandon closes the file without finishing the segment. The next Recover keeps the segment's whole parts
// as an entry and writes a mark that gives the reason for the end of the run.
func (f *File) Abandon(reason footage.Reason) {
	f.close()
	f.spool.addOrphan(orphan{f.name, reason})
}

// close closes the file. All whole parts have been synced before, so an error is only logged.
func (f *File) close() {
	if err := f.file.Close(); err != nil {
		f.spool.log.Warn("segment closed with an error", "segment", f.name.Key(), "error", err)
	}
}
