// Package store keeps objects: named, immutable once written, listed in the order of their
// names. Dir keeps them in a folder, S3 in a bucket; storetest.Conformance is what both promise.
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

// ErrNotFound is returned by Get and Stat for a key that is not there.
var ErrNotFound = errors.New("object not found")

// Info describes an object, or a folder, whose key ends in "/" and which has nothing else.
type Info struct {
	Key      string
	Size     int64
	Modified time.Time
}

// Query selects what List returns.
type Query struct {
	Prefix  string // what keys begin with
	After   string // only keys greater than this
	Folders bool   // instead of objects, the folders directly below the prefix, which ends in "/"
}

// Store is what azulejo needs of a place for objects. All methods may be called concurrently and
// return when ctx ends. A key is a path of 1 to 1024 bytes, "/" between its elements, none of
// which is empty, begins with a dot or is longer than 255 bytes.
type Store interface {
	// Put stores what body holds from its beginning. A nil error means that the store has
	// confirmed the object's size and checksum and that the object is visible, whole; after an
	// error the key holds what it held before, or the whole new object. Putting again is safe.
	Put(ctx context.Context, key string, body io.ReadSeeker) error

	// Get opens an object. The caller closes it. Seeking and reading a piece fetches about that
	// piece only.
	Get(ctx context.Context, key string) (io.ReadSeekCloser, Info, error)

	// Stat describes an object.
	Stat(ctx context.Context, key string) (Info, error)

	// List yields what q selects in ascending order of the keys' bytes, and ends after the first
	// error. Leaving the loop early is cheap.
	List(ctx context.Context, q Query) iter.Seq2[Info, error]

	// Delete removes an object. A key that is not there is no error.
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
