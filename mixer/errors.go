package mixer

import "errors"

// Sentinel errors that callers test for with errors.Is. All other errors are only logged.
var (
	// ErrInvalidData says that a packet does not follow the rules of its format. The next packet may be good.
	ErrInvalidData = errors.New("invalid data")
	// ErrClosed says that the object was closed before the call.
	ErrClosed = errors.New("closed")
	// ErrUnsupported says that this build has no codec for a format, or that a call does not apply to an object.
	ErrUnsupported = errors.New("unsupported codec")
)
