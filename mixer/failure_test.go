package mixer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"
)

// TestFailuresKeepWhatCallersDecideOn: an error crosses the seam as a value; its text and its sentinel survive.
func TestFailuresKeepWhatCallersDecideOn(t *testing.T) {
	all := []error{ErrNoView, ErrUnsupported, ErrClosed}
	for name, c := range map[string]struct{ err, is error }{
		"no view":           {fmt.Errorf("view %q: %w", "x", ErrNoView), ErrNoView},
		"unsupported":       {fmt.Errorf("watch: %w", fmt.Errorf("as %q: %w", "aac", ErrUnsupported)), ErrUnsupported},
		"closed":            {ErrClosed, ErrClosed},
		"two joined errors": {errors.Join(io.EOF, ErrClosed), ErrClosed},
		"any other":         {fmt.Errorf("open a file: %w", io.EOF), nil},
		"without a text":    {errors.New(""), nil},
	} {
		got := cross(t, Fail(c.err)).Err()
		if got == nil || got.Error() != c.err.Error() {
			t.Errorf("%s: %v became %v", name, c.err, got)
		}
		for _, sentinel := range all {
			if errors.Is(got, sentinel) != errors.Is(c.is, sentinel) {
				t.Errorf("%s: errors.Is %v: %v", name, sentinel, errors.Is(got, sentinel))
			}
		}
	}
}

// TestNoErrorIsNoFailure: the results are nil as interfaces too.
func TestNoErrorIsNoFailure(t *testing.T) {
	if f := Fail(nil); f != nil || f.Err() != nil {
		t.Errorf("no error became %v", f)
	}
}

// TestAFailureCrossesTwice: what was received can be sent on.
func TestAFailureCrossesTwice(t *testing.T) {
	first := Fail(fmt.Errorf("view %q: %w", "x", ErrNoView))
	if again := Fail(fmt.Errorf("ask again: %w", first.Err())); again.Kind != first.Kind || again.Text != "ask again: "+first.Text {
		t.Errorf("%+v became %+v", first, again)
	}
}

func TestAnUnknownKindOfFailureIsNoSentinel(t *testing.T) {
	f := &Failure{Kind: "of a later version", Text: "no"}
	if f.Unwrap() != nil || f.Err().Error() != "no" {
		t.Errorf("it unwraps to %v and says %q", f.Unwrap(), f.Error())
	}
}

// cross copies a failure through an encoding.
func cross(t *testing.T, f *Failure) *Failure {
	t.Helper()
	data, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var out *Failure
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
