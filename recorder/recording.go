package recorder

import (
	"log/slog"
	"sync"
	"time"

	"azulejo/mixer"
	"azulejo/recorder/footage"
)

// Recording writes one stream into the spool. Recorder.Start opens a Recording and starts its writer, a
// goroutine. Close ends the writer. The methods may be called concurrently.
type Recording struct {
	room, stream string
	log          *slog.Logger
	queue        *queue
	notify       func()        // wakes the uploader: the spool has a new entry, or a segment to repair
	done         chan struct{} // closed when the writer has ended

	segmenter *segmenter // used by the writer only

	mu    sync.Mutex
	stats segmenterStats
	err   error // the last write error; nil after a later write to the disk
}

// RecordingStats is a snapshot of a recording.
type RecordingStats struct {
	Room     string    `json:"room"`
	Stream   string    `json:"stream"`
	Durable  time.Time `json:"durable"` // end of the newest part on disk; a crash loses only later media; zero before the first part
	Runs     uint64    `json:"runs"`
	Segments uint64    `json:"segments"` // finished segments
	Bytes    uint64    `json:"bytes"`    // synced to disk
	Dropped  uint64    `json:"dropped"`  // packets not recorded: the queue was full, the disk failed, or the packet was unusable
	Waiting  int       `json:"waiting"`  // packets and events in the queue
	Error    string    `json:"error,omitempty"`
}

// WritePacket records a packet: an H.264 access unit or an AAC-LC frame of 48 kHz stereo. The H.264
// stream must have no reordered frames (B-frames). Its first IDR frame must have SPS and PPS in the same
// access unit. The caller must not change the bytes of p afterwards. A recording that gets no audio has no
// audio track. WritePacket never blocks. After Close it does nothing.
func (rec *Recording) WritePacket(p mixer.Packet) { rec.queue.push(p) }

// Close waits until the queued packets are written and the segment is finished. It returns the last write
// error, or nil if a later write succeeded. Close may be called again.
func (rec *Recording) Close() error {
	rec.queue.close()
	<-rec.done
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.err
}

// Stats returns a snapshot of the recording.
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
		next, ok := rec.queue.pop()
		if !ok {
			break
		}
		rec.publish(rec.write(next))
	}
	rec.publish(rec.segmenter.finish(footage.Stopped))
}

// write gives a packet to the segmenter, or logs an event of the queue. An overflow also ends the run.
func (rec *Recording) write(next item) error {
	switch next.event {
	case overflowed:
		rec.log.Warn("recording fell behind")
		return rec.segmenter.finish(footage.Overload)
	case recovered:
		_, dropped := rec.queue.stats()
		rec.log.Warn("recording caught up", "lost", dropped)
		return nil
	}
	return rec.segmenter.push(next.packet)
}

// publish updates the statistics after a write that returned err. It logs the first write that fails, and
// the first write to the disk that succeeds afterwards. It notifies the uploader when a segment is
// finished, or when a failed write left a segment to repair.
func (rec *Recording) publish(err error) {
	stats := rec.segmenter.stats
	rec.mu.Lock()
	lastErr, lastStats := rec.err, rec.stats
	rec.stats = stats
	switch {
	case err != nil:
		rec.err = err
	case stats.bytes > lastStats.bytes:
		rec.err = nil
	}
	newErr := rec.err
	rec.mu.Unlock()

	if lastErr == nil && newErr != nil {
		rec.log.Error("recording not written", "error", newErr)
	}
	if lastErr != nil && newErr == nil {
		rec.log.Info("recording written again", "dropped", stats.dropped)
	}
	if err != nil || stats.segments > lastStats.segments {
		rec.notify()
	}
}
