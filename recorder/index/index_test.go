package index_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"azulejo/recorder/footage"
	"azulejo/recorder/index"
	"azulejo/recorder/spool"
	"azulejo/recorder/store"
	"azulejo/recorder/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// t0 is just before the end of an hour, a day and a month.
var t0 = time.Date(2026, 2, 28, 23, 59, 50, 0, time.UTC)

func at(s float64) time.Time { return t0.Add(time.Duration(s * float64(time.Second))) }

// name is a segment of a run, from..to seconds after t0, or a mark.
func name(run string, seq uint32, from, to float64, reason footage.Reason) footage.Name {
	return footage.Name{
		Room: "yard", Stream: "main", Start: at(from), Duration: at(to).Sub(at(from)),
		Init: strings.Repeat(run, 12), Nonce: "0000", Seq: seq, Reason: reason,
	}
}

func put(t *testing.T, st store.Store, key, body string) {
	t.Helper()
	if err := st.Put(t.Context(), key, strings.NewReader(body)); err != nil {
		t.Fatal(err)
	}
}

func newSpool(t *testing.T) *spool.Spool {
	t.Helper()
	sp, err := spool.Open(t.TempDir(), slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sp.Close() })
	return sp
}

func add(t *testing.T, sp *spool.Spool, n footage.Name) {
	t.Helper()
	f, err := sp.Create(n, []byte("init"))
	if err == nil {
		err = errors.Join(f.Append([]byte("12345")), f.Finish(n.End()))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// fillBoth fills a store and a spool: a crash, a stop, another video size, the newest segments in the
// spool.
func fillBoth(t *testing.T, st store.Store) *spool.Spool {
	t.Helper()
	for _, n := range []footage.Name{
		name("a", 0, 0, 4, ""), name("a", 1, 4, 8, ""), name("a", 2, 8, 9, ""), name("a", 3, 9, 9, footage.Restart),
		name("b", 0, 30, 34, ""), name("b", 1, 34, 38, ""),
		name("c", 0, 38, 42, ""), name("c", 1, 42, 42, footage.Stopped),
		name("d", 0, 100, 104, ""), name("d", 2, 108, 112, ""), // one is lost
		name("d", 3, 112, 116, ""),
	} {
		body := "123456789"
		if n.Reason != "" {
			body = ""
		}
		put(t, st, n.Key(), body)
		put(t, st, n.InitName().Key(), "init")
	}
	put(t, st, "v1/yard/gate/2026/02/28/23/nonsense", "x")
	sp := newSpool(t)
	add(t, sp, name("d", 3, 112, 116, "")) // stored already, not removed yet
	add(t, sp, name("d", 4, 116, 120, ""))
	stop := name("d", 5, 120, 120, footage.Stopped)
	if err := sp.Mark(stop); err != nil {
		t.Fatal(err)
	}
	other := name("e", 0, 116, 120, "")
	other.Stream = "porch"
	add(t, sp, other)
	return sp
}

func eachStore(t *testing.T, test func(t *testing.T, st store.Store)) {
	t.Run("dir", func(t *testing.T) {
		st, err := store.NewDir(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		test(t, st)
	})
	t.Run("s3", func(t *testing.T) { test(t, storetest.OpenS3(t)) })
}

func TestIndex(t *testing.T) {
	eachStore(t, func(t *testing.T, st store.Store) {
		ix := index.New(st, fillBoth(t, st))
		streams, err := ix.Streams(t.Context(), "yard")
		if diff := cmp.Diff([]string{"gate", "main", "porch"}, streams); diff != "" || err != nil {
			t.Error(err, diff)
		}
		for _, c := range []struct {
			name     string
			from, to time.Time
			limit    int
			want     string
		}{
			{"all", time.Time{}, time.Time{}, 0, "a0 a1 a2 b0 b1 c0 d0 d2 d3 d4:spool"},
			{"from within", at(5), time.Time{}, 0, "a1 a2 b0 b1 c0 d0 d2 d3 d4:spool"},
			{"to within", time.Time{}, at(31), 0, "a0 a1 a2 b0"},
			{"next hour", at(34), at(42), 0, "b1 c0"},
			{"edges are exclusive", at(4), at(8), 0, "a1"},
			{"a gap", at(10), at(29), 0, ""},
			{"spool", at(116), at(300), 0, "d4:spool"},
			{"before", at(-1000), at(0), 0, ""},
			{"after", at(1000), at(2000), 0, ""},
			{"the first", time.Time{}, time.Time{}, 2, "a0 a1"},
			{"the first, without marks and older segments", at(5), time.Time{}, 4, "a1 a2 b0 b1"},
			{"the first, in both places", at(109), time.Time{}, 3, "d2 d3 d4:spool"},
			{"the first, one of them twice", at(109), time.Time{}, 2, "d2 d3"},
			{"limit not reached", at(34), at(42), 3, "b1 c0"},
		} {
			segments, err := ix.Segments(t.Context(), "yard", "main", c.from, c.to, c.limit)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range segments {
				text := fmt.Sprintf("%c%d", s.Init[0], s.Seq)
				if s.Where == index.InSpool {
					text += ":spool"
				}
				got = append(got, text)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%s: %v, want %s", c.name, got, c.want)
			}
		}
	})
}

// TestNamesOfCameras: every name that a camera may have names a stream, in the spool and in both stores.
func TestNamesOfCameras(t *testing.T) {
	names := []string{"..", "50%", "Gate/North", "a~b", "می\u200cشود", "👨‍👩‍👧", strings.Repeat("문", 128), strings.Repeat("/", 128), strings.Repeat("💥", 100)}
	slices.Sort(names)
	eachStore(t, func(t *testing.T, st store.Store) {
		sp := newSpool(t)
		for _, stream := range names {
			stored, spooled := name("a", 0, 0, 4, ""), name("a", 1, 4, 8, "")
			stored.Stream, spooled.Stream = stream, stream
			put(t, st, stored.Key(), "12345")
			add(t, sp, spooled)
		}
		stored, both := index.New(st, nil), index.New(st, sp)
		got, err := stored.Streams(t.Context(), "yard")
		if diff := cmp.Diff(names, got); diff != "" || err != nil {
			t.Error(err, diff)
		}
		for _, stream := range names {
			if got, err := both.Segments(t.Context(), "yard", stream, time.Time{}, time.Time{}, 0); err != nil || len(got) != 2 {
				t.Errorf("%q: %d segments, %v; want one in the store and one in the spool", stream, len(got), err)
			}
		}
	})
}

func TestTimeline(t *testing.T) {
	st, err := store.NewDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ix := index.New(st, fillBoth(t, st))
	got, err := ix.Timeline(t.Context(), "yard", "main", at(5), at(200))
	if err != nil {
		t.Fatal(err)
	}
	want := index.Timeline{
		Spans: []index.Span{
			{at(4), at(9), 2, 18, index.InStore},
			{at(30), at(42), 3, 27, index.InStore}, // another init segment alone is no gap
			{at(100), at(104), 1, 9, index.InStore},
			{at(108), at(116), 2, 18, index.InStore},
			{at(116), at(120), 1, 5, index.InSpool},
		},
		Gaps: []index.Gap{
			{at(9), at(30), footage.Restart},
			{at(42), at(100), footage.Stopped},
			{at(104), at(108), footage.Unknown}, // within a run
			{at(120), at(200), footage.Stopped},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	empty, err := ix.Timeline(t.Context(), "yard", "nothing", time.Time{}, time.Time{})
	if err != nil || empty.Spans == nil || empty.Gaps == nil || len(empty.Spans)+len(empty.Gaps) > 0 {
		t.Errorf("%+v, %v", empty, err)
	}
}

// The index finds a segment that moves from the spool to the store while it lists them.
func TestNothingMissedWhileUploading(t *testing.T) {
	dir, err := store.NewDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	sp := newSpool(t)
	n := name("a", 0, 0, 4, "")
	add(t, sp, n)
	st := uploading{dir, func() {
		put(t, dir, n.Key(), "12345")
		if e := sp.Remove(n); e != nil {
			t.Error(e)
		}
	}}
	segments, err := index.New(st, sp).Segments(t.Context(), "yard", "main", time.Time{}, time.Time{}, 0)
	if err != nil || len(segments) != 1 {
		t.Errorf("%v, %v", segments, err)
	}
}

// uploading is a store that calls before at the start of each List.
type uploading struct {
	store.Store
	before func()
}

func (u uploading) List(ctx context.Context, q store.Query) iter.Seq2[store.Info, error] {
	u.before()
	return u.Store.List(ctx, q)
}

func TestErrors(t *testing.T) {
	st, err := store.NewDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ix := index.New(st, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	put(t, st, name("a", 0, 0, 4, "").Key(), "x")
	if _, err := ix.Segments(ctx, "yard", "main", time.Time{}, time.Time{}, 0); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := ix.Timeline(ctx, "yard", "main", time.Time{}, time.Time{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := ix.Streams(ctx, "yard"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for _, bad := range []string{"", "a\tb", strings.Repeat("방", 129)} {
		_, err := ix.Segments(t.Context(), bad, "main", time.Time{}, time.Time{}, 0)
		_, err2 := ix.Timeline(t.Context(), "yard", bad, time.Time{}, time.Time{})
		_, err3 := ix.Streams(t.Context(), bad)
		for _, err := range []error{err, err2, err3} {
			if !errors.Is(err, footage.ErrName) {
				t.Errorf("%q: %v", bad, err)
			}
		}
	}
	if _, err := ix.Local("v1/x"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
