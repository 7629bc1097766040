package room

import (
	"errors"
	"fmt"

	"azulejo/mixer"
	"azulejo/mixer/engine"
	"azulejo/recorder"
)

// recording ties one view and the sound of a room to the recorder.
type recording struct {
	stream string
	rec    *recorder.Recording    // nil when err
	subs   []*engine.Subscription // picture and sound
	err    error
}

// record begins what the configuration says; what cannot be recorded is shown as such.
func (r *Room) record() {
	for _, stream := range r.registry.cfg.Rooms[r.name].Record {
		rec, err := r.startRecording(stream)
		if err != nil {
			r.log.Error("recording did not begin", "stream", stream, "error", err)
			rec = &recording{stream: stream, err: err}
		}
		r.recordings = append(r.recordings, rec)
	}
}

func (r *Room) startRecording(view string) (*recording, error) {
	rec, err := r.registry.rec.Start(r.name, view, r.mix.Epoch())
	if err != nil {
		return nil, fmt.Errorf("start recording %s/%s: %w", r.name, view, err)
	}
	out := &recording{stream: view, rec: rec}
	video, err := r.mix.Watch(mixer.Watching{Name: view, Codec: mixer.H264, Keep: true}, rec)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("record view %s: %w", view, err), out.close())
	}
	out.subs = append(out.subs, video)
	audio, err := r.mix.Listen(mixer.AAC, nil, rec)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("record sound of %s: %w", view, err), out.close())
	}
	out.subs = append(out.subs, audio)
	return out, nil
}

// stopRecordings finishes the segments.
func (r *Room) stopRecordings() {
	for _, rec := range r.recordings {
		if err := rec.close(); err != nil {
			r.log.Error("recording did not end well", "stream", rec.stream, "error", err)
		}
	}
}

func (c *recording) close() error {
	for _, s := range c.subs {
		s.Close()
	}
	if c.rec == nil {
		return nil
	}
	if err := c.rec.Close(); err != nil {
		return fmt.Errorf("close recording %s: %w", c.stream, err)
	}
	return nil
}

// stats is a snapshot; a recording that did not begin says why.
func (c *recording) stats(room string) recorder.RecordingStats {
	if c.rec == nil {
		return recorder.RecordingStats{Room: room, Stream: c.stream, Error: c.err.Error()}
	}
	return c.rec.Stats()
}
