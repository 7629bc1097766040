package camera

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"azulejo/mixer"
)

// TestAudioTroubleOfTwoStreams: the reports of both streams make one trouble. It is over while any stream's audio is passed on.
func TestAudioTroubleOfTwoStreams(t *testing.T) {
	to := &seat{}
	s := newStreams(Config{URL: "rtsp://host/main", SubURL: "rtsp://host/sub"}, to, startFeed, newHealth(), slog.New(slog.DiscardHandler))
	refused, codec := mixer.Trouble{Reason: mixer.ReasonAudioRefused}, mixer.Trouble{Reason: mixer.ReasonNoAudioCodec}
	enter := func(layer int, next phase) { s.pulls[layer].change(func(p *pullState) { p.enter(next) }) }
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sub := &outlet{pull: s.pulls[1], ctx: ctx}
	for _, step := range []struct {
		name string
		do   func()
		want mixer.Reason
	}{
		{"nothing is pulled", func() {}, ""},
		{"the sub-stream's audio is refused", func() { enter(1, flowing); s.pulls[1].setAudioTrouble(refused) }, mixer.ReasonAudioRefused},
		{"the main stream has none", func() { enter(0, flowing); s.pulls[0].setAudioTrouble(mixer.Trouble{}) }, mixer.ReasonAudioRefused},
		{"the main stream's codec is not decoded", func() { s.pulls[0].setAudioTrouble(codec) }, mixer.ReasonNoAudioCodec},
		{"the main stream is not pulled any more", func() { enter(0, off) }, mixer.ReasonAudioRefused},
		{"the sub-stream's audio comes", func() { s.audio.write(sub, mixer.Packet{Codec: mixer.PCMU}) }, ""},
		{"it ends", cancel, mixer.ReasonAudioRefused},
	} {
		step.do()
		s.tell()
		if got := s.toldAudio.Reason; got != step.want {
			t.Errorf("%s: told %q, want %q", step.name, got, step.want)
		}
	}
	if want := []mixer.Reason{"audio-refused", "no-audio-codec", "audio-refused", "", "audio-refused"}; !slices.Equal(to.muted, want) {
		t.Errorf("the room was told %v, want %v", to.muted, want)
	}
}

// TestABrokenStreamProvesItselfAgain: its first keyframe is that of the new session.
func TestABrokenStreamProvesItselfAgain(t *testing.T) {
	start := time.Now()
	s := pullState{phase: opening}
	s.pass(true, 0, start)
	s.breakOff(mixer.Trouble{Reason: mixer.ReasonReconnecting})
	if s.phase != broken || !s.key.IsZero() {
		t.Errorf("after the session: %+v", s)
	}
	later := start.Add(time.Minute)
	s.pass(true, 0, later)
	if s.phase != flowing || s.key != later {
		t.Errorf("after the next keyframe: %+v, want the keyframe at %v", s, later)
	}
}
