package recorder

import (
	"log/slog"
	"sync"
	"time"

	"azulejo/mixer"
	"azulejo/recorder/footage"
)

// Recording writes one stream. Start opens it and starts its writer; Close ends both. Its methods
// may be called concurrently.
type Recording struct {
	room, stream string
	log          *slog.Logger
	queue        *queue
	notify       func()        // called when the spool has something new
	done         chan struct{} // closed when the writer has ended

	segmenter *segmenter // the writer's

	mu    sync.Mutex
	stats segmenterStats
	err   error // nil unless the disk failed last
}

// RecordingStats is a snapshot of a recording.
type RecordingStats struct {
	Room     string    `json:"room"`
	Stream   string    `json:"stream"`
	Durable  time.Time `json:"durable"` // all media before this instant survives a crash; zero at first
	Runs     uint64    `json:"runs"`
	Segments uint64    `json:"segments"` // whole ones
	Bytes    uint64    `json:"bytes"`    // durable ones
	Dropped  uint64    `json:"dropped"`  // packets lost to overload, lost with the disk, or unusable
	Waiting  int       `json:"waiting"`  // packets in the queue
	Error    string    `json:"error,omitempty"`
}

// WritePacket records a packet: H.264 without reordering, with SPS and PPS before each IDR, or an
// AAC-LC frame of 48 kHz stereo. Its bytes must not change any more. A recording that gets no audio
// has no audio track. WritePacket never blocks; after Close it does nothing.
func (rec *Recording) WritePacket(p mixer.Packet) { rec.queue.push(p) }

// Close writes the waiting packets, finishes the segment and returns when both are done. The error
// is that of the disk, if it failed last. Closing again is harmless.
func (rec *Recording) Close() error {
	rec.queue.close()
	<-rec.done
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.err
}

// Stats is a snapshot.
func (rec *Recording) Stats() RecordingStats {
	waiting, overflow := rec.queue.stats()
	rec.mu.Lock()
	defer rec.mu.Unlock()
	st := RecordingStats{
		Room: rec.room, Stream: rec.stream, Durable: rec.stats.durable, Runs: rec.stats.runs,
		Segments: rec.stats.segments, Bytes: rec.stats.bytes, Dropped: rec.stats.dropped + overflow, Waiting: waiting,
	}
	if rec.err != nil {
		st.Error = rec.err.Error()
	}
	return st
}

// writer moves packets from the queue to the segmenter until the queue is closed and empty.
func (rec *Recording) writer() {
	for {
		it, ok := rec.queue.pop()
		if !ok {
			break
		}
		rec.publish(rec.write(it))
	}
	rec.publish(rec.segmenter.finish(footage.Stopped))
}

func (rec *Recording) write(it item) error {
	switch it.event {
	case overflowed:
		rec.log.Warn("recording fell behind")
		return rec.segmenter.finish(footage.Overload)
	case recovered:
		_, dropped := rec.queue.stats()
		rec.log.Warn("recording caught up", "lost", dropped)
		return nil
	}
	return rec.segmenter.push(it.packet)
}

// publish updates the statistics after a write that returned err. It logs a failure when it starts
// and the recovery, which is when bytes are durable again.
func (rec *Recording) publish(err error) {
	now := rec.segmenter.stats
	rec.mu.Lock()
	lastErr, last := rec.err, rec.stats
	rec.stats = now
	switch {
	case err != nil:
		rec.err = err
	case now.bytes > last.bytes:
		rec.err = nil
	}
	newErr := rec.err
	rec.mu.Unlock()

	if lastErr == nil && newErr != nil {
		rec.log.Error("recording not written", "error", newErr)
	}
	if lastErr != nil && newErr == nil {
		rec.log.Info("recording written again", "dropped", now.dropped)
	}
	if err != nil || now.segments > last.segments {
		rec.notify()
	}
}
