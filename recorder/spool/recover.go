package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"azulejo/recorder/fmp4"
	"azulejo/recorder/footage"
)

// orphan is a segment in open/ that has lost its writer.
type orphan struct {
	name   footage.Name
	reason footage.Reason
}

// Recover saves the segments that a crash or a disk error left in open/. Each is cut after its
// last whole part and becomes ready with its true duration, or is removed when it has no whole
// part. A segment that cannot be saved now is tried again by the next call; the error names it.
func (s *Spool) Recover() error {
	s.mu.Lock()
	orphans := s.orphans
	s.orphans = nil
	s.mu.Unlock()

	var errs []error
	for _, o := range orphans {
		if err := s.repair(o); err != nil {
			errs = append(errs, fmt.Errorf("repair segment %s: %w", o.name.Key(), err))
			s.addOrphan(o)
		}
	}
	return errors.Join(errs...)
}

func (s *Spool) addOrphan(o orphan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orphans = append(s.orphans, o)
}

func (s *Spool) repair(o orphan) error {
	open, err := s.folder("open")
	if err != nil {
		return err
	}
	defer func() { _ = open.Close() }() // finish syncs its names
	size, end, err := cutTail(open, o.name.FileName())
	if err == nil && size == 0 {
		err = open.Remove(o.name.FileName())
	}
	switch {
	case size == 0 && (err == nil || errors.Is(err, fs.ErrNotExist)):
		s.forget(o)
		return nil
	case err != nil:
		return err
	}
	if err := s.finish(o.name, end, size); err != nil {
		return err
	}
	s.log.Info("segment repaired", "segment", o.name.Key(), "bytes", size, "end", end)
	s.markAfter(o, end, o.name.Seq+1)
	return nil
}

// cutTail removes the bytes after a segment's last whole part. A file without a whole part stays as
// it is; its size is reported as 0.
func cutTail(open *os.Root, file string) (size int64, end time.Time, err error) {
	f, err := open.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return 0, end, err
	}
	size, end, err = fmp4.Repair(f)
	return size, end, errors.Join(err, f.Close())
}

// forget drops an orphan without a whole part. Its run ended where the segment starts.
func (s *Spool) forget(o orphan) {
	s.mu.Lock()
	err := s.countInitLocked(o.name, -1)
	s.mu.Unlock()
	if err != nil {
		s.log.Warn("init segment left behind", "segment", o.name.Key(), "error", err)
	}
	if o.name.Seq > 0 {
		s.markAfter(o, o.name.Start, o.name.Seq)
	}
}

func (s *Spool) markAfter(o orphan, end time.Time, seq uint32) {
	n := o.name
	n.Start, n.Seq, n.Reason = end, seq, o.reason
	if err := s.Mark(n); err != nil {
		s.log.Warn("reason of a gap lost", "reason", o.reason, "at", end, "error", err)
	}
}
