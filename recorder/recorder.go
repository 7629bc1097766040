// Package recorder cuts packets into segments, keeps the segments in a spool that survives a crash, and
// uploads them to a store. A segment leaves the spool when the store has confirmed it.
//
// signal/room opens and closes recordings and gives them the packets of the mixer's renditions. cmd
// runs the Recorder. Each recording has its own goroutine, which writes to the spool. Only the goroutine
// of Run uploads. So a store that fails delays uploads, but no recording.
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

	"azulejo/recorder/footage"
	"azulejo/recorder/spool"
	"azulejo/recorder/store"
)

// ErrRecording is returned by Start for a stream that is already being recorded.
var ErrRecording = errors.New("stream is being recorded already")

// ErrClosed is returned by Start after Close, and after the context of Run has ended.
var ErrClosed = errors.New("recorder is closed")

// Recorder records streams into a spool and uploads the spool's entries. Its methods may be called
// concurrently.
type Recorder struct {
	cfg      Config
	log      *slog.Logger
	spool    *spool.Spool
	uploader *uploader

	mu         sync.Mutex
	recordings []*Recording // the open recordings
	closed     bool
}

// Stats is a snapshot of the recorder.
type Stats struct {
	Recordings []RecordingStats `json:"recordings"` // sorted by room and stream
	Uploads    UploadStats      `json:"uploads"`
}

// New opens the spool and repairs the segments that a crash left unfinished. If a repair fails, New logs
// the error, and Run tries again. Only one process at a time can hold the spool; Run and Close release it.
// New starts no goroutine.
func New(cfg Config, st store.Store, log *slog.Logger) (*Recorder, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("recording.%w", err)
	}
	cfg = cfg.withDefaults()
	sp, err := spool.Open(cfg.Dir, log)
	if err != nil {
		return nil, err
	}
	if err := sp.Recover(); err != nil {
		log.Error("spool not repaired", "error", err)
	}
	return &Recorder{cfg: cfg, log: log, spool: sp, uploader: newUploader(cfg, sp, st, log)}, nil
}

// Spool returns the recorder's spool, for the index.
func (r *Recorder) Spool() *spool.Spool { return r.spool }

// Run uploads until ctx ends. Then it closes the recordings, continues to upload for at most
// Config.Drain, and releases the spool. Footage that is not stored by then stays in the spool until the
// next start of the program. Run returns an error only if releasing the spool fails.
func (r *Recorder) Run(ctx context.Context) error {
	uploadCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var closer sync.WaitGroup
	closer.Go(func() {
		r.drainAfter(ctx, uploadCtx)
		cancel()
	})
	err := r.uploader.run(uploadCtx)
	cancel()
	closer.Wait()
	if n := r.spool.Usage().Entries; err != nil && n > 0 {
		r.log.Warn("footage left in the spool", "entries", n)
	}
	return r.spool.Close()
}

// drainAfter waits for the end of ctx. Then it closes the recordings and tells the uploader that the spool
// gets no more entries. It returns when uploadCtx has ended or Config.Drain has passed.
func (r *Recorder) drainAfter(ctx, uploadCtx context.Context) {
	<-ctx.Done()
	if err := r.closeRecordings(); err != nil {
		r.log.Error("recording not finished", "error", err)
	}
	r.uploader.drain()
	select {
	case <-time.After(r.cfg.Drain):
	case <-uploadCtx.Done():
	}
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
	for _, rec := range open {
		errs = append(errs, rec.Close())
	}
	return errors.Join(errs...)
}

// Start opens a recording of a stream and starts its goroutine. epoch is the wall-clock time of a packet
// with PTS 0. The first run starts with the first keyframe. The caller must close the recording.
func (r *Recorder) Start(room, stream string, epoch time.Time) (*Recording, error) {
	if err := footage.CheckNames(room, stream); err != nil {
		return nil, fmt.Errorf("record %s: %w", stream, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrClosed
	}
	if slices.ContainsFunc(r.recordings, func(o *Recording) bool { return o.room == room && o.stream == stream }) {
		return nil, fmt.Errorf("record %s of room %s: %w", stream, room, ErrRecording)
	}
	rec := r.newRecording(room, stream, epoch)
	r.recordings = append(r.recordings, rec)
	go func() {
		defer close(rec.done)
		rec.writer()
		r.forget(rec)
	}()
	return rec, nil
}

func (r *Recorder) newRecording(room, stream string, epoch time.Time) *Recording {
	return &Recording{
		room: room, stream: stream, log: r.log.With("room", room, "stream", stream),
		queue: newQueue(r.cfg.Queue), notify: r.uploader.notify, done: make(chan struct{}),
		segmenter: &segmenter{
			spool: r.spool, epoch: epoch, name: footage.Name{Room: room, Stream: stream},
			plan: cutPlan{segmentLength: videoTicks(r.cfg.Segment), partLength: videoTicks(r.cfg.Part)},
		},
	}
}

// forget removes rec from the open recordings.
func (r *Recorder) forget(rec *Recording) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.recordings = slices.DeleteFunc(r.recordings, func(o *Recording) bool { return o == rec })
}

// Stats returns a snapshot of the open recordings and the uploads.
func (r *Recorder) Stats() Stats {
	r.mu.Lock()
	open := slices.Clone(r.recordings)
	r.mu.Unlock()
	st := Stats{Recordings: []RecordingStats{}, Uploads: r.uploader.snapshot()}
	for _, rec := range open {
		st.Recordings = append(st.Recordings, rec.Stats())
	}
	slices.SortFunc(st.Recordings, func(a, b RecordingStats) int {
		return strings.Compare(a.Room+"/"+a.Stream, b.Room+"/"+b.Stream)
	})
	return st
}
