package room

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"azulejo/mixer"
	"azulejo/mixer/logtest"
)

// TestTroubleIsTold: the reason why a camera is not live, and why its sound is not taken, reaches the members and the API.
func TestTroubleIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := open(t, Config{})
		viewer := enter(t, reg, "yard", Joining{Kind: Peer})
		gate := enter(t, reg, "yard", Joining{Name: "gate", Kind: Camera, Key: "camera/gate", Publish: Media{Video: true}})
		gate.ReportTrouble(mixer.Trouble{Reason: mixer.ReasonWrongPassword, Detail: "the camera refuses the login"})
		gate.ReportAudioTrouble(mixer.Trouble{Reason: mixer.ReasonNoAudioCodec, Detail: "G.726 is not decoded"})
		start := time.Now()
		var told Trouble
		for told.Reason != mixer.ReasonWrongPassword || told.AudioReason != mixer.ReasonNoAudioCodec {
			told = (<-viewer.Events()).Participants[0].Trouble
		}
		if took := time.Since(start); took > 2*time.Second || told.Detail != "the camera refuses the login" || told.Since.IsZero() {
			t.Errorf("after %v the viewer was sent %+v", took, told)
		}
		time.Sleep(time.Minute)
		if n := len(viewer.Events()); n > 0 {
			t.Errorf("%d more events although nothing changed", n)
		}
		got := settle(t, reg, "yard").Participants[0]
		if got.Trouble != told {
			t.Errorf("the API has %+v; want %+v", got.Trouble, told)
		}
	})
}

// TestCamerasJoinWhenTheyAreLive: a camera has its place before its first connection, but the log says that it joined when
// its video is live.
func TestCamerasJoinWhenTheyAreLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := open(t, Config{})
		r := newRoom(reg, "yard", false)
		log := &logtest.Log{}
		r.log = slog.New(slog.NewTextHandler(log, nil))
		p := &place{Participant: Participant{ID: "1", Name: "gate", Kind: Camera}}
		changed := r.onCondition(p)
		changed(mixer.Condition{State: mixer.Connecting})
		if log.String() != "" {
			t.Errorf("before its first picture: %s", log)
		}
		changed(mixer.Condition{State: mixer.Live})
		changed(mixer.Condition{State: mixer.Lost})
		changed(mixer.Condition{State: mixer.Live})
		if n := strings.Count(log.String(), "member joined"); n != 1 {
			t.Errorf("the log says it %d times:\n%s", n, log)
		}
	})
}
