package recorder

import (
	"log/slog"
	"sync"
	"time"

	"azulejo/mixer"
	"azulejo/recorder/footage"
)

// Recording writes one stream into the spool. Recorder.Start opens it and starts the goroutine writer.
// Close ends both. Its methods may be called concurrently.
type Recording struct {
	room, stream string
	log          *slog.Logger
	queue        *queue
	notify       func()        // wakes the uploader: the spool has a new entry, or a segment to repair
	done         chan struct{} // closed when the writer has ended

	segmenter *segmenter // used by the writer only

	mu    sync.Mutex
	stats segmenterStats
	err   error // the last disk error; nil once bytes have been written after it
}

// RecordingStats is a snapshot of a recording.
type RecordingStats struct {
	Room     string    `json:"room"`
	Stream   string    `json:"stream"`
	Durable  time.Time `json:"durable"` // written media before this time survives a crash; zero before the first part
	Runs     uint64    `json:"runs"`
	Segments uint64    `json:"segments"` // finished segments
	Bytes    uint64    `json:"bytes"`    // synced to disk
	Dropped  uint64    `json:"dropped"`  // packets not recorded: full queue, failed disk, unusable packet
	Waiting  int       `json:"waiting"`  // packets and events in the queue
	Error    string    `json:"error,omitempty"`
}

// WritePacket records a packet: an H.264 access unit or an AAC-LC frame of 48 kHz stereo. The H.264
// stream must not reorder frames and must have SPS and PPS before each IDR. The caller must not change
// p's bytes afterwards. A recording that gets no audio has no audio track. WritePacket never blocks.
// After Close it does nothing.
func (rec *Recording) WritePacket(p mixer.Packet) { rec.queue.push(p) }

// Close waits until the waiting packets are written and the segment is finished. It returns the disk's
// last error, unless bytes have been written after it. Close may be called again.
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
		it, ok := rec.queue.pop()
		if !ok {
			break
		}
		rec.publish(rec.write(it))
	}
	rec.publish(rec.segmenter.finish(footage.Stopped))
}

// write gives a packet to the segmenter. At an overflow of the queue it ends the run.
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

// publish updates the statistics after a write that returned err. It logs when writing begins to fail
// and when it has recovered, that is, when bytes have been written again. It notifies the uploader.
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
