package fmp4

import (
	"bytes"
	"slices"
	"testing"
	"time"
)

var testTime = time.Date(2026, 3, 1, 12, 0, 2, 400e6, time.UTC)

// After a crash the disk may return any bytes.
func FuzzPartEnd(f *testing.F) {
	at := Ticks(testTime, VideoRate)
	video := []Sample{{Time: at, Key: true, Data: []byte{0, 0, 0, 1, 0x65}}, {Time: at + 3600, Data: []byte{0, 0, 0, 1, 0x41}}}
	part, err := MarshalPart(1, video, []Sample{{Time: Ticks(testTime, AudioRate), Data: []byte{1, 2, 3}}}, at+7200)
	if err != nil {
		f.Fatal(err)
	}
	if end, err := PartEnd(part); err != nil || !end.Equal(WallTime(at+7200)) {
		f.Fatal(end, err)
	}
	f.Add(part)
	f.Add(part[:len(part)-1])
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = PartEnd(b) })
}

func TestTicks(t *testing.T) {
	for fps := int64(1); fps <= 60; fps++ {
		for n := range int64(600) {
			at := testTime.Add(time.Duration(n * 1e9 / fps))
			want := Ticks(testTime, VideoRate) + (n*VideoRate+fps/2)/fps
			if got := Ticks(at, VideoRate); got != want {
				t.Fatalf("%d/%d: %d, want %d", n, fps, got, want)
			}
		}
	}
	if at := WallTime(Ticks(testTime, VideoRate)); !at.Equal(testTime) {
		t.Error(at)
	}
}

// Whole parts are a prefix of the file. The bytes after them do not change the result.
func FuzzWholeParts(f *testing.F) {
	at := Ticks(testTime, VideoRate)
	part, err := MarshalPart(1, []Sample{{Time: at, Key: true, Data: []byte{0, 0, 0, 1, 0x65}}}, nil, at+VideoRate)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(slices.Concat(part, part[:len(part)-1]))
	f.Add([]byte("\x00\x00\x00\x01moof\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		length, end, err := WholeParts(bytes.NewReader(b), int64(len(b)))
		if err != nil || length < 0 || length > int64(len(b)) {
			t.Fatal(length, err)
		}
		again, sameEnd, err := WholeParts(bytes.NewReader(b), length)
		if err != nil || again != length || !sameEnd.Equal(end) {
			t.Errorf("%d bytes until %v, then %d until %v: %v", length, end, again, sameEnd, err)
		}
	})
}
