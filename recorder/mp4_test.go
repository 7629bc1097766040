package recorder

import "testing"

// What the disk gives back after a crash may be anything.
func FuzzMeasurePart(f *testing.F) {
	sets := &paramSets{sps: []byte{0x67, 0x42, 0xc0, 0x1e}, pps: []byte{0x68}}
	at := ticksOf(testEpoch, videoRate)
	pictures := []sample{{at: at, key: true, sets: sets, data: []byte{0, 0, 0, 1, 0x65}}, {at: at + 3600, data: []byte{0, 0, 0, 1, 0x41}}}
	part, err := marshalPart(1, pictures, []sample{{at: ticksOf(testEpoch, audioRate), data: []byte{1, 2, 3}}}, at+7200)
	if err != nil {
		f.Fatal(err)
	}
	if end, err := measurePart(part); err != nil || !end.Equal(wallOf(at+7200)) {
		f.Fatal(end, err)
	}
	f.Add(part)
	f.Add(part[:len(part)-1])
	f.Fuzz(func(_ *testing.T, b []byte) { _, _ = measurePart(b) })
}

// Pictures may come from anybody's encoder.
func FuzzVideoSample(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0x67, 0x42, 0, 0, 1, 0x68, 1, 0, 0, 1, 0x65, 1, 2, 3})
	f.Add([]byte{0, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := videoSample(b); err == nil && len(s.data) == 0 {
			t.Error("a sample without bytes")
		}
	})
}
