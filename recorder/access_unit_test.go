package recorder

import "testing"

// Access units may come from any encoder.
func FuzzReadAccessUnit(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0x67, 0x42, 0, 0, 1, 0x68, 1, 0, 0, 1, 0x65, 1, 2, 3})
	f.Add([]byte{0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, err := readAccessUnit(b); err == nil && len(v.Data) == 0 {
			t.Error("a sample without bytes")
		}
	})
}
