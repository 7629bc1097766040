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

	"azulejo/recorder/footage"
	"azulejo/recorder/spool"
	"azulejo/recorder/store"
)

// A pass tries to upload each entry in the spool once. After a failed pass the uploader waits before the
// next pass. The wait doubles with each failure, from firstRetry to lastRetry, and varies by up to 20 %.
// After a pass that stored an entry, the wait is firstRetry again.
const (
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// UploadStats is a snapshot of the uploads and of the entries that wait for upload.
type UploadStats struct {
	Waiting      int       `json:"waiting"` // entries (segments and marks) in the spool
	WaitingBytes int64     `json:"waitingBytes"`
	Oldest       time.Time `json:"oldest"` // start of the oldest waiting entry; zero without entries
	Stored       uint64    `json:"stored"` // entries stored since the start of the process
	StoredBytes  uint64    `json:"storedBytes"`
	Failures     uint64    `json:"failures"`        // passes that ended with an error
	Error        string    `json:"error,omitempty"` // error of the last pass; empty if the pass succeeded
}

// uploader moves the spool's entries to the store, one at a time, oldest first. One goroutine calls run.
// notify, drain and snapshot may be called concurrently.
type uploader struct {
	spool   *spool.Spool
	store   store.Store
	log     *slog.Logger
	timeout time.Duration
	wake    chan struct{}             // holds one value after notify, until run has seen it
	final   chan struct{}             // closed by drain
	drain   func()                    // tells run that the spool gets no more entries
	inits   map[footage.InitName]bool // init segments that are known to be stored; used by run only

	mu    sync.Mutex
	stats UploadStats
}

// localError is an error about one file in the spool. pass continues with the other files after it.
type localError struct{ error }

func (e localError) Unwrap() error { return e.error }

// vanished tells whether err means that a file in the spool no longer exists. It returns false if err means
// that an object in the store does not exist.
func vanished(err error) bool {
	var local localError
	return errors.As(err, &local) && errors.Is(local, fs.ErrNotExist)
}

func newUploader(cfg Config, sp *spool.Spool, st store.Store, log *slog.Logger) *uploader {
	final := make(chan struct{})
	return &uploader{
		spool: sp, store: st, log: log, timeout: cfg.Timeout,
		wake: make(chan struct{}, 1), final: final, drain: sync.OnceFunc(func() { close(final) }),
		inits: map[footage.InitName]bool{},
	}
}

// notify wakes run because the spool has a new entry or a segment to repair.
func (u *uploader) notify() {
	select {
	case u.wake <- struct{}{}:
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

// run uploads until ctx ends and then returns the error of ctx. If drain has been called, run returns nil
// after the next pass that succeeds.
func (u *uploader) run(ctx context.Context) error {
	retry := firstRetry
	for ctx.Err() == nil {
		draining := u.draining()
		stored, err := u.pass(ctx)
		if ctx.Err() != nil {
			break
		}
		if draining && err == nil {
			return nil
		}
		u.publish(err)
		if stored > 0 {
			retry = firstRetry
		}
		u.wait(ctx, draining, err, retry)
		if err != nil {
			retry = min(2*retry, lastRetry)
		}
	}
	return ctx.Err()
}

// draining tells whether drain has been called.
func (u *uploader) draining() bool {
	select {
	case <-u.final:
		return true
	default:
		return false
	}
}

// wait returns when the next pass is due. err is the error of the last pass. If err is not nil, the next
// pass is due after the duration retry, varied by up to 20 %. Otherwise it is due after the next call of
// notify. A call of drain also ends the wait, unless draining is true: drain was then called before the
// last pass.
func (u *uploader) wait(ctx context.Context, draining bool, err error, retry time.Duration) {
	wake, final, again := u.wake, u.final, (<-chan time.Time)(nil)
	if draining {
		final = nil
	}
	if err != nil {
		wake = nil
		timer := time.NewTimer(time.Duration(float64(retry) * (0.8 + 0.4*rand.Float64())))
		defer timer.Stop()
		again = timer.C
	}
	select {
	case <-ctx.Done():
	case <-final:
	case <-wake:
	case <-again:
	}
}

// pass repairs the segments that no writer will finish, then tries to upload each entry once, oldest first.
// It stops when the store fails or when the spool's folder is not reachable (spool.ErrAway). It returns the
// number of entries that it stored.
func (u *uploader) pass(ctx context.Context) (stored int, err error) {
	err = u.spool.Recover()
	for _, e := range u.spool.Ready() {
		entryErr := u.upload(ctx, e)
		var local localError
		switch {
		case entryErr == nil:
			stored++
			u.count(e)
		case errors.As(entryErr, &local) && !errors.Is(entryErr, spool.ErrAway):
			err = errors.Join(err, entryErr)
		default:
			return stored, errors.Join(err, entryErr)
		}
	}
	return stored, err
}

// upload stores an entry. If the entry is a segment, upload stores its init segment first. It removes the
// entry from the spool when the store has confirmed the entry, or when the entry's file no longer exists.
func (u *uploader) upload(ctx context.Context, e spool.Entry) error {
	if e.Reason == "" { // a segment
		if err := u.uploadInit(ctx, e.InitName()); err != nil {
			return err
		}
	}
	err := u.sendFile(ctx, e.Key())
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

// uploadInit stores an init segment unless the store is known to have it.
func (u *uploader) uploadInit(ctx context.Context, n footage.InitName) error {
	if u.inits[n] {
		return nil
	}
	err := u.sendFile(ctx, n.Key())
	if vanished(err) {
		// The spool removes an init segment after the last segment that needs it. So the store must have it.
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

// sendFile copies the object with this key from the spool to the store.
func (u *uploader) sendFile(ctx context.Context, key string) error {
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

// publish updates the statistics after a pass that returned err. It logs the first failed pass, and the
// first pass that succeeds after a failed one.
func (u *uploader) publish(err error) {
	u.mu.Lock()
	last, current := u.stats.Error, ""
	if err != nil {
		current = err.Error()
		u.stats.Failures++
	}
	u.stats.Error = current
	u.mu.Unlock()
	if last == "" && current != "" {
		u.log.Error("footage not stored", "error", current)
	}
	if last != "" && current == "" {
		u.log.Info("footage stored again")
	}
}
