package mixer

import "errors"

// Sentinel errors that callers test for with errors.Is.
var (
	// ErrInvalidData says that a packet does not follow the rules of its format. The next packet may be valid.
	ErrInvalidData = errors.New("invalid data")
	// ErrClosed says that the object was closed before the call.
	ErrClosed = errors.New("closed")
	// ErrUnsupported says that this build has no codec for a format, or that an object does not support a call.
	ErrUnsupported = errors.New("unsupported codec")
)
