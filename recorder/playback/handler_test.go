package playback_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"azulejo/recorder/footage"
	"azulejo/recorder/index"
	"azulejo/recorder/playback"
	"azulejo/recorder/spool"
	"azulejo/recorder/store"
	"azulejo/recorder/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var t0 = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func name(run string, seq uint32, from, to time.Duration) footage.Name {
	return footage.Name{
		Room: "yard", Stream: "거실", Start: t0.Add(from), Duration: to - from,
		Init: strings.Repeat(run, 12), Nonce: "0000", Seq: seq,
	}
}

// serve fills a store and a spool, and serves them.
func serve(t *testing.T, st store.Store) *playback.Handler {
	t.Helper()
	for _, n := range []footage.Name{
		name("a", 0, 1600*time.Millisecond, 4*time.Second), name("a", 1, 4*time.Second, 8040*time.Millisecond),
		name("a", 3, 12*time.Second, 16*time.Second), name("b", 0, 60*time.Second, 64*time.Second),
	} {
		for key, body := range map[string]string{n.Key(): "stored " + n.Base(), n.InitName().Key(): "init " + n.Init} {
			if err := st.Put(t.Context(), key, strings.NewReader(body)); err != nil {
				t.Fatal(err)
			}
		}
	}
	sp, err := spool.Open(t.TempDir(), slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sp.Close() })
	n := name("c", 0, 64*time.Second, 68*time.Second)
	f, err := sp.Create(n, []byte("init "+n.Init))
	if err == nil {
		err = errors.Join(f.Append([]byte("spooled "+n.Base())), f.Finish(n.End()))
	}
	if err != nil {
		t.Fatal(err)
	}
	return playback.New(index.New(st, sp), st, slog.Default())
}

const base = "/api/v1/footage/yard/%EA%B1%B0%EC%8B%A4/"

func get(t *testing.T, h http.Handler, path string, headers ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
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

func TestPlaylist(t *testing.T) {
	golden, err := os.ReadFile("testdata/all.m3u8")
	if err != nil {
		t.Fatal(err)
	}
	eachStore(t, func(t *testing.T, st store.Store) {
		h := serve(t, st)
		r := get(t, h, base+"index.m3u8?from=2026-03-01T12:00:00Z&to="+strconv.FormatInt(t0.Add(time.Hour).UnixMilli(), 10))
		if r.StatusCode != 200 || r.Header.Get("Content-Type") != "application/vnd.apple.mpegurl" || r.Header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s %v", r.Status, r.Header)
		}
		if diff := cmp.Diff(string(golden), text(t, r)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}

		// Without an end, or with one in the future, the playlist grows.
		for _, query := range []string{"", "?from=" + url.QueryEscape("2026-03-01T13:00:00+01:00"), "?to=2400-01-01T00:00:00Z"} {
			grows := strings.Replace(strings.TrimSuffix(string(golden), "#EXT-X-ENDLIST\n"), "TYPE:VOD", "TYPE:EVENT", 1)
			if diff := cmp.Diff(grows, text(t, get(t, h, base+"index.m3u8"+query))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", query, diff)
			}
		}
		part := text(t, get(t, h, base+"index.m3u8?from=2026-03-01T12:00:05Z&to=2026-03-01T12:00:13Z"))
		if strings.Count(part, "#EXTINF") != 2 || strings.Count(part, "#EXT-X-DISCONTINUITY\n") != 1 {
			t.Error(part)
		}
	})
}

// The token of the playlist's query stands in every address of the playlist.
func TestPlaylistRepeatsTheToken(t *testing.T) {
	st, err := store.NewDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := serve(t, st)
	plain := text(t, get(t, h, base+"index.m3u8"))
	for token, written := range map[string]string{"ey.J0-_x.y": "ey.J0-_x.y", "a\"b\n#EXT&c=d": "a%22b%0A%23EXT%26c%3Dd"} {
		list := text(t, get(t, h, base+"index.m3u8?token="+url.QueryEscape(token)))
		if n := strings.Count(list, "?token="+written); n != strings.Count(plain, "init/")+strings.Count(plain, "segments/") || n == 0 {
			t.Errorf("%q stands %d times in\n%s", token, n, list)
		}
		if diff := cmp.Diff(plain, strings.ReplaceAll(list, "?token="+written, "")); diff != "" {
			t.Errorf("%q (-without +with):\n%s", token, diff)
		}
		for line := range strings.Lines(list) {
			if uri := strings.TrimSpace(line); strings.HasPrefix(uri, "segments/") && get(t, h, base+uri).StatusCode != http.StatusOK {
				t.Errorf("%s is missing", uri)
			}
		}
	}
}

// Every address of a playlist can be fetched, from the store or from the spool.
func TestPlaylistPlays(t *testing.T) {
	eachStore(t, func(t *testing.T, st store.Store) {
		h := serve(t, st)
		var got []string
		for line := range strings.Lines(text(t, get(t, h, base+"index.m3u8"))) {
			uri := strings.TrimSpace(line)
			if _, in, ok := strings.Cut(uri, `URI="`); ok {
				uri = strings.TrimSuffix(in, `"`)
			} else if strings.HasPrefix(uri, "#") {
				continue
			}
			r := get(t, h, base+uri)
			if r.StatusCode != 200 || r.Header.Get("Content-Type") != "video/mp4" ||
				r.Header.Get("Cache-Control") != "private, max-age=31536000, immutable" || r.Header.Get("ETag") == "" {
				t.Errorf("%s: %s %v", uri, r.Status, r.Header)
			}
			if again := get(t, h, base+uri, "If-None-Match", r.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
				t.Errorf("%s again: %s", uri, again.Status)
			}
			place, content, _ := strings.Cut(text(t, r), " ")
			if !strings.Contains(uri, content) {
				t.Errorf("%s holds %s", uri, content)
			}
			got = append(got, place)
		}
		want := "init stored stored stored init stored init spooled"
		if strings.Join(got, " ") != want {
			t.Errorf("%v, want %s", got, want)
		}
	})
}

