package camera

import "azulejo/mixer"

// Failure is an error that says with one word why a stream of a camera does not play.
type Failure struct {
	mixer.Trouble
	Err error // the cause; may be nil
}

// Error returns the sentence of the trouble, and the cause.
func (f *Failure) Error() string {
	if f.Err == nil {
		return f.Detail
	}
	return f.Detail + ": " + f.Err.Error()
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }
