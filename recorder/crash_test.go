package recorder

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"azulejo/mixer"
)

// recordUntil opens a recording, writes packets, and returns when all parts up to a time are on disk.
func recordUntil(t *testing.T, r *Recorder, packets []mixer.Packet, durable time.Duration) *Recording {
	t.Helper()
	rec, err := r.Start("yard", "main", testEpoch)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packets {
		rec.WritePacket(p)
	}
	eventually(t, "parts on disk", func() bool { return !rec.Stats().Durable.Before(testEpoch.Add(durable)) })
	return rec
}

// A crash cuts the open segment at any byte. After the restart all whole parts are there and play,
// and the timeline says why the run ends.
func TestCrashAtEveryKindOfByte(t *testing.T) {
	m := testMedia(t)
	packets := interleave(between(m.video, 0, 5*time.Second), between(m.audio, 0, 5*time.Second), 0)
	dir := t.TempDir()
	recordUntil(t, newRecorder(t, dir, newDir(t, t.TempDir())), packets, 4600*time.Millisecond)
	open, err := filepath.Glob(filepath.Join(dir, "open", "*"))
	if err != nil || len(open) != 1 {
		t.Fatal(open, err)
	}
	body, err := os.ReadFile(open[0])
	if err != nil {
		t.Fatal(err)
	}

	ends := []int{0}
	cuts := map[int]bool{}
	for _, part := range splitParts(t, body) {
		start := ends[len(ends)-1]
		mdat := start + bytes.Index(part, []byte("mdat")) - 4
		end := start + len(part)
		for _, at := range []int{
			start, start + 1, start + 4, start + 8, start + 100, mdat - 1, mdat, mdat + 4, mdat + 8,
			(mdat + end) / 2, end - 1, end,
		} {
			cuts[at] = true
		}
		ends = append(ends, end)
	}
	if len(ends) != 4 { // 1.6 to 2.6, 3.6, 4.6 s
		t.Fatalf("%d parts", len(ends)-1)
	}
	for at := range cuts {
		t.Run(fmt.Sprint(at), func(t *testing.T) { crashAt(t, dir, filepath.Base(open[0]), at, ends) })
	}
}

func crashAt(t *testing.T, spooled, open string, at int, ends []int) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(spooled)); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, "open", open), int64(at)); err != nil {
		t.Fatal(err)
	}
	whole := 0
	for i, end := range ends {
		if end <= at {
			whole = i
		}
	}
	r := newRecorder(t, dir, newDir(t, t.TempDir()))
	if whole == 0 {
		wantTimeline(t, r, `
			0.000 A0 1.600
			1.600 A1 restart`)
		return
	}
	wantTimeline(t, r, fmt.Sprintf(`
		0.000 A0 1.600
		1.600 A1 %d.000
		%d.600 A2 restart`, whole, whole+1))
	if got := r.Spool().Ready()[1].Bytes; got != int64(ends[whole]) {
		t.Errorf("%d bytes kept, want %d", got, ends[whole])
	}
	files, _ := files(t, r)
	for _, file := range files {
		video, audio := split(probe(t, file))
		contiguous(t, "video", video)
		contiguous(t, "audio", audio)
		if want := 40 + 25*whole; len(video) != want {
			t.Errorf("%d video packets, want %d", len(video), want)
		}
	}
}

// The disk goes away and comes back. WritePacket never fails and Stats reports the error. The whole
// parts are saved, and a new run starts at the next keyframe.
func TestDiskFails(t *testing.T) {
	m := testMedia(t)
	packets := interleave(between(m.video, 0, 5*time.Second), between(m.audio, 0, 5*time.Second), 0)
	dir := t.TempDir()
	r := newRecorder(t, dir, newDir(t, t.TempDir()))
	rec := recordUntil(t, r, packets, 4600*time.Millisecond)

	gone := dir + ".gone"
	if err := os.Rename(dir, gone); err != nil {
		t.Fatal(err)
	}
	for _, p := range interleave(between(m.video, 5*time.Second, 11*time.Second), between(m.audio, 5*time.Second, 11*time.Second), 0) {
		rec.WritePacket(p)
	}
	eventually(t, "the error", func() bool { st := rec.Stats(); return st.Error != "" && st.Waiting == 0 })
	dropped := rec.Stats().Dropped
	if err := os.Rename(gone, dir); err != nil {
		t.Fatal(err)
	}
	for _, p := range interleave(between(m.video, 11*time.Second, 16*time.Second), between(m.audio, 11*time.Second, 16*time.Second), 0) {
		rec.WritePacket(p)
	}
	if err := rec.Close(); err != nil {
		t.Error(err)
	}
	if st := rec.Stats(); st.Error != "" || st.Dropped < dropped || dropped == 0 {
		t.Errorf("%+v", st)
	}
	if err := r.spool.Recover(); err != nil {
		t.Fatal(err)
	}
	wantTimeline(t, r, `
		0.000 A0 1.600
		1.600 A1 4.000
		5.600 A2 disk
		13.600 B0 2.400
		16.000 B1 stopped`)
	whole, _ := files(t, r)
	for _, file := range whole {
		probe(t, file)
	}
}

