package codec

import (
	"errors"
	"fmt"

	"github.com/asticode/go-astiav"
)

// What a caller may decide on; everything else is only worth a log line.
var (
	// ErrInvalidData says that the input is not what its format demands; the next packet may be.
	ErrInvalidData = errors.New("invalid data")
	// ErrClosed says that the object was closed before the call.
	ErrClosed = errors.New("closed")
	// ErrUnsupported says that this build has no codec for the format asked for.
	ErrUnsupported = errors.New("unsupported codec")
)

// translate turns FFmpeg's error into ours and says what was being done.
func translate(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, astiav.ErrInvaliddata):
		return fmt.Errorf("%s: %w", doing, ErrInvalidData)
	default:
		return fmt.Errorf("%s: %w", doing, err)
	}
}

// starved tells whether FFmpeg only wants more input or has no more to give: ordinary values.
func starved(err error) bool {
	return errors.Is(err, astiav.ErrEagain) || errors.Is(err, astiav.ErrEof)
}
