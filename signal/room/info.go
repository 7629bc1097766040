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

// Info is a snapshot of a room for its operators.
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
	Overload     int                       `json:"overload"` // 0 is none; see mixer.Mixer.Overload
}

// ParticipantInfo is a participant and the state of its media.
type ParticipantInfo struct {
	Participant
	State      mixer.State `json:"state"`
	VideoCodec mixer.Codec `json:"videoCodec,omitempty"`
	Width      int         `json:"w"`
	Height     int         `json:"h"`
	FPS        float64     `json:"fps"`
	Bitrate    int         `json:"bitrate"` // of video, bits a second
	AudioCodec mixer.Codec `json:"audioCodec,omitempty"`
	Level      float64     `json:"level"` // dBFS
	AgeMs      int64       `json:"ageMs"` // of the newest frame
	Dropped    uint64      `json:"dropped"`
	Invalid    uint64      `json:"invalid"`
}

// statsTimeout is how long an engine has to answer.
const statsTimeout = 2 * time.Second

// info is the command of Registry.Info: it replies with the state of the room, and with the hub that has the rest.
type info struct{ reply chan<- infoReply }

type infoReply struct {
	Info
	sources []mixer.SourceID // of the participants
	hub     *hub.Hub
}

func (r *Room) info() (Info, error) {
	reply := make(chan infoReply, 1)
	if !r.submit(info{reply}) {
		return Info{}, errNoSuchRoom(r.name)
	}
	out := <-reply
	ctx, cancel := context.WithTimeout(context.Background(), statsTimeout)
	defer cancel()
	stats, err := out.hub.Stats(ctx)
	switch {
	case errors.Is(err, mixer.ErrClosed):
		return Info{}, errNoSuchRoom(r.name)
	case err != nil:
		return Info{}, fmt.Errorf("describe room %s: %w", r.name, err)
	}
	return out.withStats(stats), nil
}

func (c info) apply(r *Room) {
	out := infoReply{hub: r.hub, Info: Info{
		Room: r.name, Configured: r.permanent, Mode: r.registry.Mode(r.name), Viewers: len(r.viewers), Participants: []ParticipantInfo{},
		Views: r.describeViews(), Recordings: []recorder.RecordingStats{}, Overload: int(r.overload.Load()),
	}}
	for _, p := range r.places {
		out.Participants = append(out.Participants, ParticipantInfo{Participant: p.Participant, State: mixer.Connecting})
		out.sources = append(out.sources, p.source.ID())
	}
	for _, rec := range r.recordings {
		out.Recordings = append(out.Recordings, rec.stats(r.name))
	}
	c.reply <- out
}

// withStats adds the statistics of the engine.
func (i infoReply) withStats(stats mixer.Stats) Info {
	out := i.Info
	out.Renditions = slices.Concat([]mixer.RenditionStats{}, stats.Renditions)
	out.Ticks, out.LateTicks = stats.Ticks, stats.LateTicks
	for _, s := range stats.Sources {
		if at := slices.Index(i.sources, s.Source); at >= 0 {
			out.Participants[at] = describe(out.Participants[at].Participant, s)
		}
	}
	return out
}

func describe(p Participant, s mixer.SourceStats) ParticipantInfo {
	return ParticipantInfo{
		Participant: p, State: s.State, VideoCodec: s.VideoCodec, Width: s.Width, Height: s.Height,
		FPS: s.FPS, Bitrate: s.Bitrate, AudioCodec: s.AudioCodec, Level: s.Level, AgeMs: int64(s.Age / time.Millisecond),
		Dropped: s.Dropped, Invalid: s.Invalid,
	}
}
