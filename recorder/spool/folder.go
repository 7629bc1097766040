package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrAway means that the folder that Open locked is not at its path any more. It was unmounted, renamed or
// replaced. The folder may come back with all its files, so the spool keeps its entries.
var ErrAway = errors.New("spool folder is away")

// folder opens a subfolder of the spool: open/, ready/ or init/. The returned os.Root refers to the same
// folder even if the folder's path changes. So a file that is missing in the os.Root does not exist any
// more. Every error wraps ErrAway, and none wraps fs.ErrNotExist.
func (s *Spool) folder(sub string) (*os.Root, error) {
	dir, err := os.OpenRoot(s.path(sub))
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrAway, err.Error())
	}
	if lock, err := os.Stat(s.path("lock")); err != nil || !os.SameFile(lock, s.lockInfo) {
		return nil, errors.Join(fmt.Errorf("%w: %s does not hold the lock file", ErrAway, s.dir), dir.Close())
	}
	return dir, nil
}

// path returns the path of a file or folder in the spool.
func (s *Spool) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

// makeFolders makes the folders that a file with a long name lies in, below the subfolder sub. file is the result of FileName.
func (s *Spool) makeFolders(sub, file string) error {
	parent := filepath.Dir(file)
	if parent == "." {
		return nil
	}
	dir, err := s.folder(sub)
	if err != nil {
		return err
	}
	return errors.Join(dir.MkdirAll(parent, 0o755), dir.Close())
}

// syncFolders syncs the folder that file lies in, and all folders above it up to the subfolder sub.
func (s *Spool) syncFolders(sub, file string) error {
	for parent := filepath.Dir(file); ; parent = filepath.Dir(parent) {
		if err := syncDir(s.path(sub, parent)); err != nil || parent == "." {
			return err
		}
	}
}

// syncDir syncs a folder, so that the names of the files in it are durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
