package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"azulejo/recorder/store"
)

// Conformance tests that a store fulfils the contract of store.Store. open must return an empty store.
func Conformance(t *testing.T, open func(t *testing.T) store.Store) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, s store.Store)
	}{
		{"put and get", putGet},
		{"overwrite", overwrite},
		{"seek", seek},
		{"missing", missing},
		{"keys", keys},
		{"list", list},
		{"list pages", listPages},
		{"delete", deleteObject},
		{"failing body", failingBody},
		{"cancelled", cancelled},
		{"concurrent", concurrent},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

func put(t *testing.T, s store.Store, key, body string) {
	t.Helper()
	if err := s.Put(t.Context(), key, strings.NewReader(body)); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, s store.Store, key string) string {
	t.Helper()
	r, info, err := s.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	if info.Key != key || info.Size != int64(len(b)) || info.Modified.IsZero() {
		t.Errorf("get %s: info %+v for %d bytes", key, info, len(b))
	}
	return string(b)
}

func putGet(t *testing.T, s store.Store) {
	big := make([]byte, 17<<20) // larger than one part of a multipart upload by minio-go
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range big {
		big[i] = byte(rng.Uint32())
	}
	for key, body := range map[string]string{
		"v1/a/b": "hello", "empty": "", "v1/거실 방/á/x": "utf-8", "v1/a+b%20&c=?#/x": "odd", "big": string(big),
	} {
		put(t, s, key, body)
		if got := get(t, s, key); got != body {
			t.Errorf("%s: %d bytes read differ from the %d bytes put", key, len(got), len(body))
		}
		info, err := s.Stat(t.Context(), key)
		if err != nil || info.Key != key || info.Size != int64(len(body)) || info.Modified.IsZero() {
			t.Errorf("stat %s: %+v, %v", key, info, err)
		}
	}
	body := strings.NewReader("from its first byte")
	if _, err := io.CopyN(io.Discard, body, 5); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), "half-read", body); err != nil {
		t.Fatal(err)
	}
	if got := get(t, s, "half-read"); got != "from its first byte" {
		t.Errorf("a half-read body is stored from %q", got)
	}
}

func overwrite(t *testing.T, s store.Store) {
	put(t, s, "a/b", "first, and longer")
	put(t, s, "a/b", "second")
	if got := get(t, s, "a/b"); got != "second" {
		t.Errorf("got %q", got)
	}
}

func seek(t *testing.T, s store.Store) {
	put(t, s, "a", "0123456789")
	r, _, err := s.Get(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if end, err := r.Seek(0, io.SeekEnd); err != nil || end != 10 {
		t.Fatalf("seek to the end: %d, %v", end, err)
	}
	for _, offset := range []int64{6, 2, 0} {
		if _, err := r.Seek(offset, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 3)
		if _, err := io.ReadFull(r, b); err != nil || string(b) != "0123456789"[offset:offset+3] {
			t.Errorf("at %d: %q, %v", offset, b, err)
		}
	}
}

func missing(t *testing.T, s store.Store) {
	put(t, s, "a/b", "x")
	for _, key := range []string{"nothing", "a", "a/c", "a/b/c"} {
		if _, _, err := s.Get(t.Context(), key); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("get %s: %v", key, err)
		}
		if _, err := s.Stat(t.Context(), key); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("stat %s: %v", key, err)
		}
	}
	if got := collect(t, s, store.Query{Prefix: "nothing/here/"}); len(got) != 0 {
		t.Errorf("list: %v", got)
	}
}

func keys(t *testing.T, s store.Store) {
	for _, key := range []string{
		"", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", ".hidden", "a\x00b", "a\xff",
		strings.Repeat("a", 256), strings.Repeat("a/", 512) + "b",
	} {
		_, _, getErr := s.Get(t.Context(), key)
		_, statErr := s.Stat(t.Context(), key)
		for _, err := range []error{
			s.Put(t.Context(), key, strings.NewReader("x")), getErr, statErr, s.Delete(t.Context(), key),
		} {
			if err == nil || errors.Is(err, store.ErrNotFound) {
				t.Errorf("key %q is not refused: %v", key, err)
			}
		}
	}
}

func collect(t *testing.T, s store.Store, q store.Query) []string {
	t.Helper()
	var out []string
	for info, err := range s.List(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, info.Key)
	}
	return out
}

