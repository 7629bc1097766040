package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Dir is a Store in a folder. A key is the path of a file below this folder. Files whose names start with a
// dot are not objects.
type Dir struct {
	root    string
	folders sync.RWMutex // read-locked to make a folder and move a file into the folder, write-locked to remove folders
}

const (
	tempFolder = ".tmp"    // holds the files that Put has not moved to their keys yet
	tempAge    = time.Hour // an older file in tempFolder counts as a leftover of an interrupted Put
)

// NewDir opens the store in the folder path. It makes the folder if it is missing. It removes temporary files
// of interrupted Put calls that are older than an hour.
func NewDir(path string) (*Dir, error) {
	d := &Dir{root: path}
	temp := filepath.Join(path, tempFolder)
	if err := os.MkdirAll(temp, 0o755); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	entries, err := os.ReadDir(temp)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > tempAge {
			err = os.Remove(filepath.Join(temp, e.Name()))
			if err != nil {
				return nil, fmt.Errorf("clear store: %w", err)
			}
		}
	}
	return d, nil
}

// Put writes a temporary file, syncs it, renames it to the path of the key and syncs the folders. Then it
// checks the file's size.
func (d *Dir) Put(ctx context.Context, key string, body io.ReadSeeker) error {
	if err := checkKey(key); err != nil {
		return err
	}
	temp, size, err := d.writeTemp(ctx, body)
	if err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	if err = d.moveTo(key, temp); err != nil {
		return errors.Join(fmt.Errorf("put %s: %w", key, err), os.Remove(temp))
	}
	info, err := os.Stat(d.path(key))
	if err != nil {
		return fmt.Errorf("confirm %s: %w", key, err)
	}
	if info.Size() != size {
		return fmt.Errorf("confirm %s: %d bytes written, %d found", key, size, info.Size())
	}
	return nil
}

// writeTemp copies the whole body to a temporary file and syncs it. It returns the file's path and size.
func (d *Dir) writeTemp(ctx context.Context, body io.ReadSeeker) (path string, size int64, err error) {
	if _, err = body.Seek(0, io.SeekStart); err != nil {
		return "", 0, err
	}
	f, err := os.CreateTemp(filepath.Join(d.root, tempFolder), "put-*")
	if err != nil {
		return "", 0, err
	}
	size, err = io.Copy(f, untilDone{ctx, body})
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return "", 0, errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), size, nil
}

// moveTo renames the file temp to the path of key and syncs the folders.
func (d *Dir) moveTo(key, temp string) error {
	path := d.path(key)
	d.folders.RLock()
	defer d.folders.RUnlock()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return d.syncUp(filepath.Dir(path))
}

// syncUp syncs a folder and its parents up to the root, so that the names of the files in them are durable.
func (d *Dir) syncUp(dir string) error {
	for ; ; dir = filepath.Dir(dir) {
		f, err := os.Open(dir)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
		if len(dir) <= len(filepath.Clean(d.root)) {
			return nil
		}
	}
}

// Get opens the file of the key.
func (d *Dir) Get(ctx context.Context, key string) (io.ReadSeekCloser, Info, error) {
	info, err := d.Stat(ctx, key)
	if err != nil {
		return nil, Info{}, err
	}
	f, err := os.Open(d.path(key))
	if err != nil {
		return nil, Info{}, fmt.Errorf("get %s: %w", key, notFound(err))
	}
	return f, info, nil
}

// Stat describes the file of the key.
func (d *Dir) Stat(ctx context.Context, key string) (Info, error) {
	if err := errors.Join(checkKey(key), ctx.Err()); err != nil {
		return Info{}, err
	}
	fi, err := os.Stat(d.path(key))
	if err == nil && fi.IsDir() {
		err = fs.ErrNotExist
	}
	if err != nil {
		return Info{}, fmt.Errorf("stat %s: %w", key, notFound(err))
	}
	return Info{Key: key, Size: fi.Size(), Modified: fi.ModTime()}, nil
}

