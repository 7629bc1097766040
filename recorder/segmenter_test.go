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
	"azulejo/recorder/fmp4"
	"azulejo/recorder/footage"
	"azulejo/recorder/spool"
)

// read returns the spool's file of a key.
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

// timeline prints the entries of the spool: seconds since testEpoch, then the run as a letter with the
// sequence number, then the duration or the reason.
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

// files returns playable files: an init segment with all segments of its run, by run, and an init
// segment with one segment, by name.
func files(t *testing.T, r *Recorder) (whole map[string][]byte, each map[footage.Name][]byte) {
	t.Helper()
	whole, each = map[string][]byte{}, map[footage.Name][]byte{}
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
			st := record(t, r, interleave(m.video, m.audio, late))
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

// checkWhole checks a run: every video packet once and at its time, and audio without a gap.
func checkWhole(t *testing.T, file []byte) {
	t.Helper()
	video, audio := split(probe(t, file))
	contiguous(t, "video", video)
	contiguous(t, "audio", audio)
	if len(video) != 21*testFPS || video[0].at != fmp4.Ticks(testEpoch, fmp4.VideoRate) {
		t.Errorf("%d video packets from %d", len(video), video[0].at)
	}
	start, end := float64(audio[0].at)/fmp4.AudioRate, float64(audio[len(audio)-1].end)/fmp4.AudioRate
	if wall := float64(testEpoch.UnixMilli()) / 1000; start != wall || end < wall+20.98 || end > wall+21.03 {
		t.Errorf("audio from %.3f to %.3f, recorded from %.3f", start, end, wall)
	}
}

// checkSegment checks that the name of a segment has the times of its video, and that its audio starts
// and ends within one AAC frame of the video.
func checkSegment(t *testing.T, n footage.Name, file []byte) {
	t.Helper()
	video, audio := split(probe(t, file))
	if len(video) == 0 || len(audio) == 0 || !video[0].key {
		t.Fatalf("%s: %d video and %d audio packets", n.Base(), len(video), len(audio))
	}
	start, end := fmp4.WallTime(video[0].at), fmp4.WallTime(video[len(video)-1].end)
	if !start.Equal(n.Start) || !end.Equal(n.End()) {
		t.Errorf("%s: video from %v to %v", n.Base(), start, end)
	}
	const frame = 1024.0 / fmp4.AudioRate
	first, last := audio[0], audio[len(audio)-1]
	if d := float64(first.at)/fmp4.AudioRate - float64(video[0].at)/fmp4.VideoRate; d < 0 || d > frame {
		t.Errorf("%s: audio starts %.3f s after the video", n.Base(), d)
	}
	if d := float64(last.end)/fmp4.AudioRate - float64(video[len(video)-1].end)/fmp4.VideoRate; d < -frame || d > frame {
		t.Errorf("%s: audio ends %.3f s after the video", n.Base(), d)
	}
}

func TestPartsAreSecondsLong(t *testing.T) {
	m := testMedia(t)
	r := newRecorder(t, t.TempDir(), newDir(t, t.TempDir()))
	record(t, r, interleave(m.video, m.audio, 50*time.Millisecond))
	body := read(t, r, r.Spool().Ready()[2].Key())
	var ends []string
	for _, part := range splitParts(t, body) {
		end, err := fmp4.PartEnd(part)
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

// A source that sends a frame only when something changes: 1 to 25 frames/s, not on a grid.
func TestVariableFrameRate(t *testing.T) {
	m := testMedia(t)
	var sparse []mixer.Packet
	for i, p := range m.video {
		if p.Key || (i < 200 && i%3 == 0) || i%24 == 0 {
			sparse = append(sparse, p)
		}
	}
	r := newRecorder(t, t.TempDir(), newDir(t, t.TempDir()))
	record(t, r, interleave(sparse, m.audio, 20*time.Millisecond))
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
			name: "no audio", packets: between(m.video, 0, sec(6)), runs: 1,
			want: `
				0.000 A0 1.600
				1.600 A1 4.000
				5.600 A2 0.400
				6.000 A3 stopped`,
		},
		{
			name: "starts at a keyframe", packets: interleave(between(m.video, sec(1), sec(4)), between(m.audio, sec(1), sec(4)), 0),
			runs: 1, dropped: 15,
			want: `
				1.600 A0 2.400
				4.000 A1 stopped`,
		},
		{
			name: "audio ends", packets: interleave(between(m.video, 0, sec(10)), between(m.audio, 0, sec(3)), 0), runs: 1,
			want: `
				0.000 A0 1.600
				1.600 A1 4.000
				5.600 A2 4.000
				9.600 A3 0.400
				10.000 A4 stopped`,
		},
		{
			name: "audio starts late", packets: interleave(between(m.video, 0, sec(10)), between(m.audio, sec(3), sec(10)), 0), runs: 2,
			dropped: 122, // the audio of the 2.6 s before the next segment, which can have audio
			want: `
				0.000 A0 1.600
				1.600 A1 4.000
				5.600 B0 4.000
				9.600 B1 0.400
				10.000 B2 stopped`,
		},
		{
			name: "another video size", runs: 2,
			packets: interleave(append(between(m.video, 0, sec(3)), between(m.small, sec(3), sec(7))...), between(m.audio, 0, sec(7)), 0),
			want: `
				0.000 A0 1.600
				1.600 A1 1.400
				3.000 B0 2.600
				5.600 B1 1.400
				7.000 B2 stopped`,
		},
		{
			name: "pause", runs: 2,
			packets: append(interleave(between(m.video, 0, sec(3)), between(m.audio, 0, sec(3)), 0),
				later(interleave(between(m.video, sec(5.6), sec(7)), between(m.audio, sec(5.6), sec(7)), 0), sec(8))...),
			want: `
				0.000 A0 1.600
				1.600 A1 1.400
				3.000 A2 unknown
				13.600 B0 1.400
				15.000 B1 stopped`,
		},
		{
			name: "video ends", packets: interleave(between(m.video, 0, sec(3)), between(m.audio, 0, sec(9)), 0), runs: 1,
			want: `
				0.000 A0 1.600
				1.600 A1 1.400
				3.000 A2 unknown`,
		},
		{
			name: "clock goes back", runs: 2,
			packets: append(interleave(between(m.video, sec(7), sec(9)), between(m.audio, sec(7), sec(9)), 0),
				interleave(between(m.video, 0, sec(1)), between(m.audio, 0, sec(1)), 0)...),
			want: `
				0.000 A0 1.000
				1.000 A1 stopped
				7.000 B0 2.000
				9.000 B1 unknown`,
		},
		{
			name: "repeated packets", runs: 1, dropped: 25 + 47,
			packets: append(interleave(between(m.video, 0, sec(1)), between(m.audio, 0, sec(1)), 0),
				interleave(between(m.video, 0, sec(2)), between(m.audio, 0, sec(2)), 0)...),
			want: `
				0.000 A0 1.600
				1.600 A1 0.400
				2.000 A2 stopped`,
		},
		{
			name: "unusable packets", runs: 1, dropped: 5,
			packets: append([]mixer.Packet{
				{Codec: mixer.VP8, Data: []byte{1}},
				{Codec: mixer.AAC},
				{Codec: mixer.H264},
				{Codec: mixer.H264, Data: []byte("garbage")},
				{Codec: mixer.H264, Data: []byte{0, 0, 1, 0x65, 1, 2, 3}, Key: true}, // no parameter sets before it
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

// A keyframe less than 1 ms before the boundary (rounding) starts a segment. An earlier one does not.
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

// Ticks since 1970 grow. The conversion between audio and video ticks must not overflow for decades.
func TestAudioInFiftyYears(t *testing.T) {
	m := testMedia(t)
	r := newRecorder(t, t.TempDir(), newDir(t, t.TempDir()))
	st := record(t, r, later(interleave(m.video, m.audio, 40*time.Millisecond), 50*365*24*time.Hour))
	if st.Segments != 6 || st.Runs != 1 || st.Dropped != 0 {
		t.Errorf("%+v", st)
	}
	_, each := files(t, r)
	for n, file := range each {
		checkSegment(t, n, file)
	}
}
