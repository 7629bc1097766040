package fmp4

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	boxes "github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
)

// WholeParts measures how far the first size bytes of r consist of whole parts: in bytes, and as
// the wall-clock time at which the video of the last whole part ends. Both are zero without one.
func WholeParts(r io.ReaderAt, size int64) (length int64, end time.Time, err error) {
	for {
		moof := boxSize(r, length, size, "moof")
		mdat := boxSize(r, length+moof, size, "mdat")
		if moof == 0 || mdat == 0 {
			return length, end, nil
		}
		part := make([]byte, moof+mdat)
		if _, err := r.ReadAt(part, length); err != nil {
			return 0, time.Time{}, err
		}
		partEnd, err := PartEnd(part)
		if err != nil {
			return length, end, nil // not a part: the disk returned other bytes than were written
		}
		length, end = length+moof+mdat, partEnd
	}
}

// boxSize is the size of the ISO BMFF box at the offset. It is 0 unless the box has that type and
// ends before limit (ISO/IEC 14496-12, 4.2).
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

// PartEnd reads the result of MarshalPart and returns the wall-clock time at which its video ends.
// Other bytes are an error.
func PartEnd(part []byte) (time.Time, error) {
	var parts boxes.Parts
	if err := parts.Unmarshal(part); err != nil {
		return time.Time{}, fmt.Errorf("read part: %w", err)
	}
	for _, p := range parts {
		for _, t := range p.Tracks {
			if t.ID == videoID && len(t.Samples) > 0 {
				return WallTime(trackEnd(t)), nil
			}
		}
	}
	return time.Time{}, errors.New("read part: it holds no video")
}

func trackEnd(t *boxes.PartTrack) int64 {
	end := int64(t.BaseTime)
	for _, s := range t.Samples {
		end += int64(s.Duration)
	}
	return end
}
