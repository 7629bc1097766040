package mixer

import (
	"log/slog"
	"sync/atomic"
	"time"

	"azulejo/codec"
)

// lostAfter is how old the newest picture of a source may get before its tile stops looking live.
const lostAfter = 2500 * time.Millisecond

// State says what a source shows.
type State string

// The states of a source.
const (
	Connecting   State = "connecting" // no picture yet
	Live         State = "live"
	Muted        State = "muted"        // the participant switched the picture off
	Lost         State = "lost"         // no picture for longer than lostAfter
	Reconnecting State = "reconnecting" // the connection broke; its place is kept for a while
	Unusable     State = "unusable"     // pictures come, but none that can be shown
)

// Source is one participant's media inside the mixer. Packets may be put from any goroutine, those of one
// medium from one goroutine at a time. It never blocks whoever puts.
type Source struct {
	name   string
	mixer  *Mixer
	slot   Slot
	video  *videoIn
	sound  *soundIn
	hidden atomic.Bool // picture muted
	away   atomic.Bool // connection broken
}

// AddSource begins a source: it has a tile from now on. The caller closes it.
func (m *Mixer) AddSource(cfg SourceConfig) *Source {
	if cfg.Refresh == nil {
		cfg.Refresh = func() {}
	}
	s := &Source{name: cfg.Name, mixer: m}
	log := m.log.With("source", cfg.Name)
	s.video = newVideoIn(&s.slot, cfg.Refresh, m.cfg.MaxPixels, log)
	s.sound = newSoundIn(log)
	m.mu.Lock()
	m.sources = append(m.sources, s)
	m.mu.Unlock()
	return s
}

// Name is what the tile says.
func (s *Source) Name() string { return s.name }

// PutVideo takes one picture packet of any format; the format may change at a key packet.
func (s *Source) PutVideo(p codec.Packet) { s.video.put(p) }

// PutAudio takes one sound packet of any format.
func (s *Source) PutAudio(p codec.Packet) { s.sound.put(p) }

// SetMuted silences the sound and replaces the picture by a placeholder, until called otherwise.
func (s *Source) SetMuted(audio, video bool) {
	s.sound.muted.Store(audio)
	s.hidden.Store(video)
}

// SetAway tells that the participant's connection broke and may come back.
func (s *Source) SetAway(away bool) { s.away.Store(away) }

// Close ends the source: its tile goes, its decoders are freed. It waits for them and may be called twice.
func (s *Source) Close() {
	if s == nil || !s.mixer.remove(s) {
		return
	}
	s.video.close()
	s.sound.close()
	s.slot.Clear()
}

// state is what the tile shows at a moment, and the age of the newest picture (zero before the first).
func (s *Source) state(now time.Time) (state State, age time.Duration) {
	seq, at := s.slot.Mark()
	if seq > 0 {
		age = now.Sub(at)
	}
	switch {
	case s.away.Load():
		return Reconnecting, age
	case s.hidden.Load():
		return Muted, age
	case seq == 0:
		return Connecting, 0
	case age > lostAfter:
		return Lost, age
	}
	return Live, age
}

// SourceStats is a snapshot of a source.
type SourceStats struct {
	Name       string        `json:"name"`
	State      State         `json:"state"`
	Age        time.Duration `json:"-"` // of the newest picture
	VideoCodec codec.ID      `json:"videoCodec,omitempty"`
	Width      int           `json:"w"`
	Height     int           `json:"h"`
	FPS        float64       `json:"fps"`
	Bitrate    int           `json:"bitrate"` // picture, bits a second
	AudioCodec codec.ID      `json:"audioCodec,omitempty"`
	Level      float64       `json:"level"`   // dBFS
	Dropped    uint64        `json:"dropped"` // packets of the picture that were not decoded
	Invalid    uint64        `json:"invalid"` // packets that were no picture or no sound
}

// Stats returns a snapshot.
func (s *Source) Stats() SourceStats {
	state, age := s.state(time.Now())
	v := s.video.stats()
	v.Name, v.State, v.Age = s.name, state, age
	v.AudioCodec, v.Level = s.sound.describe()
	v.Invalid += s.sound.invalid.Load()
	return v
}

// newLogOnce returns a function that logs the first trouble of a spell at warn level and the recovery at info level.
func newLogOnce(log *slog.Logger, what string) (trouble func(error), well func()) {
	bad := false
	return func(err error) {
			if !bad {
				bad = true
				log.Warn(what+" broken", "error", err)
			}
		}, func() {
			if bad {
				bad = false
				log.Info(what + " recovered")
			}
		}
}
