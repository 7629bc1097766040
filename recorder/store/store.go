// Package store keeps objects under keys and lists them in the order of the keys. The recorder never changes
// an object after it has been written. Dir keeps the objects in a folder, S3 in a bucket.
// storetest.Conformance tests that both fulfil the contract of Store. The recorder writes objects, the index
// lists them, and playback reads them. The package does not depend on the contents of the objects.
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

// Info describes an object or a folder. The key of a folder ends in "/", and its other fields are zero.
type Info struct {
	Key      string
	Size     int64 // bytes
	Modified time.Time
}

// Query selects the objects or folders that List yields.
type Query struct {
	Prefix  string // only keys with this prefix
	After   string // only keys that sort after this
	Folders bool   // yield the folders directly below Prefix instead of objects; Prefix ends in "/"
}

// Store keeps objects. All methods may be called concurrently and return when ctx ends. A key is a path of 1
// to 1024 bytes with "/" between its elements. No element may be empty, start with a dot or be longer than
// 255 bytes.
type Store interface {
	// Put stores the whole body from its first byte, even if part of it has been read before. It replaces
	// an object that the key already has. When Put returns nil, the store has confirmed the size and the
	// checksum of the object (Dir: only the size), and all readers see the whole object. After an error
	// the key has the whole new object, or the old object, if any. The caller may call Put again.
	Put(ctx context.Context, key string, body io.ReadSeeker) error

	// Get opens an object for reading. The caller must close the reader. If the caller seeks and reads
	// only a range, the reader fetches little more than this range.
	Get(ctx context.Context, key string) (io.ReadSeekCloser, Info, error)

	// Stat describes an object.
	Stat(ctx context.Context, key string) (Info, error)

	// List yields the objects or folders that q selects, in ascending byte order of the keys. It stops
	// after the first error. It reads the list in pages, so a loop that ends early costs little.
	List(ctx context.Context, q Query) iter.Seq2[Info, error]

	// Delete removes an object. It returns no error for a key without an object.
	Delete(ctx context.Context, key string) error
}

// checkKey returns an error for a key that Store does not accept.
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
