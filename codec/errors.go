package codec

import (
	"errors"
	"fmt"

	"github.com/asticode/go-astiav"

	"azulejo/mixer"
)

// translate adds context to an error of FFmpeg. action names the operation that failed. translate replaces
// AVERROR_INVALIDDATA with ErrInvalidData, and returns nil for nil.
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

// isAgainOrEOF tells whether err is EAGAIN or EOF, which FFmpeg returns in ordinary operation. When receiving, EAGAIN means
// that more input is needed. When sending, EAGAIN means that the output must be received first. EOF means that the stream
// has ended.
func isAgainOrEOF(err error) bool {
	return errors.Is(err, astiav.ErrEagain) || errors.Is(err, astiav.ErrEof)
}
