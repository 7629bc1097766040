package camera

import (
	"errors"
	"unicode"

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
	return f.Detail + ": " + clip(f.Err.Error(), detailLength)
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
	return &Failure{Trouble: newTrouble(reason, detail)}
}

// detailLength is the greatest length of a sentence about trouble, in characters.
const detailLength = 200

// newTrouble returns a trouble. Its sentence may have words of the camera: it is clipped.
func newTrouble(reason mixer.Reason, detail string) mixer.Trouble {
	return mixer.Trouble{Reason: reason, Detail: clip(detail, detailLength)}
}

// clip returns at most most characters of a text, in valid UTF-8. Characters that are not visible become spaces.
func clip(text string, most int) string {
	var clipped []rune
	for _, r := range text { // bytes that are no UTF-8 become U+FFFD
		if len(clipped) == most {
			clipped[most-1] = '…'
			break
		}
		if !unicode.IsGraphic(r) {
			r = ' '
		}
		clipped = append(clipped, r)
	}
	return string(clipped)
}
