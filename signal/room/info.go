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

// Info is a snapshot of a room for people who watch over it.
type Info struct {
	Room         string                    `json:"room"`
	Configured   bool                      `json:"configured"`
	Mode         Mode                      `json:"mode"`
	Viewers      int                       `json:"viewers"` // who publish nothing
	Participants []ParticipantInfo         `json:"participants"`
	Views        []ViewInfo                `json:"views"`
	Renditions   []mixer.RenditionStats    `json:"renditions"`
	Recordings   []recorder.RecordingStats `json:"recordings"`
	Ticks        uint64                    `json:"ticks"`
	LateTicks    uint64                    `json:"lateTicks"`
	Overload     int                       `json:"overload"` // 0 is none; see mixer.Mixer.Overload
}

// ParticipantInfo is a participant and what is received from it.
type ParticipantInfo struct {
	Participant
	State      mixer.State `json:"state"`
	VideoCodec mixer.Codec `json:"videoCodec,omitempty"`
	Width      int         `json:"w"`
	Height     int         `json:"h"`
	FPS        float64     `json:"fps"`
	Bitrate    int         `json:"bitrate"` // picture, bits a second
	AudioCodec mixer.Codec `json:"audioCodec,omitempty"`
	Level      float64     `json:"level"` // dBFS
	AgeMs      int64       `json:"ageMs"` // of the newest picture
	Dropped    uint64      `json:"dropped"`
	Invalid    uint64      `json:"invalid"`
}

// statsWithin is how long an engine has to answer.
const statsWithin = 2 * time.Second

// info is Info in the loop: what the room itself knows, and where to ask for the rest.
type info struct{ reply chan<- infoReply }

type infoReply struct {
	Info
	sources []mixer.SourceID // of the participants
	hub     *hub.Hub
}

func (r *Room) info() (Info, error) {
	reply := make(chan infoReply, 1)
	if !r.do(info{reply}) {
		return Info{}, errNoSuchRoom(r.name)
	}
	out := <-reply
	ctx, cancel := context.WithTimeout(context.Background(), statsWithin)
	defer cancel()
	stats, err := out.hub.Stats(ctx)
	switch {
	case errors.Is(err, mixer.ErrClosed):
		return Info{}, errNoSuchRoom(r.name)
	case err != nil:
		return Info{}, fmt.Errorf("describe room %s: %w", r.name, err)
	}
	return out.measured(stats), nil
}

func (c info) do(r *Room) {
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

// measured adds what the engine knows.
func (i infoReply) measured(stats mixer.Stats) Info {
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
