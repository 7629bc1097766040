package session_test

import (
	"errors"
	"log/slog"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pion/webrtc/v4"
	"go.uber.org/goleak"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/signal/auth"
	"azulejo/signal/auth/authtest"
	"azulejo/signal/peer"
	"azulejo/signal/room"
	"azulejo/signal/session"
	"azulejo/signal/signaltest"
	"azulejo/signal/signaltest/await"
	"azulejo/signal/viewing"
)

func TestMain(m *testing.M) {
	codec.BridgeLog(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}

var video = room.Media{Video: true}

// stage is a server with one client, whose messages it records.
type stage struct {
	t        *testing.T
	server   session.Server
	client   *session.Session
	messages []string // their kinds
}

func newStage(t *testing.T, cfg signaltest.Config) *stage {
	t.Helper()
	cfg.Mixer = mixer.Config{Width: 320, Height: 180, FPS: 10, Bitrate: 800_000}
	base := signaltest.NewServer(t, cfg)
	s := &stage{t: t, server: session.Server{Registry: base.Registry, Engine: base.Engine, Guard: base.Guard}}
	s.client = session.New(s.server, base.Log, func(kind string, _ any) { s.messages = append(s.messages, kind) })
	t.Cleanup(func() { s.client.Close(session.ErrLeft) })
	return s
}

func (s *stage) join(j room.Joining) {
	s.t.Helper()
	if err := s.client.Join(s.t.Context(), "yard", j, viewing.Selection{}); err != nil {
		s.t.Fatal(err)
	}
}

// loop is the loop of a dialect, until the client was sent a message of this kind.
func (s *stage) loop(until string) {
	s.t.Helper()
	await.Until(s.t, "message "+until, func() bool {
		select {
		case <-s.client.Flowing():
			s.client.Started()
		case <-s.client.Viewer().Layouts():
			s.client.Viewer().SendLayout()
		case <-s.client.Viewer().Demands():
			s.client.Viewer().SendTile()
		case <-s.client.Viewer().Overdue():
			s.client.Viewer().Confirm()
		case <-s.client.Events():
		default:
		}
		return slices.Contains(s.messages, until)
	})
}

// places describes the participants of the room.
func (s *stage) places() []string {
	info, err := s.server.Registry.Info("yard")
	if err != nil {
		return nil
	}
	all := []string{}
	for _, p := range info.Participants {
		text := p.Name
		if p.Away {
			text = "(" + text + ")"
		}
		all = append(all, text)
	}
	return all
}

func (s *stage) awaitPlaces(want ...string) {
	s.t.Helper()
	await.Until(s.t, "the participants are as wanted", func() bool { return slices.Equal(s.places(), want) })
}

// connection is a client's end of a peer connection with video in both directions.
func (s *stage) connection() *webrtc.PeerConnection {
	s.t.Helper()
	e := webrtc.SettingEngine{}
	e.SetIncludeLoopbackCandidate(true)
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(e)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = pc.GracefulClose() })
	return pc
}

// check fails the test for an error.
func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// must is check for a value that comes with an error.
func must[T any](t *testing.T, v T, err error) T {
	t.Helper()
	check(t, err)
	return v
}

// gathered sets a local description and returns it with all candidates.
func gathered(t *testing.T, pc *webrtc.PeerConnection, d webrtc.SessionDescription) string {
	t.Helper()
	all := webrtc.GatheringCompletePromise(pc)
	check(t, pc.SetLocalDescription(d))
	<-all
	return pc.LocalDescription().SDP
}

// connect connects the client with an offer of its own.
func (s *stage) connect(o session.Options) {
	s.t.Helper()
	pc := s.connection()
	_, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo)
	check(s.t, err)
	offer, err := pc.CreateOffer(nil)
	text := gathered(s.t, pc, must(s.t, offer, err))
	p := s.client.Connect(o)
	_, err = p.Answer(text)
	check(s.t, err)
	answer, err := p.Gather(s.t.Context())
	check(s.t, pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: must(s.t, answer, err)}))
}

// TestConnect: a client that publishes receives the mix, and learns the layout, the rendition and the size of its tile.
func TestConnect(t *testing.T) {
	s := newStage(t, signaltest.Config{})
	s.join(room.Joining{Name: "Ana", Publish: video})
	s.connect(session.Options{Trickle: true})
	await.Until(t, "a candidate of the server", func() bool {
		select {
		case c := <-s.client.Candidates():
			return c.Candidate != ""
		default:
			return false
		}
	})
	for _, kind := range []string{"rendition", "layout", "tile"} {
		s.loop(kind)
	}
	if s.client.Flowing() != nil {
		t.Error("media begin to flow a second time")
	}
	s.client.Close(session.ErrLeft)
	if n := s.server.Engine.Stats().Peers; n != 0 {
		t.Errorf("%d peers after Close", n)
	}
	if s.client.Member() != nil || s.client.Viewer() != nil || s.client.Peer() != nil {
		t.Error("a closed session still has a member, a viewer or a peer")
	}
	await.Until(t, "the room ends with its only member", func() bool { return len(s.server.Registry.List()) == 0 })
}

// TestCloseKeepsThePlace of a client that is gone, which then gets it back by its key; a client that leaves frees it.
func TestCloseKeepsThePlace(t *testing.T) {
	s := newStage(t, signaltest.Config{})
	ana := room.Joining{Name: "Ana", Key: "hers", Publish: video}
	s.join(ana)
	id := s.client.Member().ID()
	s.client.Close(session.ErrGone)
	s.awaitPlaces("(Ana)")
	s.join(ana)
	s.awaitPlaces("Ana")
	if got := s.client.Member().ID(); got != id {
		t.Errorf("the id is %s after coming back; want %s", got, id)
	}
	s.client.Close(session.ErrLeft)
	await.Until(t, "the room ends", func() bool { return len(s.server.Registry.List()) == 0 })
}

