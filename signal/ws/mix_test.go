package ws_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/mixertest"
	"azulejo/signal/client"
	"azulejo/signal/signaltest"
	"azulejo/signal/signaltest/await"
)

// tenPictures are those of ten publishers of different sizes, aspect ratios, frame rates and codecs.
func tenPictures() []mixertest.Video {
	colours := [][3]uint8{
		{220, 30, 30},
		{30, 200, 30},
		{40, 60, 230},
		{230, 220, 40},
		{200, 40, 200},
		{40, 210, 210},
		{240, 240, 240},
		{250, 140, 20},
		{120, 60, 20},
		{110, 130, 250},
	}
	sizes := []struct{ w, h, fps int }{
		{320, 180, 10},
		{160, 120, 15},
		{176, 144, 5},
		{90, 160, 10},
		{426, 240, 12},
		{128, 128, 7},
		{240, 136, 15},
		{64, 64, 10},
		{320, 240, 8},
		{200, 100, 20},
	}
	var all []mixertest.Video
	for i, c := range colours {
		id := mixer.H264
		if i%2 == 1 {
			id = mixer.VP8
		}
		all = append(all, mixertest.Video{Codec: id, Width: sizes[i].w, Height: sizes[i].h, FPS: sizes[i].fps, Colour: codec.RGB(c[0], c[1], c[2])})
	}
	return all
}

// publishPicture joins and sends a picture until stopped.
func (s *server) publishPicture(t *testing.T, name string, p mixertest.Video) (c *client.Client, stop func()) {
	t.Helper()
	c = s.dial(t, client.Config{Name: name, Key: name, PublishVideo: p.Codec})
	return c, signaltest.Play(t, p.Packets(t), c.SendVideo)
}

// view joins as a viewer that accepts one format.
func (s *server) view(t *testing.T, id mixer.Codec) (*client.Client, *mixertest.Screen) {
	t.Helper()
	tv := newScreen(t)
	return s.dial(t, client.Config{View: true, Accept: []mixer.Codec{id}, OnVideo: tv.Decode}), tv
}

// age is the age of a participant's newest frame; false while the participant is not live.
func (s *server) age(name string) (time.Duration, bool) {
	info, err := s.registry.Info("yard")
	if err != nil {
		return 0, false
	}
	for _, p := range info.Participants {
		if p.Name == name {
			return time.Duration(p.AgeMs) * time.Millisecond, p.State == mixer.Live
		}
	}
	return 0, false
}

// TestTenPublishers: ten sources are mixed for viewers of both codecs; participants join and leave; one stops sending for
// a while.
func TestTenPublishers(t *testing.T) {
	s := serve(t, setup{rungs: []string{"720p"}}) // one rung: the viewers keep the size of the canvas on a busy machine too
	viewer, tv := s.view(t, mixer.H264)
	_, tv8 := s.view(t, mixer.VP8)
	all := tenPictures()
	clients := make([]*client.Client, len(all))
	stops := make([]func(), len(all))
	for i, p := range all {
		clients[i], stops[i] = s.publishPicture(t, fmt.Sprint("p", i), p)
	}
	await.Until(t, "all ten pictures are in their places, as H.264", func() bool { return tv.ShowsAll(all...) })
	await.Until(t, "all ten pictures are in their places, as VP8", func() bool { return tv8.ShowsAll(all...) })
	await.Until(t, "the viewer gets the rendition", func() bool {
		r := viewer.Rendition()
		return r.Codec == mixer.H264 && r.Width == width && r.Height == height
	})

	begin := time.Now()
	if err := clients[4].Close(); err != nil {
		t.Fatal(err)
	}
	nine := append(append([]mixertest.Video{}, all[:4]...), all[5:]...)
	await.Until(t, "the nine others moved up", func() bool { return tv.ShowsAll(nine...) })
	within(t, "a leave", tv.Composed().Sub(begin), time.Second)

	packets := all[4].Packets(t)
	begin = time.Now()
	back := s.dial(t, client.Config{Name: "p4", PublishVideo: all[4].Codec})
	await.Until(t, "the mix has ten places", func() bool { return tv.Shows(8, 10, nine[8]) })
	within(t, "a join", tv.Composed().Sub(begin), time.Second)
	signaltest.Play(t, packets, back.SendVideo)
	ten := append(append([]mixertest.Video{}, nine...), all[4])
	await.Until(t, "the one who came back has the last place", func() bool { return tv.ShowsAll(ten...) })

	s.stopAndResume(t, tv, ten, stops[2], clients[2])
}

