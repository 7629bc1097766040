package room

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"azulejo/mixer"
	"azulejo/mixer/hub"
	"azulejo/recorder"
)

// Info is a snapshot of a room, for the operators of the server. [mixer.Stats] explains the last three fields.
type Info struct {
	Room         string                    `json:"room"`
	Configured   bool                      `json:"configured"`
	Mode         Mode                      `json:"mode"`
	Viewers      int                       `json:"viewers"` // members that publish nothing
	Participants []ParticipantInfo         `json:"participants"`
	Views        []ViewInfo                `json:"views"`
	Renditions   []mixer.RenditionStats    `json:"renditions"`
	Recordings   []recorder.RecordingStats `json:"recordings"`
	Ticks        uint64                    `json:"ticks"`
	LateTicks    uint64                    `json:"lateTicks"`
	Overload     int                       `json:"overload"`
}

// ParticipantInfo is a snapshot of a participant and of its source. [mixer.SourceStats] explains the fields of the source.
type ParticipantInfo struct {
	Participant
	State      mixer.State  `json:"state"`
	Reason     mixer.Reason `json:"reason,omitempty"`
	Detail     string       `json:"detail,omitempty"`
	Since      time.Time    `json:"since,omitzero"`
	VideoCodec mixer.Codec  `json:"videoCodec,omitempty"`
	Width      int          `json:"w"`
	Height     int          `json:"h"`
	FPS        float64      `json:"fps"`
	Bitrate    int          `json:"bitrate"` // of video, in bits a second
	AudioCodec mixer.Codec  `json:"audioCodec,omitempty"`
	Level      float64      `json:"level"` // of audio, in dBFS
	AgeMs      int64        `json:"ageMs"` // of the newest frame, in milliseconds
	Dropped    uint64       `json:"dropped"`
	Invalid    uint64       `json:"invalid"`
}

// statsTimeout is how long Registry.Info waits for the statistics of the engine.
const statsTimeout = 2 * time.Second

// info is the command of Registry.Info. Its reply has no statistics of the engine, because the loop must not wait for the
// engine. Room.info requests these statistics from the hub afterwards.
type info struct{ reply chan<- infoReply }

type infoReply struct {
	Info
	sources []mixer.SourceID // the source of each participant, in the order of Info.Participants
	hub     *hub.Hub
}

// info returns a snapshot of the room. If the engine does not answer, the result is an error and a snapshot without the
// engine's statistics. info must not be called from the loop.
func (r *Room) info() (Info, error) {
	reply := make(chan infoReply, 1)
	if !r.submit(info{reply}) {
		return Info{}, errNoSuchRoom(r.name)
	}
	described := <-reply
	ctx, cancel := context.WithTimeout(context.Background(), statsTimeout)
	defer cancel()
	stats, err := described.hub.Stats(ctx)
	switch {
	case errors.Is(err, mixer.ErrClosed):
		return Info{}, errNoSuchRoom(r.name)
	case err != nil:
		return described.Info, fmt.Errorf("describe room %s: %w", r.name, err)
	}
	return described.withStats(stats), nil
}

func (c info) apply(r *Room) {
	out := infoReply{hub: r.hub, Info: Info{
		Room: r.name, Configured: r.permanent, Mode: r.registry.Mode(r.name), Viewers: len(r.viewers), Participants: []ParticipantInfo{},
		Views: r.describeViews(), Recordings: []recorder.RecordingStats{}, Overload: int(r.overload.Load()),
	}}
	for _, p := range r.places {
		c := p.lastCondition()
		out.Participants = append(out.Participants, ParticipantInfo{
			Participant: p.Participant, State: c.State, Reason: c.Reason, Detail: c.Detail, Since: c.Since,
		})
		out.sources = append(out.sources, p.source.ID())
	}
	for _, rec := range r.recordings {
		out.Recordings = append(out.Recordings, rec.stats(r.name))
	}
	c.reply <- out
}

// withStats returns the Info of the reply, completed with the statistics of the engine.
func (reply infoReply) withStats(stats mixer.Stats) Info {
	out := reply.Info
	out.Renditions = slices.Concat([]mixer.RenditionStats{}, stats.Renditions) // never nil, which JSON would show as null
	out.Ticks, out.LateTicks = stats.Ticks, stats.LateTicks
	for _, s := range stats.Sources {
		if i := slices.Index(reply.sources, s.Source); i >= 0 {
			out.Participants[i] = describe(out.Participants[i].Participant, s)
		}
	}
	return out
}

// describe returns the snapshot of a participant, made from the statistics of its source.
func describe(p Participant, s mixer.SourceStats) ParticipantInfo {
	return ParticipantInfo{
		Participant: p, State: s.State, Reason: s.Reason, Detail: s.Detail, Since: s.Since, VideoCodec: s.VideoCodec, Width: s.Width, Height: s.Height,
		FPS: s.FPS, Bitrate: s.Bitrate, AudioCodec: s.AudioCodec, Level: s.Level, AgeMs: int64(s.Age / time.Millisecond),
		Dropped: s.Dropped, Invalid: s.Invalid,
	}
}
