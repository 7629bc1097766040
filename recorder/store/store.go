// Package store keeps objects: named, immutable once written, listed in the order of their
// names. Dir keeps them in a folder, S3 in a bucket; storetest.Conformance tests the contract of both.
// The recorder puts, the index lists, playback gets. It knows nothing of media.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"
	"unicode/utf8"
)

// ErrNotFound is returned by Get and Stat for a key without an object.
var ErrNotFound = errors.New("object not found")

// Info describes an object, or a folder: its key ends in "/" and the other fields are zero.
type Info struct {
	Key      string
	Size     int64
	Modified time.Time
}

// Query selects the objects or folders that List yields.
type Query struct {
	Prefix  string // only keys with this prefix
	After   string // only keys greater than this
	Folders bool   // yield the folders directly below Prefix instead of objects; Prefix ends in "/"
}

// Store holds objects. All methods may be called concurrently and return when ctx ends. A key is a path of 1 to 1024 bytes, "/" between its elements, none of
// which is empty, starts with a dot or is longer than 255 bytes.
type Store interface {
	// Put stores body from its first byte. A nil error means that the store has confirmed the
	// object's size and checksum, and that the whole object is visible. After an error the key
	// holds the old object, if any, or the whole new one. Putting again is safe.
	Put(ctx context.Context, key string, body io.ReadSeeker) error

	// Get opens an object. The caller closes it. Seeking and reading a range fetches about that
	// range only.
	Get(ctx context.Context, key string) (io.ReadSeekCloser, Info, error)

	// Stat describes an object.
	Stat(ctx context.Context, key string) (Info, error)

	// List yields the selection of q in ascending byte order of the keys, and stops after the first
	// error. Leaving the loop early is cheap.
	List(ctx context.Context, q Query) iter.Seq2[Info, error]

	// Delete removes an object. A key without an object is no error.
	Delete(ctx context.Context, key string) error
}

func checkKey(key string) error {
	ok := key != "" && len(key) <= 1024 && utf8.ValidString(key) && !strings.ContainsRune(key, 0)
	for elem := range strings.SplitSeq(key, "/") {
		ok = ok && elem != "" && elem[0] != '.' && len(elem) <= 255
	}
	if !ok {
		return fmt.Errorf("key %q: accepted a relative path of 1 to 1024 bytes without empty or dotted elements", key)
	}
	return nil
}
