package camera

import (
	"errors"

	"azulejo/mixer"
)

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

// failureOf returns err as a failure. An error without a reason means that the connection broke.
func failureOf(err error) *Failure {
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	detail := "the connection ended"
	if err != nil {
		detail = err.Error()
	}
	return fail(mixer.ReasonReconnecting, detail)
}

// fail returns a failure without a cause.
func fail(reason mixer.Reason, detail string) *Failure {
	return &Failure{Trouble: mixer.Trouble{Reason: reason, Detail: detail}}
}
