package recorder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"azulejo/recorder/spool"
	"azulejo/recorder/store"
)

// The waits between attempts double from the first to the last, and begin anew after any success.
const (
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// UploadStats says how far the store is behind.
type UploadStats struct {
	Waiting      int       `json:"waiting"` // segments and marks
	WaitingBytes int64     `json:"waitingBytes"`
	Oldest       time.Time `json:"oldest"` // of the waiting ones; zero when nothing waits
	Stored       uint64    `json:"stored"` // segments and marks since the start
	StoredBytes  uint64    `json:"storedBytes"`
	Failures     uint64    `json:"failures"`
	Error        string    `json:"error,omitempty"` // empty while all is well
}

// uploader moves the spool to the store, oldest first, one at a time. run is one goroutine's;
// wake and snapshot may be called concurrently.
type uploader struct {
	spool   *spool.Spool
	store   store.Store
	log     *slog.Logger
	timeout time.Duration
	more    chan struct{}           // holds one wake
	inits   map[spool.InitName]bool // known to be stored; run's

	mu    sync.Mutex
	stats UploadStats
}

// localError is trouble with a file of the spool, which must not hold the others up.
type localError struct{ error }

func (e localError) Unwrap() error { return e.error }

// vanished tells that a file of the spool is gone for good. A store's missing file is another matter.
func vanished(err error) bool {
	var local localError
	return errors.As(err, &local) && errors.Is(local, fs.ErrNotExist)
}

func newUploader(cfg Config, sp *spool.Spool, st store.Store, log *slog.Logger) *uploader {
	return &uploader{
		spool: sp, store: st, log: log, timeout: cfg.Timeout,
		more: make(chan struct{}, 1), inits: map[spool.InitName]bool{},
	}
}

// wake tells that the spool has something new.
func (u *uploader) wake() {
	select {
	case u.more <- struct{}{}:
	default:
	}
}

func (u *uploader) snapshot() UploadStats {
	use := u.spool.Usage()
	u.mu.Lock()
	defer u.mu.Unlock()
	st := u.stats
	st.Waiting, st.WaitingBytes, st.Oldest = use.Entries, use.Bytes, use.Oldest
	return st
}

// run uploads until ctx ends, or until the spool is empty after complete was closed.
func (u *uploader) run(ctx context.Context, complete <-chan struct{}) {
	retry := firstRetry
	for ctx.Err() == nil {
		last := closed(complete)
		stored, err := u.pass(ctx)
		if ctx.Err() != nil || (last && err == nil) {
			return
		}
		u.note(err)
		if stored > 0 {
			retry = firstRetry
		}
		if last {
			complete = nil // it has been heard
		}
		u.wait(ctx, complete, err, retry)
		if err != nil {
			retry = min(2*retry, lastRetry)
		}
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return c == nil
	}
}

// wait returns when there may be something to do: after a while when the last pass failed,
// else when the spool has something new.
func (u *uploader) wait(ctx context.Context, complete <-chan struct{}, err error, retry time.Duration) {
	more, again := u.more, (<-chan time.Time)(nil)
	if err != nil {
		more = nil
		timer := time.NewTimer(time.Duration(float64(retry) * (0.8 + 0.4*rand.Float64())))
		defer timer.Stop()
		again = timer.C
	}
	select {
	case <-ctx.Done():
	case <-complete:
	case <-more:
	case <-again:
	}
}

// pass tries all that waits once, oldest first, and stops where the store fails or the whole spool
// is away.
func (u *uploader) pass(ctx context.Context) (stored int, err error) {
	err = u.spool.Recover(measurePart)
	for _, e := range u.spool.Ready() {
		one := u.upload(ctx, e)
		var local localError
		switch {
		case one == nil:
			stored++
			u.count(e)
		case errors.As(one, &local) && !errors.Is(one, spool.ErrAway):
			err = errors.Join(err, one)
		default:
			return stored, errors.Join(err, one)
		}
	}
	return stored, err
}

// upload stores one entry, after its init segment, and forgets it once the store has confirmed.
func (u *uploader) upload(ctx context.Context, e spool.Entry) error {
	if e.Reason == "" {
		if err := u.uploadInit(ctx, e.InitName()); err != nil {
			return err
		}
	}
	err := u.put(ctx, e.Key())
	if err != nil && !vanished(err) {
		return err
	}
	if err != nil {
		u.log.Error("footage vanished from the spool", "segment", e.Key())
	}
	if err := u.spool.Remove(e.Name); err != nil {
		return localError{err}
	}
	return nil
}

func (u *uploader) uploadInit(ctx context.Context, n spool.InitName) error {
	if u.inits[n] {
		return nil
	}
	err := u.put(ctx, n.Key())
	if vanished(err) {
		// Not here: then it must be there.
		if _, err = u.store.Stat(ctx, n.Key()); errors.Is(err, store.ErrNotFound) {
			return localError{fmt.Errorf("init segment %s: neither in the spool nor in the store", n.Key())}
		}
	}
	if err != nil {
		return err
	}
	u.inits[n] = true
	return nil
}

func (u *uploader) put(ctx context.Context, key string) error {
	f, err := u.spool.Open(key)
	if err != nil {
		return localError{err}
	}
	defer func() { _ = f.Close() }() // it is only read
	ctx, cancel := context.WithTimeout(ctx, u.timeout)
	defer cancel()
	return u.store.Put(ctx, key, f)
}

func (u *uploader) count(e spool.Entry) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.stats.Stored++
	u.stats.StoredBytes += uint64(e.Bytes)
}

// note publishes how a pass went, and tells of trouble when it begins and when it is over.
func (u *uploader) note(err error) {
	u.mu.Lock()
	was, now := u.stats.Error, ""
	if err != nil {
		now = err.Error()
		u.stats.Failures++
	}
	u.stats.Error = now
	u.mu.Unlock()
	if was == "" && now != "" {
		u.log.Error("footage not stored", "error", now)
	}
	if was != "" && now == "" {
		u.log.Info("footage stored again")
	}
}
