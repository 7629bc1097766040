package mixer

import (
	"errors"
	"fmt"
)

// Sentinel errors that callers test for with errors.Is.
var (
	// ErrInvalidData says that a packet does not follow the rules of its format. The next packet may be valid.
	ErrInvalidData = errors.New("invalid data")
	// ErrClosed says that the object was closed before the call.
	ErrClosed = errors.New("closed")
	// ErrUnsupported says that this build has no codec for a format, or that an object does not support a call.
	ErrUnsupported = errors.New("unsupported codec")
)

// TooLargeError says that a frame has more pixels than Config.MaxPixels. The caller finds it with errors.As.
type TooLargeError struct {
	Width, Height int // of the frame, in pixels
	MaxPixels     int
}

// Error names the size, and the configuration key of the limit.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s (%d)", e.Brief(), e.MaxPixels)
}

// Brief says the same without the number of the limit, for a tile.
func (e *TooLargeError) Brief() string {
	return fmt.Sprintf("%d×%d is more than limits.source_pixels", e.Width, e.Height)
}
