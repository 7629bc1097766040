package viewing

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOutboxKeepsTheNewest message of each kind, in the order of the last pushes.
func TestOutboxKeepsTheNewest(t *testing.T) {
	o := NewOutbox()
	for i, kind := range []string{"layout", "tile", "layout", "rendition", "layout"} {
		o.Push(kind, i)
	}
	<-o.Ready()
	var got []int
	for m, ok := o.Pop(); ok; m, ok = o.Pop() {
		got = append(got, m.Body.(int))
	}
	if diff := cmp.Diff([]int{1, 3, 4}, got); diff != "" {
		t.Error(diff)
	}
	select {
	case <-o.Ready():
		t.Error("the outbox is ready although it is empty")
	default:
	}
}
