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

// orphan is a segment in open/ whose writer has ended by a crash or a disk error.
type orphan struct {
	name   footage.Name
	reason footage.Reason // why the run ended
}

// Recover repairs the segments that a crash or a disk error left in open/. It truncates each segment after
// its last whole part and moves it to ready/ under a name with its duration. It removes a segment without a
// whole part. For each repaired segment it writes a mark with the reason for the end of the run. If a repair
// fails, the error names the segment, and the next call tries again.
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

// repair moves one orphan to ready/ and writes a mark at its end. It removes an orphan without a whole part.
func (s *Spool) repair(o orphan) error {
	open, err := s.folder("open")
	if err != nil {
		return err
	}
	defer func() { _ = open.Close() }() // finish syncs the folder
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

// cutTail calls fmp4.Repair for a file in the folder open/. It returns the new size in bytes, and the time at
// which the video ends. The size is 0 if the file has no whole part.
func cutTail(open *os.Root, file string) (size int64, end time.Time, err error) {
	f, err := open.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return 0, end, err
	}
	size, end, err = fmp4.Repair(f)
	return size, end, errors.Join(err, f.Close())
}

// forget drops an orphan without a whole part, whose file no longer exists. The orphan no longer needs its
// init segment. If the run has earlier segments, the run ended where the orphan starts. Then forget writes a
// mark with this time.
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

// markAfter writes the mark of the orphan's run, which ended at end. seq is the mark's number in the run.
func (s *Spool) markAfter(o orphan, end time.Time, seq uint32) {
	n := o.name
	n.Start, n.Seq, n.Reason = end, seq, o.reason
	if err := s.Mark(n); err != nil {
		s.log.Warn("reason of a gap lost", "reason", o.reason, "at", end, "error", err)
	}
}
