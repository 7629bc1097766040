package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Measure reads one whole part (a moof and its mdat) and tells the wall-clock time at which its
// pictures end, or that it is no part after all.
type Measure func(part []byte) (end time.Time, err error)

// orphan is a segment in open/ that nobody writes any more.
type orphan struct {
	name   Name
	reason Reason
}

// Recover saves the segments that a crash or a disk error left in open/: each is cut after its
// last whole part and becomes ready with its true duration, or is removed when it has none.
// What cannot be saved now is tried again by the next call; the error names it.
func (s *Spool) Recover(measure Measure) error {
	s.mu.Lock()
	work := s.orphans
	s.orphans = nil
	s.mu.Unlock()

	var errs []error
	for _, o := range work {
		if err := s.repair(o, measure); err != nil {
			errs = append(errs, fmt.Errorf("repair segment %s: %w", o.name.Key(), err))
			s.mu.Lock()
			s.orphans = append(s.orphans, o)
			s.mu.Unlock()
		}
	}
	return errors.Join(errs...)
}

func (s *Spool) repair(o orphan, measure Measure) error {
	open, err := s.folder("open")
	if err != nil {
		return err
	}
	defer func() { _ = open.Close() }() // its names are synced elsewhere
	size, end, err := cutTail(open, o.name.local(), measure)
	if err == nil && size == 0 {
		err = open.Remove(o.name.local())
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

// cutTail leaves a segment's whole parts, unless it has none: then it leaves the file alone.
func cutTail(open *os.Root, file string, measure Measure) (size int64, end time.Time, err error) {
	f, err := open.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return 0, end, err
	}
	size, end, err = wholeParts(f, measure)
	if err == nil && size > 0 {
		err = errors.Join(f.Truncate(size), f.Sync())
	}
	return size, end, errors.Join(err, f.Close())
}

// forget drops an orphan without a whole part. Its run ended where the segment began.
func (s *Spool) forget(o orphan) {
	s.mu.Lock()
	err := s.refLocked(o.name, -1)
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

// wholeParts measures how far f consists of whole parts, in bytes and in time.
func wholeParts(f *os.File, measure Measure) (size int64, end time.Time, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, end, err
	}
	for {
		moof := boxSize(f, size, info.Size(), "moof")
		mdat := boxSize(f, size+moof, info.Size(), "mdat")
		if moof == 0 || mdat == 0 {
			return size, end, nil
		}
		part := make([]byte, moof+mdat)
		if _, err := f.ReadAt(part, size); err != nil {
			return 0, end, err
		}
		partEnd, err := measure(part)
		if err != nil {
			return size, end, nil // not a part: the disk held other bytes than we wrote
		}
		size, end = size+moof+mdat, partEnd
	}
}

// boxSize is the size of the ISO BMFF box of that type at the offset, 0 where there is no such
// box whole before limit (ISO/IEC 14496-12, 4.2).
func boxSize(r io.ReaderAt, at, limit int64, kind string) int64 {
	var h [16]byte
	n, _ := r.ReadAt(h[:], at)
	if n < 8 || string(h[4:8]) != kind {
		return 0
	}
	size, least := int64(binary.BigEndian.Uint32(h[:])), int64(8)
	if size == 1 && n == 16 {
		size, least = int64(binary.BigEndian.Uint64(h[8:])), 16
	}
	if size < least || size > limit-at {
		return 0
	}
	return size
}