func list(t *testing.T, s store.Store) {
	all := []string{"a-b", "a/b", "a/b-c/1", "a/b/1", "a/b/2", "a0", "ab", "b/1"}
	for _, key := range all {
		if key != "a/b" { // a store in a folder cannot have both a/b and a/b/1
			put(t, s, key, key)
		}
	}
	for _, c := range []struct {
		q    store.Query
		want []string
	}{
		{store.Query{}, []string{"a-b", "a/b-c/1", "a/b/1", "a/b/2", "a0", "ab", "b/1"}},
		{store.Query{Prefix: "a/"}, []string{"a/b-c/1", "a/b/1", "a/b/2"}},
		{store.Query{Prefix: "a/b"}, []string{"a/b-c/1", "a/b/1", "a/b/2"}},
		{store.Query{Prefix: "a/b/"}, []string{"a/b/1", "a/b/2"}},
		{store.Query{Prefix: "a/b/2"}, []string{"a/b/2"}},
		{store.Query{Prefix: "a/", After: "a/b/1"}, []string{"a/b/2"}},
		{store.Query{Prefix: "a/", After: "a/b-zz"}, []string{"a/b/1", "a/b/2"}},
		{store.Query{After: "a/b/2"}, []string{"a0", "ab", "b/1"}},
		{store.Query{After: "z"}, nil},
		{store.Query{Folders: true}, []string{"a/", "b/"}},
		{store.Query{Prefix: "a/", Folders: true}, []string{"a/b-c/", "a/b/"}},
		{store.Query{Prefix: "a/b/", Folders: true}, nil},
	} {
		if diff := cmp.Diff(c.want, collect(t, s, c.q)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", c.q, diff)
		}
	}
	for info, err := range s.List(t.Context(), store.Query{Prefix: "ab"}) {
		if err != nil || info.Size != 2 || info.Modified.IsZero() {
			t.Errorf("listed %+v, %v", info, err)
		}
	}
}

// listPages lists more keys than one page of an S3 list has (1000).
func listPages(t *testing.T, s store.Store) {
	var want []string
	for i := range 1010 {
		want = append(want, fmt.Sprintf("p/%d/%04d", i/300, i))
	}
	var wg sync.WaitGroup
	for part := range slices.Chunk(want, 128) {
		wg.Go(func() {
			for _, key := range part {
				if err := s.Put(context.Background(), key, strings.NewReader("")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if diff := cmp.Diff(want, collect(t, s, store.Query{Prefix: "p/"})); diff != "" {
		t.Error(diff)
	}
	n := 0
	for _, err := range s.List(t.Context(), store.Query{Prefix: "p/", After: "p/2/0700"}) {
		if n++; err != nil || n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("left the loop after %d", n)
	}
}

func deleteObject(t *testing.T, s store.Store) {
	put(t, s, "a/b/c", "x")
	put(t, s, "a/d/e", "x")
	for range 2 {
		if err := s.Delete(t.Context(), "a/b/c"); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Stat(t.Context(), "a/b/c"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after delete: %v", err)
	}
	if diff := cmp.Diff([]string{"a/d/"}, collect(t, s, store.Query{Prefix: "a/", Folders: true})); diff != "" {
		t.Errorf("an empty folder is left: %s", diff)
	}
}

// brokenBody is a body that returns an error after about half of its bytes.
type brokenBody struct{ r *bytes.Reader }

func (b brokenBody) Seek(offset int64, whence int) (int64, error) { return b.r.Seek(offset, whence) }

func (b brokenBody) Read(p []byte) (int, error) {
	if int64(b.r.Len()) < b.r.Size()/2 {
		return 0, errors.New("body broke")
	}
	return b.r.Read(p[:min(len(p), 1000)])
}

func failingBody(t *testing.T, s store.Store) {
	if err := s.Put(t.Context(), "broken", brokenBody{bytes.NewReader(make([]byte, 1<<20))}); err == nil {
		t.Error("put with a broken body succeeded")
	}
	if _, err := s.Stat(t.Context(), "broken"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("half an object is visible: %v", err)
	}
}

func cancelled(t *testing.T, s store.Store) {
	put(t, s, "a", "x")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, getErr := s.Get(ctx, "a")
	_, statErr := s.Stat(ctx, "a")
	errs := map[string]error{
		"put": s.Put(ctx, "b", strings.NewReader("x")), "get": getErr, "stat": statErr, "delete": s.Delete(ctx, "a"),
	}
	for _, err := range s.List(ctx, store.Query{}) {
		errs["list"] = err
	}
	for method, err := range errs {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", method, err)
		}
	}
	if errs["list"] == nil {
		t.Error("list ended without an error")
	}
	if got := get(t, s, "a"); got != "x" {
		t.Errorf("got %q", got)
	}
}

// concurrent runs four goroutines that put, get and delete objects in the same two folders.
func concurrent(t *testing.T, s store.Store) {
	ctx := t.Context()
	put(t, s, "c/0/stays", "x")
	put(t, s, "c/1/stays", "x")
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 20 {
				key := fmt.Sprintf("c/%d/%d", i%2, w)
				body := fmt.Sprintf("%d %d", w, i)
				if err := s.Put(ctx, key, strings.NewReader(body)); err != nil {
					t.Error(err)
					return
				}
				r, _, err := s.Get(ctx, key)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(r)
				if err = errors.Join(err, r.Close()); err != nil || string(got) != body {
					t.Errorf("%q, want %q: %v", got, body, err)
				}
				if err := s.Delete(ctx, key); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	want := []string{"c/0/stays", "c/1/stays"}
	if diff := cmp.Diff(want, collect(t, s, store.Query{Prefix: "c/"})); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
}
