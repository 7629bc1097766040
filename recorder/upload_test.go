package recorder

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"azulejo/recorder/fmp4"
	"azulejo/recorder/footage"
	"azulejo/recorder/spool"
	"azulejo/recorder/store"
	"azulejo/recorder/store/storetest"
)

// flakyStore fails with the error of fail, and remembers the keys that it has stored.
type flakyStore struct {
	store.Store
	mu     sync.Mutex
	fail   func(key string) error // nil: never
	tries  []time.Time
	stored []string
}

var errRefused = errors.New("refused")

func (s *flakyStore) Put(ctx context.Context, key string, body io.ReadSeeker) error {
	s.mu.Lock()
	s.tries = append(s.tries, time.Now())
	fail := s.fail
	s.mu.Unlock()
	if fail != nil {
		if err := fail(key); err != nil {
			return err
		}
	}
	err := s.Store.Put(ctx, key, body)
	if err == nil {
		s.mu.Lock()
		s.stored = append(s.stored, key)
		s.mu.Unlock()
	}
	return err
}

func (s *flakyStore) setFail(fail func(key string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = fail
}

func (s *flakyStore) keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.stored)
}

func (s *flakyStore) attempts() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.tries)
}

// fill adds whole segments of made-up bytes to the spool.
func fill(t *testing.T, r *Recorder, stream string, count int) []spool.Entry {
	t.Helper()
	for i := range count {
		n := footage.Name{
			Room: "yard", Stream: stream, Start: time.UnixMilli(int64(i) * 4000).UTC(),
			Init: "0123456789ab", Nonce: "beef", Seq: uint32(i),
		}
		f, err := r.spool.Create(n, []byte("init"))
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Append([]byte(n.Base())); err != nil {
			t.Fatal(err)
		}
		if err := f.Finish(n.Start.Add(4 * time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	return r.spool.Ready()
}

func wantKeys(entries []spool.Entry) []string {
	keys := []string{entries[0].InitName().Key()}
	for _, e := range entries {
		keys = append(keys, e.Key())
	}
	return keys
}

func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	for _, sub := range []string{"open", "ready", "init"} {
		if left, err := os.ReadDir(filepath.Join(dir, sub)); err != nil || len(left) > 0 {
			t.Errorf("left in %s: %v, %v", sub, left, err)
		}
	}
}

// A store refuses and recovers. Nothing is lost, the order is kept, the wait between attempts grows.
func TestStoreRefusesThenRecovers(t *testing.T) {
	dirs := [2]string{t.TempDir(), t.TempDir()}
	synctest.Test(t, func(t *testing.T) {
		st := &flakyStore{Store: newDir(t, dirs[1]), fail: func(string) error { return errRefused }}
		r := newRecorder(t, dirs[0], st)
		want := wantKeys(fill(t, r, "main", 5))
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error)
		go func() { ran <- r.Run(ctx) }()

		time.Sleep(10 * time.Minute)
		checkBackoff(t, st.attempts())
		if up := r.Stats().Uploads; up.Waiting != 5 || up.Stored != 0 || up.Failures == 0 || up.Error == "" || !up.Oldest.Equal(time.UnixMilli(0)) {
			t.Errorf("%+v", up)
		}
		calls := 0
		st.setFail(func(key string) error { // every third attempt works
			if calls++; calls%3 != 0 {
				return errRefused
			}
			return nil
		})
		time.Sleep(10 * time.Minute)
		if up := r.Stats().Uploads; up.Waiting != 0 || up.Stored != 5 || up.Error != "" || !up.Oldest.IsZero() {
			t.Errorf("%+v", up)
		}
		if diff := cmp.Diff(want, st.keys()); diff != "" {
			t.Errorf("stored (-want +got):\n%s", diff)
		}
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
		wantEmpty(t, dirs[0])
	})
}

// checkBackoff checks the waits: they double from 1 s to 1 min, ±20 %.
func checkBackoff(t *testing.T, tries []time.Time) {
	t.Helper()
	want := time.Second
	for i := 1; i < len(tries); i++ {
		if d := tries[i].Sub(tries[i-1]); d < want*8/10 || d > want*12/10 {
			t.Errorf("attempt %d after %v, want about %v", i, d, want)
		}
		want = min(2*want, time.Minute)
	}
	if len(tries) < 12 || len(tries) > 20 {
		t.Errorf("%d attempts in ten minutes", len(tries))
	}
}

// The init segment is stored before any segment that needs it, even if the store refuses only the init
// segment.
func TestInitFirst(t *testing.T) {
	dirs := [2]string{t.TempDir(), t.TempDir()}
	synctest.Test(t, func(t *testing.T) {
		st := &flakyStore{Store: newDir(t, dirs[1]), fail: func(key string) error {
			if path.Ext(key) == ".mp4" {
				return errRefused
			}
			return nil
		}}
		r := newRecorder(t, dirs[0], st)
		want := wantKeys(fill(t, r, "main", 2))
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error)
		go func() { ran <- r.Run(ctx) }()
		time.Sleep(time.Minute)
		if got := st.keys(); len(got) > 0 {
			t.Errorf("stored without init segment: %v", got)
		}
		st.setFail(nil)
		cancel() // Run drains before it returns
		if err := <-ran; err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, st.keys()); diff != "" {
			t.Errorf("stored (-want +got):\n%s", diff)
		}
	})
}

