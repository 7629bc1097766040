package mixer

import "errors"

// What a caller may decide on; everything else is only worth a log line.
var (
	// ErrInvalidData says that the input is not what its format demands; the next packet may be.
	ErrInvalidData = errors.New("invalid data")
	// ErrClosed says that the object was closed before the call.
	ErrClosed = errors.New("closed")
	// ErrUnsupported says that this build has no codec for the format asked for, or that the call does not apply to it.
	ErrUnsupported = errors.New("unsupported codec")
)