// A writer that falls behind drops packets, counted. The run ends there and another one starts at a
// keyframe.
func TestOverflow(t *testing.T) {
	m := testMedia(t)
	r := newRecorder(t, t.TempDir(), newDir(t, t.TempDir()))
	r.cfg.Queue = 200
	rec, err := r.Start("yard", "main", testEpoch)
	if err != nil {
		t.Fatal(err)
	}
	write := func(packets []mixer.Packet) {
		for _, p := range packets {
			rec.WritePacket(p)
		}
	}
	write(between(m.video, 0, 2*time.Second))
	eventually(t, "an idle writer", func() bool {
		st := rec.Stats()
		return st.Waiting == 0 && st.Durable.Equal(testEpoch.Add(time.Second*16/10))
	})

	rec.mu.Lock() // blocks publish and so the writer
	write(between(m.video, 2*time.Second, 12*time.Second))
	rec.mu.Unlock()
	eventually(t, "an empty queue", func() bool { return rec.Stats().Waiting == 0 })
	before := rec.Stats().Dropped
	write(between(m.video, 12*time.Second, 15*time.Second))
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	st := rec.Stats()
	// The queue accepted 200 packets, or 201 if the writer had popped one. The others before the
	// keyframe at 13.6 s are dropped.
	if all := uint64(250 + 40); st.Dropped != all-200 && st.Dropped != all-201 {
		t.Errorf("%d packets dropped (%d before the keyframe)", st.Dropped, before)
	}
	ready := r.Spool().Ready()
	n := len(ready)
	if st.Runs != 2 || n < 4 || ready[n-3].Reason != "overload" || !ready[n-2].Start.Equal(testEpoch.Add(13600*time.Millisecond)) {
		t.Errorf("%+v\n%s", st, timeline(ready))
	}
	rec.WritePacket(m.video[0]) // ignored after Close
	if again := rec.Stats(); again.Waiting != 0 || again.Dropped != st.Dropped {
		t.Errorf("%+v", again)
	}
}

func TestStartRefuses(t *testing.T) {
	r := newRecorder(t, t.TempDir(), newDir(t, t.TempDir()))
	rec, err := r.Start("yard", "main", testEpoch)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range [][2]string{{"yard", "main"}, {"../yard", "main"}, {"yard", "a\tb"}, {"", "main"}} {
		if _, err = r.Start(name[0], name[1], testEpoch); err == nil {
			t.Errorf("%q is recorded", name)
		}
	}
	if st := r.Stats(); len(st.Recordings) != 1 || st.Recordings[0].Stream != "main" {
		t.Errorf("%+v", st)
	}
	if err = rec.Close(); err != nil {
		t.Error(err)
	}
	if rec, err = r.Start("yard", "main", testEpoch); err != nil {
		t.Fatalf("after close: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := rec.Close(); err != nil {
		t.Error(err)
	}
	if _, err := r.Start("yard", "main", testEpoch); err == nil {
		t.Error("a closed recorder records")
	}
}

func TestConfigValidate(t *testing.T) {
	if err := (Config{Dir: "x"}).Validate(); err != nil {
		t.Error(err)
	}
	for _, c := range []Config{
		{},
		{Dir: "x", Segment: time.Millisecond},
		{Dir: "x", Segment: time.Hour},
		{Dir: "x", Part: time.Millisecond},
		{Dir: "x", Part: 5 * time.Second},
		{Dir: "x", Queue: 1},
		{Dir: "x", Drain: -1},
		{Dir: "x", Timeout: 1},
	} {
		if c.Validate() == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}
