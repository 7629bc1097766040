package recorder

import (
	"log/slog"
	"sync"
	"time"

	"azulejo/mixer"
	"azulejo/recorder/spool"
)

// Recording writes one stream. Its methods may be called concurrently.
type Recording struct {
	room, stream string
	log          *slog.Logger
	queue        *queue
	ready        func() // told after each whole segment
	done         chan struct{}

	seg *segmenter // the writer's

	mu    sync.Mutex
	stats segmenterStats
	err   error // nil while all is well
}

// RecordingStats is a snapshot of a recording.
type RecordingStats struct {
	Room     string    `json:"room"`
	Stream   string    `json:"stream"`
	Durable  time.Time `json:"durable"` // what came before this instant survives a crash; zero at first
	Runs     uint64    `json:"runs"`
	Segments uint64    `json:"segments"` // whole ones
	Bytes    uint64    `json:"bytes"`    // durable ones
	Dropped  uint64    `json:"dropped"`  // packets lost to overload, to the disk, or unfit
	Waiting  int       `json:"waiting"`  // packets in the queue
	Error    string    `json:"error,omitempty"`
}

// Input takes the packets of a recording. WritePacket never blocks and may be called
// concurrently; after the recording's Close it does nothing.
type Input struct{ queue *queue }

// WritePacket takes an H.264 picture or an AAC access unit. Its bytes must not change any more.
func (in *Input) WritePacket(p mixer.Packet) { in.queue.put(p) }

// Video is where the pictures go: H.264 without reordering, SPS and PPS before each IDR.
func (c *Recording) Video() *Input { return &Input{c.queue} }

// Audio is where the sound goes: AAC-LC, 48 kHz stereo. A recording without any has no sound.
func (c *Recording) Audio() *Input { return &Input{c.queue} }

// Close writes what waits, finishes the segment and returns when that is done. The error is that
// of the disk, if it failed last. Closing again is harmless.
func (c *Recording) Close() error {
	c.queue.close()
	<-c.done
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Stats is a snapshot.
func (c *Recording) Stats() RecordingStats {
	waiting, lost := c.queue.stats()
	c.mu.Lock()
	defer c.mu.Unlock()
	st := RecordingStats{
		Room: c.room, Stream: c.stream, Durable: c.stats.durable, Runs: c.stats.runs,
		Segments: c.stats.segments, Bytes: c.stats.bytes, Dropped: c.stats.dropped + lost, Waiting: waiting,
	}
	if c.err != nil {
		st.Error = c.err.Error()
	}
	return st
}

// writer empties the queue into the segmenter until the queue is closed.
func (c *Recording) writer() {
	for {
		it, ok := c.queue.take()
		if !ok {
			break
		}
		c.note(c.write(it))
	}
	c.note(c.seg.end(spool.Stopped))
}

func (c *Recording) write(it item) error {
	switch it.notice {
	case overflowed:
		c.log.Warn("recording fell behind")
		return c.seg.end(spool.Overload)
	case recovered:
		_, lost := c.queue.stats()
		c.log.Warn("recording caught up", "lost", lost)
		return nil
	}
	return c.seg.push(it.packet)
}

// note publishes what the segmenter has done, and tells of trouble when it begins and when it is
// over, which is when bytes are durable again.
func (c *Recording) note(err error) {
	c.mu.Lock()
	was, before := c.err, c.stats
	c.stats = c.seg.stats
	switch {
	case err != nil:
		c.err = err
	case c.stats.bytes > before.bytes:
		c.err = nil
	}
	now := c.err
	c.mu.Unlock()

	if was == nil && now != nil {
		c.log.Error("recording not written", "error", now)
	}
	if was != nil && now == nil {
		c.log.Info("recording written again", "dropped", c.seg.stats.dropped)
	}
	if err != nil || c.seg.stats.segments > before.segments {
		c.ready()
	}
}
