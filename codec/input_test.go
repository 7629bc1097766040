package codec

import (
	"bytes"
	"testing"
	"unsafe"

	"azulejo/mixer"
)

// TestInputIsFilledAgain: a short packet after a long one has zeros behind it, not the rest of the long one.
func TestInputIsFilledAgain(t *testing.T) {
	const padding = 64 // AV_INPUT_BUFFER_PADDING_SIZE
	i := newInput()
	defer i.free()
	fill := func(n int, key bool) *byte {
		t.Helper()
		data := bytes.Repeat([]byte{0xff}, n)
		if err := i.fill(mixer.Packet{Data: data, Key: key, PTS: 7}); err != nil {
			t.Fatal(err)
		}
		if int(i.c.size) != n || i.c.pts != 7 || (i.c.flags != 0) != key {
			t.Errorf("size %d, time %d, flags %d of a packet of %d bytes", i.c.size, i.c.pts, i.c.flags, n)
		}
		first := (*byte)(unsafe.Pointer(i.c.data))
		if got := unsafe.Slice(first, n+padding); !bytes.Equal(got, append(data, make([]byte, padding)...)) {
			t.Errorf("%d bytes and the padding behind them: %x", n, got)
		}
		return first
	}
	long := fill(200, true)
	if fill(100, false) != long {
		t.Error("there is another buffer for a packet that fits into the one before")
	}
	fill(300, false)
}
