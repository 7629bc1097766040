package fmp4

import (
	"errors"
	"os"
	"time"
)

// Repair cuts a torn segment after its last whole part and syncs it. It returns the length that is
// left and the wall-clock time at which the video ends. A file without a whole part stays as it
// is; its length is reported as 0.
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
