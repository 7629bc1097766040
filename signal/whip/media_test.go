package whip_test

import (
	"image"
	"net/http"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/mixertest"
	"azulejo/signal/peer"
	"azulejo/signal/signaltest"
	"azulejo/signal/signaltest/await"
)

var (
	orange = mixertest.Video{Codec: mixer.H264, Width: 320, Height: 180, FPS: pictureRate, Colour: codec.RGB(230, 120, 30), Moves: true}
	violet = mixertest.Video{Codec: mixer.VP8, Width: 320, Height: 180, FPS: pictureRate, Colour: codec.RGB(120, 40, 200), Moves: true}
)

// TestPublishAndWatch: a viewer by WHEP receives the media of a publisher by WHIP. Both trickle candidates and restart ICE
// while media flow. After the end nothing is left.
func TestPublishAndWatch(t *testing.T) {
	for _, p := range []mixertest.Video{orange, violet} {
		t.Run(string(p.Codec), func(t *testing.T) {
			s := serve(t, setup{})
			publisher := s.newCaller(t).publish("/whip/yard/%EC%A0%95%EB%AC%B8", p, 440)
			viewer := s.newCaller(t).view("/whep/yard")
			await.Until(t, "the colour arrives", viewer.sees(p.Colour))
			await.Until(t, "sound arrives", func() bool { _, sounds := viewer.counted(); return sounds > 10 })
			who := s.people()
			if len(who) != 1 || who[0].Name != "정문" || !who[0].Publish.Audio || !who[0].Publish.Video {
				t.Fatalf("the room has %+v; want 정문 with both media", who)
			}
			if publisher.location != "/whip/yard/%EC%A0%95%EB%AC%B8/"+last(publisher.location) || !strings.HasPrefix(viewer.location, "/whep/yard/") {
				t.Errorf("sessions at %s and %s", publisher.location, viewer.location)
			}

			publisher.restart()
			viewer.restart()
			goOn(t, s, viewer)

			publisher.end()
			await.Until(t, "the place is empty", func() bool { return s.names() == "" })
			viewer.end()
			await.Until(t, "no peer is left", func() bool { return s.engine.Stats().Peers == 0 })
			for _, c := range []*caller{publisher, viewer} {
				for _, method := range []string{http.MethodDelete, http.MethodPatch} {
					a := c.ask(method, c.location, "")
					if code, _ := a.problem(t); a.status != http.StatusNotFound || code != "not_found" {
						t.Errorf("%s of a session that is over: %d %s; want 404", method, a.status, a.body)
					}
				}
			}
		})
	}
}

func last(path string) string { return path[strings.LastIndex(path, "/")+1:] }

// goOn waits for new frames of the publishers and for the viewer.
func goOn(t *testing.T, s *server, viewer *caller) {
	t.Helper()
	pictures, _ := viewer.counted()
	up := s.engine.Stats().UpUnits
	await.Until(t, "pictures go on", func() bool {
		now, _ := viewer.counted()
		return now > pictures+2*fps && s.engine.Stats().UpUnits > up+2*pictureRate
	})
}

// TestAudioOnly is published and heard.
func TestAudioOnly(t *testing.T) {
	s := serve(t, setup{})
	publisher := s.newCaller(t)
	publisher.audio = publisher.sends(webrtc.MimeTypeOpus)
	publisher.call("/whip/yard/radio")
	signaltest.Play(t, mixertest.Tone(t, 440), func(u mixer.Packet) error { return sample(publisher.audio, u, 20_000_000) })
	viewer := s.newCaller(t)
	viewer.receives(webrtc.RTPCodecTypeAudio)
	viewer.call("/whep/yard")
	await.Until(t, "sound arrives", func() bool { _, sounds := viewer.counted(); return sounds > 10 })
	if who := s.people(); len(who) != 1 || who[0].Publish.Video || !who[0].Publish.Audio {
		t.Errorf("the room has %+v; want sound alone", who)
	}
	a := viewer.ask(http.MethodPost, viewer.location+"/view", `{"rung":"180p"}`, "Content-Type", "application/json")
	if code, _ := a.problem(t); a.status != http.StatusConflict || code != peer.CodeUnexpected {
		t.Errorf("a view for who sees nothing: %d %s; want 409", a.status, a.body)
	}
}

// TestQueryOfViewers: the query selects the view, and whether there is audio.
func TestQueryOfViewers(t *testing.T) {
	s := serve(t, setup{})
	s.newCaller(t).publish("/whip/yard/a", orange, 440)
	await.Until(t, "a is there", func() bool { return s.names() == "a" })
	s.newCaller(t).publish("/whip/yard/b", violet, 0)
	await.Until(t, "b is there", func() bool { return s.names() == "a b" })
	small := s.newCaller(t).view("/whep/yard?exclude=a&rung=180p&audio=0")
	large := s.newCaller(t).view("/whep/yard?spotlight=a&audio=1")
	await.Until(t, "b alone, small", func() bool { return small.width() == 320 && small.sees(violet.Colour)() })
	await.Until(t, "a, large", func() bool { return large.width() == width && large.sees(orange.Colour)() })
	await.Until(t, "one hears", func() bool { _, sounds := large.counted(); return sounds > 20 })
	if _, sounds := small.counted(); sounds != 0 {
		t.Errorf("%d packets of sound for one who wanted none", sounds)
	}
	small.restart() // with a section that is idle
	goOn(t, s, small)
}

// TestSharedScreens: a view that crops video to its tiles shows the whole video of a publisher with screen=1.
func TestSharedScreens(t *testing.T) {
	tall := orange
	tall.Width, tall.Height = 180, 320
	side := func(all image.Rectangle) image.Rectangle { return image.Rect(0, 0, all.Dx()/8, all.Dy()) }
	centre := func(all image.Rectangle) image.Rectangle {
		return image.Rect(all.Dx()/2-40, all.Dy()/3, all.Dx()/2+40, all.Dy()*2/3)
	}
	for query, fills := range map[string]bool{"": true, "?screen=0": true, "?screen=1": false} {
		t.Run("a"+query, func(t *testing.T) {
			s := serve(t, setup{})
			s.newCaller(t).publish("/whip/yard/a"+query, tall, 0)
			await.Until(t, "a is there", func() bool { return s.names() == "a" })
			if err := s.registry.SetView("yard", "full", mixer.View{Fill: true, NoLabels: true}); err != nil {
				t.Fatal(err)
			}
			viewer := s.newCaller(t).view("/whep/yard?view=full")
			shows := func(part func(image.Rectangle) image.Rectangle) bool {
				got, ok := viewer.tv.Mean(part)
				return ok && mixertest.Near(got, tall.Colour, tolerance)
			}
			await.Until(t, "the picture", func() bool { return shows(centre) && shows(side) == fills })
		})
	}
}

// TestBitrateFollowsTheTile: the limit of a publisher's video (REMB) follows the size of its tile.
func TestBitrateFollowsTheTile(t *testing.T) {
	s := serve(t, setup{})
	c := s.newCaller(t).publish("/whip/yard/a", orange, 0)
	s.newCaller(t).view("/whep/yard")
	await.Until(t, "the limit is that of the whole canvas", func() bool { return c.limit.Load() == 576_000 })
	s.newCaller(t).publish("/whip/yard/b", violet, 0)
	await.Until(t, "the limit is that of a tile of two", func() bool { return c.limit.Load() == 144_000 })
}
