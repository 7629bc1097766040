package peer

import (
	"errors"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"azulejo/signal/refusal"
)

const (
	inactive = webrtc.RTPTransceiverDirectionInactive
	sendonly = webrtc.RTPTransceiverDirectionSendonly
	recvonly = webrtc.RTPTransceiverDirectionRecvonly
	sendrecv = webrtc.RTPTransceiverDirectionSendrecv
)

func TestInspect(t *testing.T) {
	for _, c := range []struct {
		video, audio webrtc.RTPTransceiverDirection
		want         Offered
	}{
		{sendonly, sendrecv, Offered{Audio: Section{true, true}, Video: Section{true, false}, Layers: 1}},
		{recvonly, inactive, Offered{Video: Section{false, true}, Layers: 1}},
		{inactive, sendonly, Offered{Audio: Section{true, false}, Layers: 1}},
	} {
		if got, err := Inspect(offerOf(t, c.video, c.audio)); err != nil || got != c.want {
			t.Errorf("video %s, audio %s: got %+v, %v; want %+v", c.video, c.audio, got, err, c.want)
		}
	}
	layered := offerOf(t, sendonly, inactive) + "a=rid:f send\r\na=rid:h send\r\na=simulcast:send f;h\r\n"
	if got, err := Inspect(layered); err != nil || got.Layers != 2 {
		t.Errorf("two layers: got %+v, %v", got, err)
	}
	var typed *refusal.Error
	if _, err := Inspect("v=0\r\n"); !errors.As(err, &typed) || typed.Code != CodeBadSDP {
		t.Errorf("half an offer: got %v; want %s", err, CodeBadSDP)
	}
}

// TestWithheldMedia: the answer does not promise media that are withheld. An offer without video is answered if AudioOnly.
func TestWithheldMedia(t *testing.T) {
	e := openEngine(t, Config{})
	for _, c := range []struct {
		name         string
		opts         Options
		video, audio webrtc.RTPTransceiverDirection // of the offer
		want         string                         // of the answer, in its order
	}{
		{"all", Options{}, sendrecv, recvonly, "video:sendrecv audio:sendonly"},
		{"no audio", Options{HideAudio: true}, recvonly, recvonly, "video:sendonly audio:inactive"},
		{"nothing, to a client that only sends", Options{HideVideo: true, HideAudio: true}, sendrecv, sendonly, "video:recvonly audio:recvonly"},
		{"audio alone", Options{AudioOnly: true}, inactive, recvonly, "audio:sendonly"},
		{"audio alone, sent", Options{AudioOnly: true}, inactive, sendonly, "audio:recvonly"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := e.NewPeer(c.opts, quiet)
			defer func() { _ = p.Close() }()
			answer, err := p.Answer(offerOf(t, c.video, c.audio))
			if err != nil {
				t.Fatal(err)
			}
			got := directionsOf(t, answer)
			for _, section := range strings.Fields(c.want) {
				if !strings.Contains(got, section) {
					t.Errorf("got %s; want %s\n%s", got, c.want, answer)
				}
			}
			if len(got) != len(c.want) || strings.Contains(answer, "m=audio 0") || strings.Contains(answer, "m=video 0") {
				t.Errorf("got %s; want %s, none rejected\n%s", got, c.want, answer)
			}
		})
	}
}

func directionsOf(t *testing.T, text string) string {
	t.Helper()
	var d sdp.SessionDescription
	if err := d.UnmarshalString(text); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range d.MediaDescriptions {
		for _, direction := range []string{"sendrecv", "sendonly", "recvonly", "inactive"} {
			if _, ok := m.Attribute(direction); ok {
				all = append(all, m.MediaName.Media+":"+direction)
			}
		}
	}
	return strings.Join(all, " ")
}
