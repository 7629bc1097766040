package room

import (
	"slices"
	"time"

	"azulejo/mixer"
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

// info is Info in the loop.
type info struct{ reply chan<- Info }

func (r *Room) info() (Info, bool) {
	reply := make(chan Info, 1)
	if !r.do(info{reply}) {
		return Info{}, false
	}
	return <-reply, true
}

func (c info) do(r *Room) {
	stats := r.mix.Stats()
	out := Info{
		Room: r.name, Configured: r.permanent, Mode: r.registry.Mode(r.name), Viewers: len(r.viewers), Participants: []ParticipantInfo{},
		Views:      r.describeViews(),
		Renditions: slices.Concat([]mixer.RenditionStats{}, stats.Renditions), Recordings: []recorder.RecordingStats{},
		Ticks: stats.Ticks, LateTicks: stats.LateTicks, Overload: int(r.overload.Load()),
	}
	for _, p := range r.places {
		out.Participants = append(out.Participants, describe(p))
	}
	for _, rec := range r.recordings {
		out.Recordings = append(out.Recordings, rec.stats(r.name))
	}
	c.reply <- out
}

func describe(p *place) ParticipantInfo {
	s := p.source.Stats()
	return ParticipantInfo{
		Participant: p.Participant, State: s.State, VideoCodec: s.VideoCodec, Width: s.Width, Height: s.Height,
		FPS: s.FPS, Bitrate: s.Bitrate, AudioCodec: s.AudioCodec, Level: s.Level, AgeMs: int64(s.Age / time.Millisecond),
		Dropped: s.Dropped, Invalid: s.Invalid,
	}
}
