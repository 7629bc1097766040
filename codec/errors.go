package codec

import (
	"errors"
	"fmt"

	"github.com/asticode/go-astiav"

	"azulejo/mixer"
)

// translate turns FFmpeg's error into ours, and adds what was being done.
func translate(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, astiav.ErrInvaliddata):
		return fmt.Errorf("%s: %w", doing, mixer.ErrInvalidData)
	default:
		return fmt.Errorf("%s: %w", doing, err)
	}
}

// starved tells whether FFmpeg needs more input or is at the end: both are ordinary values.
func starved(err error) bool {
	return errors.Is(err, astiav.ErrEagain) || errors.Is(err, astiav.ErrEof)
}