// TestJoinAgain leaves the place before.
func TestJoinAgain(t *testing.T) {
	s := newStage(t, signaltest.Config{})
	s.join(room.Joining{Name: "Ana", Key: "first", Publish: video})
	s.join(room.Joining{Name: "Bea", Key: "second", Publish: video})
	s.awaitPlaces("Bea")
}

// TestRefusedJoin changes nothing: neither a bad selection nor a room that is full.
func TestRefusedJoin(t *testing.T) {
	s := newStage(t, signaltest.Config{Limits: room.Limits{Participants: 1}})
	wrong := "no such view"
	err := s.client.Join(t.Context(), "yard", room.Joining{Name: "Ana", Publish: video}, viewing.Selection{View: &wrong})
	if err == nil || s.client.Member() != nil {
		t.Fatalf("a member %v (%v) with a bad selection", s.client.Member(), err)
	}
	await.Until(t, "the room ends", func() bool { return len(s.server.Registry.List()) == 0 })

	s.join(room.Joining{Name: "Ana", Key: "hers", Publish: video})
	member := s.client.Member()
	if err = s.client.Join(t.Context(), "yard", room.Joining{Name: "Bea", Publish: video}, viewing.Selection{}); err == nil {
		t.Fatal("a second participant joined a room for one")
	}
	if s.client.Member() != member || member.Err() != nil {
		t.Error("the client lost its place to a join that was refused")
	}
}

// TestRejoin: a client that answers an offer of the server becomes a publisher while its connection goes on, and then
// learns the size of its tile.
func TestRejoin(t *testing.T) {
	s := newStage(t, signaltest.Config{})
	s.join(room.Joining{})
	p := s.client.Connect(session.Options{AudioOnly: true})
	_, err := p.Offer()
	check(t, err)
	offer, err := p.Gather(t.Context())
	pc := s.connection()
	track, wrong := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "video", "client")
	check(t, wrong)
	_, wrong = pc.AddTrack(track)
	check(t, wrong)
	check(t, pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: must(t, offer, err)}))
	answer, err := pc.CreateAnswer(nil)
	text := gathered(t, pc, must(t, answer, err))
	media, err := peer.Inspect(text)
	check(t, err)
	if !media.Video.Sends {
		t.Fatal("the answer sends no video")
	}
	check(t, s.client.Rejoin(t.Context(), room.Joining{Name: "Ana", Key: "hers", Publish: video}))
	check(t, p.Accept(text))
	s.awaitPlaces("Ana")
	for _, kind := range []string{"rendition", "layout", "tile"} {
		s.loop(kind)
	}
	if s.client.Peer() != p {
		t.Error("the connection is another one")
	}
	info, err := s.server.Registry.Info("yard")
	if err != nil || info.Viewers != 0 {
		t.Errorf("%d viewers (%v); want none after the client became a publisher", info.Viewers, err)
	}
}

// TestAdmit: a token to view is good for viewers only.
func TestAdmit(t *testing.T) {
	s := newStage(t, signaltest.Config{Auth: authtest.Config()})
	view, both := authtest.Token(t, "yard", auth.View), authtest.Token(t, "yard", auth.View, auth.Publish)
	for _, c := range []struct {
		token string
		media room.Media
		ok    bool
	}{{view, room.Media{}, true}, {view, video, false}, {view, room.Media{Audio: true}, false}, {both, video, true}, {"", room.Media{}, false}} {
		if _, err := s.server.Admit(c.token, "192.0.2.1:1", "yard", c.media); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// TestOverload returns each change once, and no first level of zero.
func TestOverload(t *testing.T) {
	s := session.New(session.Server{}, slog.New(slog.DiscardHandler), nil)
	var got []int
	for _, level := range []int{0, 0, 2, 2, 1, 0, 0} {
		if m, isNew := s.Overload(level); isNew {
			got = append(got, m.Level)
		}
	}
	if diff := cmp.Diff([]int{2, 1, 0}, got); diff != "" {
		t.Error(diff)
	}
}

// TestNothingToWaitFor: all channels of a session that is in no room are nil, and so are those of no session.
func TestNothingToWaitFor(t *testing.T) {
	for name, s := range map[string]*session.Session{"new": session.New(session.Server{}, slog.New(slog.DiscardHandler), nil), "nil": nil} {
		if s.Events() != nil || s.Done() != nil || s.PeerDone() != nil || s.Candidates() != nil || s.Flowing() != nil ||
			s.Viewer().Layouts() != nil || s.Viewer().Demands() != nil || s.Viewer().Overdue() != nil {
			t.Errorf("the %s session has a channel", name)
		}
	}
}

// TestErr: the membership ends without a fault by Leave, and with one when another connection takes the place.
func TestErr(t *testing.T) {
	s := newStage(t, signaltest.Config{})
	ana := room.Joining{Name: "Ana", Key: "hers", Publish: video}
	s.join(ana)
	other, err := s.server.Registry.Join(t.Context(), "yard", ana)
	check(t, err)
	<-s.client.Done()
	if err := s.client.Err(); err == nil || errors.Is(err, session.ErrLeft) {
		t.Errorf("the membership was replaced: %v", err)
	}
	other.Leave()
	s.client.Close(session.ErrGone)
	s.join(ana)
	s.client.Member().Leave()
	<-s.client.Done()
	if err := s.client.Err(); !errors.Is(err, session.ErrLeft) {
		t.Errorf("the membership was left: %v", err)
	}
}
