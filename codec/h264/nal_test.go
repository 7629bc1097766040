package h264

import "testing"

func TestIsIDR(t *testing.T) {
	for want, units := range map[bool][][]byte{
		true:  {{0, 0, 1, 0x65, 1}, {0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 1, 0, 0, 1, 0x25}},
		false: {nil, {0, 0, 1}, {0, 0, 1, 0x41, 5}, {0, 0, 1, 0x41, 5, 0, 0, 1, 0x65, 1}, {0, 0, 1, 0x67, 0x65}},
	} {
		for _, u := range units {
			if IsIDR(u) != want {
				t.Errorf("%x: want %v", u, want)
			}
		}
	}
}
