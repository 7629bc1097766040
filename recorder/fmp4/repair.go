package fmp4

import (
	"errors"
	"os"
	"time"
)

// Repair truncates a segment after its last whole part and syncs the file. It returns the new length in
// bytes and the wall-clock time at which the video ends. If the file has no whole part, Repair does not
// change it and returns the length 0.
func Repair(f *os.File) (length int64, end time.Time, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, end, err
	}
	length, end, err = WholeParts(f, info.Size())
	if err == nil && length > 0 {
		err = errors.Join(f.Truncate(length), f.Sync())
	}
	return length, end, err
}