// Delete removes the file of the key. It also removes the folders that are empty then.
func (d *Dir) Delete(ctx context.Context, key string) error {
	if err := errors.Join(checkKey(key), ctx.Err()); err != nil {
		return err
	}
	if err := os.Remove(d.path(key)); err != nil {
		if errors.Is(notFound(err), ErrNotFound) {
			return nil
		}
		return fmt.Errorf("delete %s: %w", key, err)
	}
	d.folders.Lock()
	defer d.folders.Unlock()
	for dir := filepath.Dir(d.path(key)); dir != filepath.Clean(d.root); dir = filepath.Dir(dir) {
		if os.Remove(dir) != nil {
			break // the folder is not empty
		}
	}
	return nil
}

// List walks the folders that can contain selected keys.
func (d *Dir) List(ctx context.Context, q Query) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		base := q.Prefix[:strings.LastIndexByte(q.Prefix, '/')+1]
		if base != "" {
			if err := checkKey(strings.TrimSuffix(base, "/")); err != nil {
				yield(Info{}, err)
				return
			}
		}
		d.walk(ctx, base, q, yield)
	}
}

// walk yields the objects or folders that q selects below the folder base. It returns false if the walk must
// stop: after an error, or because yield returned false.
func (d *Dir) walk(ctx context.Context, base string, q Query, yield func(Info, error) bool) bool {
	entries, err := os.ReadDir(d.path(base))
	if err == nil {
		err = ctx.Err()
	}
	if errors.Is(notFound(err), ErrNotFound) {
		return true
	}
	if err != nil {
		return yield(Info{}, fmt.Errorf("list %s: %w", q.Prefix, err)) && false
	}
	for _, key := range sortedKeys(base, entries) {
		if !q.mayMatch(key) {
			continue
		}
		ok := true
		switch folder := strings.HasSuffix(key, "/"); {
		case folder && q.Folders && strings.HasPrefix(key, q.Prefix):
			ok = yield(Info{Key: key}, nil)
		case folder:
			ok = d.walk(ctx, key, q, yield)
		case q.Folders: // a file, and q selects folders
		default:
			ok = d.yieldFile(ctx, key, yield)
		}
		if !ok {
			return false
		}
	}
	return true
}

// yieldFile yields the file of a key. It returns false if the walk must stop.
func (d *Dir) yieldFile(ctx context.Context, key string, yield func(Info, error) bool) bool {
	info, err := d.Stat(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return true // deleted during the walk
	}
	return yield(info, err) && err == nil
}

// mayMatch tells whether q can select key. If key is a folder, it also returns true if q can select a key below
// it.
func (q Query) mayMatch(key string) bool {
	if strings.HasSuffix(key, "/") {
		within := strings.HasPrefix(key, q.Prefix) || strings.HasPrefix(q.Prefix, key)
		return within && (key > q.After || strings.HasPrefix(q.After, key))
	}
	return strings.HasPrefix(key, q.Prefix) && key > q.After
}

// sortedKeys returns the keys of the entries of the folder base, in the order of List. The key of a folder
// ends in "/", so that a folder sorts like the keys below it.
func sortedKeys(base string, entries []fs.DirEntry) []string {
	keys := make([]string, 0, len(entries))
	for _, e := range entries {
		switch {
		case strings.HasPrefix(e.Name(), "."): // not an object
		case e.IsDir():
			keys = append(keys, base+e.Name()+"/")
		default:
			keys = append(keys, base+e.Name())
		}
	}
	slices.Sort(keys)
	return keys
}

// path returns the path of a key's file.
func (d *Dir) path(key string) string { return filepath.Join(d.root, filepath.FromSlash(key)) }

// notFound returns ErrNotFound if err is the system's error for a missing path or for a path below a file.
// Otherwise it returns err.
func notFound(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return ErrNotFound
	}
	return err
}

// untilDone is an io.Reader that returns an error once its context has ended.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}
