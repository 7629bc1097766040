// Package recorder owns the life of footage: packets are cut into segments, kept in a spool that
// survives a crash, and uploaded to a store that must confirm them before the local copy goes.
//
// signal/room starts and closes recordings, which are sinks of the mixer's renditions; cmd runs
// the Recorder. Each recording has a goroutine that writes; Run is the only one that uploads.
// A store that fails delays uploads and nothing else.
package recorder

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"azulejo/recorder/spool"
	"azulejo/recorder/store"
)

// ErrRecording is returned by Start for a stream that is being recorded already.
var ErrRecording = errors.New("stream is being recorded already")

// ErrClosed is returned by Start after Close.
var ErrClosed = errors.New("recorder is closed")

// Recorder holds the spool and the recordings. Its methods may be called concurrently.
type Recorder struct {
	cfg    Config
	log    *slog.Logger
	spool  *spool.Spool
	upload *uploader

	mu         sync.Mutex
	recordings []*Recording
	closed     bool
}

// Stats is a snapshot of the recorder.
type Stats struct {
	Recordings []RecordingStats `json:"recordings"` // by room and stream
	Uploads    UploadStats      `json:"uploads"`
}

// New opens the spool, which one process may hold at a time, and saves what a crash left in it.
// Nothing runs yet. The recorder must be closed; Run does that too.
func New(cfg Config, st store.Store, log *slog.Logger) (*Recorder, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("recording.%w", err)
	}
	cfg = cfg.withDefaults()
	sp, err := spool.Open(cfg.Dir, log)
	if err != nil {
		return nil, err
	}
	if err := sp.Recover(measurePart); err != nil {
		log.Error("spool not repaired", "error", err) // Run tries again
	}
	return &Recorder{cfg: cfg, log: log, spool: sp, upload: newUploader(cfg, sp, st, log)}, nil
}

// Spool is where footage waits that is not stored yet, for an index of all there is.
func (r *Recorder) Spool() *spool.Spool { return r.spool }

// Run uploads until ctx ends, then closes the recordings, goes on uploading for at most
// Config.Drain, and closes the recorder. What is not stored by then waits for the next start.
func (r *Recorder) Run(ctx context.Context) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	complete := make(chan struct{}) // closed when nothing more will be recorded
	var stopper sync.WaitGroup
	stopper.Go(func() {
		<-ctx.Done()
		if err := r.closeRecordings(); err != nil {
			r.log.Error("recording not finished", "error", err)
		}
		close(complete)
		select {
		case <-time.After(r.cfg.Drain):
			cancel()
		case <-work.Done():
		}
	})
	r.upload.run(work, complete)
	cancel()
	stopper.Wait()
	if n := r.spool.Usage().Entries; n > 0 {
		r.log.Warn("footage left in the spool", "entries", n)
	}
	return r.spool.Close()
}

// Close closes the recordings and releases the spool.
func (r *Recorder) Close() error {
	return errors.Join(r.closeRecordings(), r.spool.Close())
}

func (r *Recorder) closeRecordings() error {
	r.mu.Lock()
	r.closed = true
	open := slices.Clone(r.recordings)
	r.mu.Unlock()
	var errs []error
	for _, c := range open {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// Start begins to record a stream, whose packets are timed since epoch on the wall clock. The
// caller closes the recording. It begins with the first keyframe that comes.
func (r *Recorder) Start(room, stream string, epoch time.Time) (*Recording, error) {
	for _, name := range []string{room, stream} {
		if err := spool.CheckName(name); err != nil {
			return nil, fmt.Errorf("record %s: %w", stream, err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrClosed
	}
	if slices.ContainsFunc(r.recordings, func(c *Recording) bool { return c.room == room && c.stream == stream }) {
		return nil, fmt.Errorf("record %s of room %s: %w", stream, room, ErrRecording)
	}
	c := &Recording{
		room: room, stream: stream, log: r.log.With("room", room, "stream", stream),
		queue: newQueue(r.cfg.Queue), ready: r.upload.wake, done: make(chan struct{}),
		seg: &segmenter{
			spool: r.spool, epoch: epoch, name: spool.Name{Room: room, Stream: stream},
			segment: ticksIn(r.cfg.Segment), part: ticksIn(r.cfg.Part),
		},
	}
	r.recordings = append(r.recordings, c)
	go func() {
		defer close(c.done)
		c.writer()
		r.forget(c)
	}()
	return c, nil
}

// ticksIn is d in units of video time.
func ticksIn(d time.Duration) int64 { return int64(d * videoRate / time.Second) }

func (r *Recorder) forget(c *Recording) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.recordings = slices.DeleteFunc(r.recordings, func(o *Recording) bool { return o == c })
}

// Stats is a snapshot.
func (r *Recorder) Stats() Stats {
	r.mu.Lock()
	open := slices.Clone(r.recordings)
	r.mu.Unlock()
	st := Stats{Recordings: []RecordingStats{}, Uploads: r.upload.snapshot()}
	for _, c := range open {
		st.Recordings = append(st.Recordings, c.Stats())
	}
	slices.SortFunc(st.Recordings, func(a, b RecordingStats) int {
		return strings.Compare(a.Room+"/"+a.Stream, b.Room+"/"+b.Stream)
	})
	return st
}
