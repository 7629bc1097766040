package viewing

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestNewsKeepsTheNewest of each kind, in the order in which they came.
func TestNewsKeepsTheNewest(t *testing.T) {
	n := NewNews()
	for i, kind := range []string{"layout", "tile", "layout", "rendition", "layout"} {
		n.Put(kind, i)
	}
	<-n.Ready()
	var got []int
	for b, ok := n.Next(); ok; b, ok = n.Next() {
		got = append(got, b.Message.(int))
	}
	if diff := cmp.Diff([]int{1, 3, 4}, got); diff != "" {
		t.Error(diff)
	}
	select {
	case <-n.Ready():
		t.Error("there is news after all was taken")
	default:
	}
}