func within(t *testing.T, what string, took, limit time.Duration) {
	t.Helper()
	t.Logf("%s showed after %v", what, took.Round(time.Millisecond))
	if took > limit {
		t.Errorf("%s showed after %v; want at most %v", what, took, limit)
	}
}

// stopAndResume stops the video of the third publisher: its tile becomes a placeholder, the other tiles go on, and the tile
// shows its video again when that resumes.
func (s *server) stopAndResume(t *testing.T, tv *mixertest.Screen, all []mixertest.Video, stop func(), c *client.Client) {
	t.Helper()
	stop()
	begin := time.Now()
	await.Until(t, "the silent one is a placeholder", func() bool {
		got, ok := tv.Tile(2, len(all), all[2].Width, all[2].Height)
		return ok && !mixertest.Near(got, all[2].Colour, tolerance)
	})
	within(t, "the placeholder", tv.Composed().Sub(begin), 3*time.Second)
	if _, live := s.age("p2"); live {
		t.Error("the silent one is said to be live")
	}
	for i, p := range all {
		if i == 2 {
			continue
		}
		if !tv.Shows(i, len(all), p) {
			t.Errorf("tile %d lost its colour while another publisher was silent", i)
		}
	}
	for _, name := range []string{"p0", "p1", "p3", "p4", "p9"} {
		await.Until(t, name+" moves on", func() bool { age, live := s.age(name); return live && age < time.Second })
	}
	signaltest.Play(t, all[2].Packets(t), c.SendVideo)
	await.Until(t, "the silent one is back", func() bool { return tv.ShowsAll(all...) })
}

// TestGhostIsReplaced: a new connection with the same key keeps the tile, and the old connection ends.
func TestGhostIsReplaced(t *testing.T) {
	s := serve(t, setup{})
	all := tenPictures()[:2]
	ghost, stop := s.publishPicture(t, "me", all[0])
	s.publishPicture(t, "other", all[1])
	_, tv := s.view(t, mixer.H264)
	await.Until(t, "both are shown", func() bool { return tv.ShowsAll(all...) })
	now := mixertest.Video{Codec: mixer.VP8, Width: 160, Height: 120, FPS: 10, Colour: codec.RGB(40, 210, 210)}
	back, _ := s.publishPicture(t, "me", now)
	<-ghost.Done()
	stop()
	var said *client.ServerError
	if !errors.As(ghost.Err(), &said) || said.Code != "replaced" {
		t.Errorf("the ghost ended with %v; want replaced", ghost.Err())
	}
	if back.ID() != ghost.ID() {
		t.Errorf("id %s became %s", ghost.ID(), back.ID())
	}
	await.Until(t, "the new picture has the old place", func() bool { return tv.ShowsAll(now, all[1]) })
}

// TestEverybodyOverTCP: publisher and viewer connect by ICE over TCP alone.
func TestEverybodyOverTCP(t *testing.T) {
	cfg := setup{}
	cfg.webrtc.TCP = "127.0.0.1:0"
	s := serve(t, cfg)
	p := tenPictures()[0]
	s.publishPicture(t, "me", p)
	_, tv := s.view(t, mixer.H264)
	await.Until(t, "the picture came over TCP", func() bool { return tv.ShowsAll(p) })
}

// TestMutedPictureIsHidden, and shown again.
func TestMutedPictureIsHidden(t *testing.T) {
	s := serve(t, setup{})
	p := tenPictures()[1]
	c, _ := s.publishPicture(t, "me", p)
	_, tv := s.view(t, mixer.H264)
	await.Until(t, "the picture is shown", func() bool { return tv.ShowsAll(p) })
	for _, muted := range []bool{true, false} {
		if err := c.Mute(client.Media{Video: muted}); err != nil {
			t.Fatal(err)
		}
		await.Until(t, fmt.Sprintf("muted is %v", muted), func() bool { return tv.ShowsAll(p) != muted })
	}
}
