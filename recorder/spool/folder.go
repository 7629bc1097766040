package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// ErrAway is returned while the folder that Open locked is unmounted, renamed or replaced. It may come
// back with all its files, so the spool keeps its entries.
var ErrAway = errors.New("spool folder is away")

// folder opens open/, ready/ or init/. The result stays the same folder when its path changes, so a
// file that is missing in it is gone for good. The error is ErrAway and never fs.ErrNotExist.
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

func (s *Spool) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

// syncDir makes the names in a folder durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
