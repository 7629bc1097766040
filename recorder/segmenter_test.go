package recorder

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"azulejo/mixer"
	"azulejo/recorder/spool"
)

// read returns what the spool holds of a key.
func read(t *testing.T, r *Recorder, key string) []byte {
	t.Helper()
	f, err := r.Spool().Open(key)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// timeline writes down what the spool holds: seconds since testEpoch, the run as a letter.
func timeline(entries []spool.Entry) string {
	var b strings.Builder
	runs := map[string]string{}
	for _, e := range entries {
		if runs[e.Run()] == "" {
			runs[e.Run()] = string(rune('A' + len(runs)))
		}
		at := e.Start.Sub(testEpoch).Seconds()
		if e.Reason != "" {
			fmt.Fprintf(&b, "%.3f %s%d %s\n", at, runs[e.Run()], e.Seq, e.Reason)
		} else {
			fmt.Fprintf(&b, "%.3f %s%d %.3f\n", at, runs[e.Run()], e.Seq, e.Duration.Seconds())
		}
	}
	return b.String()
}

func wantTimeline(t *testing.T, r *Recorder, want string) {
	t.Helper()
	want = strings.ReplaceAll(strings.TrimSpace(want), "\t", "") + "\n"
	if diff := cmp.Diff(want, timeline(r.Spool().Ready())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// file is an init segment and all segments of its run.
func files(t *testing.T, r *Recorder) (whole map[string][]byte, each map[spool.Name][]byte) {
	t.Helper()
	whole, each = map[string][]byte{}, map[spool.Name][]byte{}
	for _, e := range r.Spool().Ready() {
		if e.Reason != "" {
			continue
		}
		init, body := read(t, r, e.InitName().Key()), read(t, r, e.Key())
		if int64(len(body)) != e.Bytes {
			t.Errorf("%s: %d bytes, listed with %d", e.Base(), len(body), e.Bytes)
		}
		if whole[e.Run()] == nil {
			whole[e.Run()] = bytes.Clone(init)
		}
		whole[e.Run()] = append(whole[e.Run()], body...)
		each[e.Name] = append(bytes.Clone(init), body...)
	}
	return whole, each
}

func TestSegmentsPlay(t *testing.T) {
	m := testMedia(t)
	for _, late := range []time.Duration{-100 * time.Millisecond, 0, 70 * time.Millisecond, 300 * time.Millisecond} {
		t.Run(late.String(), func(t *testing.T) {
			r := newRecorder(t, t.TempDir(), newDir(t, t.TempDir()))
			st := record(t, r, mixed(m.video, m.audio, late))
			wantTimeline(t, r, `
				0.000 A0 1.600
				1.600 A1 4.000
				5.600 A2 4.000
				9.600 A3 4.000
				13.600 A4 4.000
				17.600 A5 3.400
				21.000 A6 stopped`)
			if st.Segments != 6 || st.Runs != 1 || st.Dropped != 0 || !st.Durable.Equal(testEpoch.Add(21*time.Second)) {
				t.Errorf("%+v", st)
			}
			whole, each := files(t, r)
			for _, file := range whole {
				checkWhole(t, file)
			}
			for n, file := range each {
				checkSegment(t, n, file)
			}
		})
	}
}

// checkWhole checks a run: every picture once, in time, and sound without a gap beside it.
func checkWhole(t *testing.T, file []byte) {
	t.Helper()
	video, audio := split(probe(t, file))
	contiguous(t, "video", video)
	contiguous(t, "audio", audio)
	if len(video) != 21*testFPS || video[0].at != ticksOf(testEpoch, videoRate) {
		t.Errorf("%d pictures from %d", len(video), video[0].at)
	}
	begin, end := float64(audio[0].at)/audioRate, float64(audio[len(audio)-1].end)/audioRate
	if wall := float64(testEpoch.UnixMilli()) / 1000; begin != wall || end < wall+20.98 || end > wall+21.03 {
		t.Errorf("sound from %.3f to %.3f, recorded from %.3f", begin, end, wall)
	}
}

// checkSegment checks that a segment says in its name what it holds, and that its sound lies
// within an access unit of its pictures.
func checkSegment(t *testing.T, n spool.Name, file []byte) {
	t.Helper()
	video, audio := split(probe(t, file))
	if len(video) == 0 || len(audio) == 0 || !video[0].key {
		t.Fatalf("%s: %d pictures, %d sounds", n.Base(), len(video), len(audio))
	}
	start, end := wallOf(video[0].at), wallOf(video[len(video)-1].end)
	if !start.Equal(n.Start) || !end.Equal(n.End()) {
		t.Errorf("%s: pictures from %v to %v", n.Base(), start, end)
	}
	const unit = 1024.0 / audioRate
	first, last := audio[0], audio[len(audio)-1]
	if d := float64(first.at)/audioRate - float64(video[0].at)/videoRate; d < 0 || d > unit {
		t.Errorf("%s: sound begins %.3f s after the picture", n.Base(), d)
	}
	if d := float64(last.end)/audioRate - float64(video[len(video)-1].end)/videoRate; d < -unit || d > unit {
		t.Errorf("%s: sound ends %.3f s after the picture", n.Base(), d)
	}
}

func TestPartsAreSecondsLong(t *testing.T) {
	m := testMedia(t)
	r := newRecorder(t, t.TempDir(), newDir(t, t.TempDir()))
	record(t, r, mixed(m.video, m.audio, 50*time.Millisecond))
	body := read(t, r, r.Spool().Ready()[2].Key())
	var ends []string
	for _, part := range splitParts(t, body) {
		end, err := measurePart(part)
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end.Format("05.000"))
	}
	if diff := cmp.Diff([]string{"09.000", "10.000", "11.000", "12.000"}, ends); diff != "" {
		t.Error(diff)
	}
}

func splitParts(t *testing.T, body []byte) (parts [][]byte) {
	t.Helper()
	for len(body) > 0 {
		size := int(binary.BigEndian.Uint32(body))
		size += int(binary.BigEndian.Uint32(body[size:]))
		parts, body = append(parts, body[:size]), body[size:]
	}
	return parts
}

// Pictures come when something changes: between 1 and 25 a second, not on a grid.
func TestVariableFrameRate(t *testing.T) {
	m := testMedia(t)
	var sparse []mixer.Packet
	for i, p := range m.video {
		if p.Key || (i < 200 && i%3 == 0) || i%24 == 0 {
			sparse = append(sparse, p)
		}
	}
	r := newRecorder(t, t.TempDir(), newDir(t, t.TempDir()))
	record(t, r, mixed(sparse, m.audio, 20*time.Millisecond))
	whole, _ := files(t, r)
	if len(whole) != 1 {
		t.Fatalf("%d runs", len(whole))
	}
	for _, e := range r.Spool().Ready()[1:5] {
		if e.Duration != 4*time.Second {
			t.Errorf("%s", e.Base())
		}
	}
}

func TestSegmenterCases(t *testing.T) {
	m := testMedia(t)
	sec := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	for _, c := range []struct {
		name    string
		packets []mixer.Packet
		runs    int
		dropped uint64
		want    string
	}{
		{
			name: "no sound", packets: between(m.video, 0, sec(6)), runs: 1,
			want: `
				0.000 A0 1.600
				1.600 A1 4.000
				5.600 A2 0.400
				6.000 A3 stopped`,
		},
		{
			name: "begins at a keyframe", packets: mixed(between(m.video, sec(1), sec(4)), between(m.audio, sec(1), sec(4)), 0),
			runs: 1, dropped: 15,
			want: `
				1.600 A0 2.400
				4.000 A1 stopped`,
		},
		{
			name: "sound dies", packets: mixed(between(m.video, 0, sec(10)), between(m.audio, 0, sec(3)), 0), runs: 1,
			want: `
				0.000 A0 1.600
				1.600 A1 4.000
				5.600 A2 4.000
				9.600 A3 0.400
				10.000 A4 stopped`,
		},
		{
			name: "sound comes late", packets: mixed(between(m.video, 0, sec(10)), between(m.audio, sec(3), sec(10)), 0), runs: 2,
			dropped: 122, // of the 2.6 s until the next segment can have sound
			want: `
				0.000 A0 1.600
				1.600 A1 4.000
				5.600 B0 4.000
				9.600 B1 0.400
				10.000 B2 stopped`,
		},
		{
			name: "other size", runs: 2,
			packets: mixed(append(between(m.video, 0, sec(3)), between(m.small, sec(3), sec(7))...), between(m.audio, 0, sec(7)), 0),
			want: `
				0.000 A0 1.600
				1.600 A1 1.400
				3.000 B0 2.600
				5.600 B1 1.400
				7.000 B2 stopped`,
		},
		{
			name: "pause", runs: 2,
			packets: append(mixed(between(m.video, 0, sec(3)), between(m.audio, 0, sec(3)), 0),
				later(mixed(between(m.video, sec(5.6), sec(7)), between(m.audio, sec(5.6), sec(7)), 0), sec(8))...),
			want: `
				0.000 A0 1.600
				1.600 A1 1.400
				3.000 A2 unknown
				13.600 B0 1.400
				15.000 B1 stopped`,
		},
		{
			name: "pictures end", packets: mixed(between(m.video, 0, sec(3)), between(m.audio, 0, sec(9)), 0), runs: 1,
			want: `
				0.000 A0 1.600
				1.600 A1 1.400
				3.000 A2 unknown`,
		},
		{
			name: "clock goes back", runs: 2,
			packets: append(mixed(between(m.video, sec(7), sec(9)), between(m.audio, sec(7), sec(9)), 0),
				mixed(between(m.video, 0, sec(1)), between(m.audio, 0, sec(1)), 0)...),
			want: `
				0.000 A0 1.000
				1.000 A1 stopped
				7.000 B0 2.000
				9.000 B1 unknown`,
		},
		{
			name: "repeated packets", runs: 1, dropped: 25 + 47,
			packets: append(mixed(between(m.video, 0, sec(1)), between(m.audio, 0, sec(1)), 0),
				mixed(between(m.video, 0, sec(2)), between(m.audio, 0, sec(2)), 0)...),
			want: `
				0.000 A0 1.600
				1.600 A1 0.400
				2.000 A2 stopped`,
		},
		{
			name: "unfit", runs: 1, dropped: 5,
			packets: append([]mixer.Packet{
				{Codec: mixer.VP8, Data: []byte{1}},
				{Codec: mixer.AAC},
				{Codec: mixer.H264},
				{Codec: mixer.H264, Data: []byte("garbage")},
				{Codec: mixer.H264, Data: []byte{0, 0, 1, 0x65, 1, 2, 3}, Key: true}, // never saw parameter sets
			}, between(m.video, 0, sec(1))...),
			want: `
				0.000 A0 1.000
				1.000 A1 stopped`,
		},
		{name: "nothing", want: ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRecorder(t, t.TempDir(), newDir(t, t.TempDir()))
			st := record(t, r, c.packets)
			if c.want != "" {
				wantTimeline(t, r, c.want)
			} else if n := len(r.Spool().Ready()); n > 0 {
				t.Errorf("%d entries", n)
			}
			if st.Dropped != c.dropped {
				t.Errorf("%d packets dropped, want %d", st.Dropped, c.dropped)
			}
			whole, _ := files(t, r)
			if len(whole) != c.runs {
				t.Errorf("%d runs, want %d", len(whole), c.runs)
			}
			for _, file := range whole {
				_, audio := split(probe(t, file))
				contiguous(t, "audio", audio)
			}
		})
	}
}

// A keyframe that rounding puts just before the boundary still cuts; one well before does not.
func TestBoundarySlack(t *testing.T) {
	m := testMedia(t)
	for _, c := range []struct {
		early time.Duration
		want  int
	}{{0, 3}, {500 * time.Microsecond, 3}, {10 * time.Millisecond, 2}} {
		r := newRecorder(t, t.TempDir(), newDir(t, t.TempDir()))
		record(t, r, later(between(m.video, 0, 7*time.Second), -c.early))
		var n int
		for _, e := range r.Spool().Ready() {
			if e.Reason == "" {
				n++
			}
		}
		if n != c.want {
			t.Errorf("%v early: %d segments, want %d\n%s", c.early, n, c.want, timeline(r.Spool().Ready()))
		}
	}
}

// Ticks since 1970 grow; they must still compare in decades.
func TestSoundInFiftyYears(t *testing.T) {
	m := testMedia(t)
	r := newRecorder(t, t.TempDir(), newDir(t, t.TempDir()))
	st := record(t, r, later(mixed(m.video, m.audio, 40*time.Millisecond), 50*365*24*time.Hour))
	if st.Segments != 6 || st.Runs != 1 || st.Dropped != 0 {
		t.Errorf("%+v", st)
	}
	_, each := files(t, r)
	for n, file := range each {
		checkSegment(t, n, file)
	}
}

func TestTicks(t *testing.T) {
	for fps := int64(1); fps <= 60; fps++ {
		for n := range int64(600) {
			at := testEpoch.Add(time.Duration(n * 1e9 / fps))
			want := ticksOf(testEpoch, videoRate) + (n*videoRate+fps/2)/fps
			if got := ticksOf(at, videoRate); got != want {
				t.Fatalf("%d/%d: %d, want %d", n, fps, got, want)
			}
		}
	}
	if at := wallOf(ticksOf(testEpoch, videoRate)); !at.Equal(testEpoch) {
		t.Error(at)
	}
}
