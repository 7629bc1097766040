package codec

import (
	"errors"
	"fmt"

	"github.com/asticode/go-astiav"

	"azulejo/mixer"
)

// translate puts action, the operation that failed, in front of FFmpeg's error. It replaces AVERROR_INVALIDDATA with
// ErrInvalidData. It returns nil for nil.
func translate(action string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, astiav.ErrInvaliddata):
		return fmt.Errorf("%s: %w", action, mixer.ErrInvalidData)
	default:
		return fmt.Errorf("%s: %w", action, err)
	}
}

// starved tells whether err only says that FFmpeg needs more input (EAGAIN) or has reached the end of the stream (EOF).
func starved(err error) bool {
	return errors.Is(err, astiav.ErrEagain) || errors.Is(err, astiav.ErrEof)
}
