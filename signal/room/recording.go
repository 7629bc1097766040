package room

import (
	"context"
	"errors"
	"fmt"

	"azulejo/mixer"
	"azulejo/mixer/hub"
	"azulejo/recorder"
)

// recording connects one view and the audio of a room to the recorder. If it could not start, it has only stream and err.
type recording struct {
	stream string // name of the view
	rec    *recorder.Recording
	video  *hub.VideoSubscription
	audio  *hub.AudioSubscription
	err    error
}

// recordingSink is the hub.Sink that passes packets to a recording.
type recordingSink struct{ rec *recorder.Recording }

func (s recordingSink) WritePacket(p hub.Packet) { s.rec.WritePacket(p.Packet) }

// startRecordings starts the configured recordings. If a recording cannot start, r.recordings has its error.
func (r *Room) startRecordings(ctx context.Context) {
	for _, stream := range r.registry.cfg.Rooms[r.name].Record {
		rec, err := r.startRecording(ctx, stream)
		if err != nil {
			r.log.Error("recording did not begin", "stream", stream, "error", err)
			rec = &recording{stream: stream, err: err}
		}
		r.recordings = append(r.recordings, rec)
	}
}

func (r *Room) startRecording(ctx context.Context, view string) (*recording, error) {
	rec, err := r.registry.rec.Start(r.name, view, r.hub.Epoch())
	if err != nil {
		return nil, fmt.Errorf("start recording %s/%s: %w", r.name, view, err)
	}
	out := &recording{stream: view, rec: rec}
	out.video, err = r.hub.Watch(ctx, mixer.Watching{Name: view, Codec: mixer.H264, Keep: true}, recordingSink{rec})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("record view %s: %w", view, err), out.close())
	}
	out.audio, err = r.hub.Listen(ctx, mixer.AAC, 0, recordingSink{rec}) // 0: no source is excluded
	if err != nil {
		return nil, errors.Join(fmt.Errorf("record audio of %s: %w", view, err), out.close())
	}
	return out, nil
}

// stopRecordings closes the recordings. It waits until their last segments are finished.
func (r *Room) stopRecordings() {
	for _, rec := range r.recordings {
		if err := rec.close(); err != nil {
			r.log.Error("recording did not end well", "stream", rec.stream, "error", err)
		}
	}
}

func (c *recording) close() error {
	c.video.Close()
	c.audio.Close()
	if c.rec == nil {
		return nil
	}
	if err := c.rec.Close(); err != nil {
		return fmt.Errorf("close recording %s: %w", c.stream, err)
	}
	return nil
}

// stats returns a snapshot of the recording. If the recording could not start, the snapshot has the error.
func (c *recording) stats(room string) recorder.RecordingStats {
	if c.rec == nil {
		return recorder.RecordingStats{Room: room, Stream: c.stream, Error: c.err.Error()}
	}
	return c.rec.Stats()
}