// The store hangs. Run returns after Config.Drain and leaves the footage for the next start.
func TestDrainDeadline(t *testing.T) {
	dirs := [2]string{t.TempDir(), t.TempDir()}
	synctest.Test(t, func(t *testing.T) {
		st := &flakyStore{Store: newDir(t, dirs[1])}
		r := newRecorder(t, dirs[0], hangingStore{st})
		want := wantKeys(fill(t, r, "main", 3))
		ctx, cancel := context.WithCancel(t.Context())
		ran := make(chan error)
		go func() { ran <- r.Run(ctx) }()
		synctest.Wait()
		stopped := time.Now()
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
		if d := time.Since(stopped); d != 10*time.Second {
			t.Errorf("drained for %v", d)
		}

		again := newRecorder(t, dirs[0], st)
		ctx, cancel = context.WithCancel(t.Context())
		cancel()
		if err := again.Run(ctx); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, st.keys()); diff != "" {
			t.Errorf("stored (-want +got):\n%s", diff)
		}
		wantEmpty(t, dirs[0])
	})
}

// hangingStore is a store whose Put waits until its context ends.
type hangingStore struct{ store.Store }

func (h hangingStore) Put(ctx context.Context, _ string, _ io.ReadSeeker) error {
	<-ctx.Done()
	return ctx.Err()
}

// The folder of a directory store is gone. The uploader must not conclude that the spool's files are.
func TestStoreFolderVanishes(t *testing.T) {
	spoolDir, parent := t.TempDir(), t.TempDir()
	root := filepath.Join(parent, "store")
	r := newRecorder(t, spoolDir, newDir(t, root))
	entries := fill(t, r, "main", 3)
	if err := os.RemoveAll(root); err != nil {
		t.Fatal(err)
	}
	if stored, err := r.uploader.pass(t.Context()); err == nil || stored != 0 {
		t.Errorf("%d stored, %v", stored, err)
	}
	if diff := cmp.Diff(entries, r.spool.Ready()); diff != "" {
		t.Error(diff)
	}
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(spoolDir, "ready", "yard~main~"+e.Base())); err != nil {
			t.Error(err)
		}
	}
}

// One lost file in the spool does not delay the others.
func TestSpoolFileVanishes(t *testing.T) {
	dir := t.TempDir()
	st := &flakyStore{Store: newDir(t, t.TempDir())}
	r := newRecorder(t, dir, st)
	entries := fill(t, r, "main", 3)
	if err := os.Remove(filepath.Join(dir, "ready", "yard~main~"+entries[1].Base())); err != nil {
		t.Fatal(err)
	}
	if _, err := r.uploader.pass(t.Context()); err != nil {
		t.Error(err)
	}
	want := wantKeys([]spool.Entry{entries[0], entries[2]})
	if diff := cmp.Diff(want, st.keys()); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	wantEmpty(t, dir)
}

// While the spool's folder is away the uploader keeps all entries and stops after the first. When the
// folder is back it stores all of them, and the segment that a recording had to abandon.
func TestSpoolFolderAway(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	st := &flakyStore{Store: newDir(t, t.TempDir())}
	r := newRecorder(t, dir, st)
	entries := fill(t, r, "main", 3)
	open := footage.Name{Room: "yard", Stream: "main", Start: entries[2].End(), Init: "0123456789ab", Nonce: "beef", Seq: 3}
	f, err := r.spool.Create(open, []byte("init"))
	if err != nil {
		t.Fatal(err)
	}
	at := fmp4.Ticks(open.Start, fmp4.VideoRate)
	part, err := fmp4.MarshalPart(1, []fmp4.Sample{{Time: at, Key: true, Data: []byte("video")}}, nil, at+fmp4.VideoRate)
	if err = errors.Join(err, f.Append(part), os.Rename(dir, dir+".away")); err != nil {
		t.Fatal(err)
	}
	f.Abandon(footage.Disk)

	stored, err := r.uploader.pass(t.Context())
	if !errors.Is(err, spool.ErrAway) || stored != 0 || strings.Count(err.Error(), "\n") > 1 {
		t.Errorf("%d stored, %v", stored, err)
	}
	if diff := cmp.Diff(entries, r.spool.Ready()); diff != "" {
		t.Error(diff)
	}
	if err = os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	if stored, err = r.uploader.pass(t.Context()); err != nil || stored != 5 { // with the mark
		t.Errorf("%d stored, %v", stored, err)
	}
	open.Duration = time.Second
	if got := st.keys(); len(got) != 6 || got[4] != open.Key() {
		t.Error(got)
	}
	wantEmpty(t, dir)
}

// Real media go through a running recorder into a real S3 server. The store ends up with a complete
// run, and the spool is empty.
func TestRecordToS3(t *testing.T) {
	m := testMedia(t)
	st := storetest.OpenS3(t)
	dir := t.TempDir()
	r := newRecorder(t, dir, st)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error)
	go func() { ran <- r.Run(ctx) }()
	record(t, r, interleave(m.video, m.audio, 40*time.Millisecond))
	eventually(t, "uploads", func() bool { return r.Stats().Uploads.Waiting == 0 })
	cancel()
	if err := <-ran; err != nil {
		t.Fatal(err)
	}
	wantEmpty(t, dir)

	var init, rest []byte
	for info, err := range st.List(t.Context(), store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		body, _, err := st.Get(t.Context(), info.Key)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(body)
		if err = errors.Join(err, body.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := footage.ParseInitKey(info.Key); err == nil {
			init = b
		} else if _, err := footage.ParseKey(info.Key); err == nil {
			rest = append(rest, b...)
		} else {
			t.Error(err)
		}
	}
	checkWhole(t, bytes.Join([][]byte{init, rest}, nil))
}
