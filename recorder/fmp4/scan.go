package fmp4

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	boxes "github.com/bluenviron/mediacommon/v2/pkg/formats/fmp4"
)

// WholeParts reads the whole parts at the start of r. It reads no further than size bytes. It returns the
// total length of the parts in bytes, and the wall-clock time at which the video of the last part ends.
// Without a whole part it returns zero for both.
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
			return length, end, nil // the disk holds other bytes than were written
		}
		length, end = length+moof+mdat, partEnd
	}
}

// boxSize returns the size in bytes of the ISO BMFF box at offset (ISO/IEC 14496-12, 4.2). It returns 0 if
// the type of the box is not boxType, or if the box ends after the offset limit.
func boxSize(r io.ReaderAt, offset, limit int64, boxType string) int64 {
	var h [16]byte
	n, _ := r.ReadAt(h[:], offset)
	if n < 8 || string(h[4:8]) != boxType {
		return 0
	}
	size, headerSize := int64(binary.BigEndian.Uint32(h[:])), int64(8)
	if size == 1 && n == 16 {
		size, headerSize = int64(binary.BigEndian.Uint64(h[8:])), 16
	}
	if size < headerSize || size > limit-offset {
		return 0
	}
	return size
}

// PartEnd returns the wall-clock time at which the video of a part ends. It returns an error if the bytes
// are not a part as MarshalPart builds it.
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

// trackEnd returns the time at which the track's last sample ends, in clock units of the track.
func trackEnd(t *boxes.PartTrack) int64 {
	end := int64(t.BaseTime)
	for _, s := range t.Samples {
		end += int64(s.Duration)
	}
	return end
}