func TestRange(t *testing.T) {
	eachStore(t, func(t *testing.T, st store.Store) {
		h := serve(t, st)
		for _, n := range []footage.Name{name("a", 0, 1600*time.Millisecond, 4*time.Second), name("c", 0, 64*time.Second, 68*time.Second)} {
			whole := text(t, get(t, h, base+"segments/"+n.Base()))
			r := get(t, h, base+"segments/"+n.Base(), "Range", "bytes=3-10")
			if got := text(t, r); r.StatusCode != http.StatusPartialContent || got != whole[3:11] {
				t.Errorf("%s: %q", r.Status, got)
			}
			if r := get(t, h, base+"segments/"+n.Base(), "Range", "bytes=1000-"); r.StatusCode != http.StatusRequestedRangeNotSatisfiable {
				t.Error(r.Status)
			}
		}
	})
}

func TestProblems(t *testing.T) {
	st, err := store.NewDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := serve(t, st)
	for _, c := range []struct {
		path   string
		status int
		detail string
	}{
		{base + "index.m3u8?from=yesterday", 400, "from"},
		{base + "index.m3u8?to=-5", 400, "to"},
		{base + "index.m3u8?to=99999999999999999", 400, "to"},
		{base + "index.m3u8?from=2&to=1", 400, "from is not before to"},
		{base + "index.m3u8?from=1&to=2", 404, "no footage"},
		{"/api/v1/footage/yard/nothing/index.m3u8", 404, "no footage"},
		{"/api/v1/footage/a~b/main/index.m3u8", 400, "accepted"},
		{base + "init/0123456789ab.mp4", 404, "no such footage"},
		{base + "init/nonsense", 400, "accepted"},
		{base + "segments/..%2F..%2Fsecret", 400, "accepted"},
		{base + "segments/1772366404000-4000-0123456789ab.beef-17.m4s", 404, "no such footage"},
		{base + "other", 404, "index.m3u8"},
	} {
		r := get(t, h, c.path)
		var p struct {
			Title, Detail string
			Status        int
		}
		if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
			t.Errorf("%s: %v", c.path, err)
		}
		if r.StatusCode != c.status || p.Status != c.status || p.Title == "" || !strings.Contains(p.Detail, c.detail) ||
			r.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %s %+v %v", c.path, r.Status, p, r.Header)
		}
	}
}

// brokenStore is a store that cannot be read.
type brokenStore struct{ store.Store }

var errDown = errors.New("connection refused by 10.0.0.1")

func (brokenStore) Get(context.Context, string) (io.ReadSeekCloser, store.Info, error) {
	return nil, store.Info{}, errDown
}

func (brokenStore) List(context.Context, store.Query) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) { yield(store.Info{}, errDown) }
}

func TestStoreDown(t *testing.T) {
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	h := playback.New(index.New(brokenStore{}, nil), brokenStore{}, log)
	for _, path := range []string{"index.m3u8", "segments/" + name("a", 0, 0, time.Second).Base()} {
		r := get(t, h, base+path)
		if body := text(t, r); r.StatusCode != http.StatusBadGateway || strings.Contains(body, "10.0.0.1") {
			t.Errorf("%s: %s %s", path, r.Status, body)
		}
	}
}

// awaySpool is a spool whose folder is away.
type awaySpool struct{ index.Spool }

func (awaySpool) Open(string) (*os.File, error) { return nil, spool.ErrAway }

// While the spool is away, a segment that it may hold is answered with 502 and not with 404.
func TestSpoolAway(t *testing.T) {
	st, err := store.NewDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := playback.New(index.New(st, awaySpool{}), st, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if r := get(t, h, base+"segments/"+name("a", 0, 0, time.Second).Base()); r.StatusCode != http.StatusBadGateway {
		t.Error(r.Status)
	}
}

// hugeStore lists 60000 segments and counts how many of them are read.
type hugeStore struct {
	store.Store
	read int
}

func (e *hugeStore) List(context.Context, store.Query) iter.Seq2[store.Info, error] {
	return func(yield func(store.Info, error) bool) {
		for e.read = 1; e.read < 60000; e.read++ {
			from := time.Duration(e.read) * 4 * time.Second
			if !yield(store.Info{Key: name("a", uint32(e.read), from, from+4*time.Second).Key()}, nil) {
				return
			}
		}
	}
}

func TestTooManySegments(t *testing.T) {
	st := &hugeStore{}
	r := get(t, playback.New(index.New(st, nil), st, slog.Default()), base+"index.m3u8")
	if body := text(t, r); r.StatusCode != http.StatusBadRequest || !strings.Contains(body, "50000") {
		t.Errorf("%s %s", r.Status, body)
	}
	if st.read > 50002 {
		t.Errorf("%d segments read", st.read)
	}
}

func TestParseTime(t *testing.T) {
	for in, want := range map[string]time.Time{
		"": {}, "0": time.UnixMilli(0).UTC(), "1772366400000": t0, "2026-03-01T12:00:00Z": t0,
		"2026-03-01T13:00:00.000+01:00": t0,
	} {
		if got, err := playback.ParseTime(in); err != nil || got != want {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
}
