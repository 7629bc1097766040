package whip

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"strings"

	"github.com/pion/sdp/v3"

	"azulejo/signal/auth"
	"azulejo/signal/peer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
	"azulejo/signal/viewing"
)

// offered is a good request to begin a session.
type offered struct {
	peer.Offered
	text string
}

// readOffer checks what both protocols ask of a POST.
func readOffer(w http.ResponseWriter, r *http.Request) (offered, error) {
	body, err := read(w, r, typeSDP, "Accept-Post")
	if err != nil {
		return offered{}, err
	}
	if !accepts(r.Header, typeSDP) {
		return offered{}, refusal.New(codeAccept, "the answer is %s, which Accept leaves out; accepted is one that does not", typeSDP)
	}
	o := offered{text: string(body)}
	var d sdp.SessionDescription
	if err = d.UnmarshalString(o.text); err != nil || len(body) == 0 {
		return offered{}, refusal.New(codeUnreadable, "the body is no SDP (%v); accepted is an offer as RTCPeerConnection.createOffer makes it", err)
	}
	o.Offered, err = peer.Inspect(o.text)
	return o, err
}

// publish is POST to a WHIP endpoint.
func (h *Handler) publish(w http.ResponseWriter, r *http.Request) error {
	permit, err := h.admit(r, auth.Publish, true)
	if err != nil {
		return err
	}
	name, err := permit.Named(r.PathValue("name"))
	if err != nil {
		return err
	}
	offer, err := readOffer(w, r)
	if err != nil {
		return err
	}
	if !offer.Audio.Sends && !offer.Video.Sends {
		return refusal.New(codeNoMedia, "an offer that sends nothing; accepted are sections that are sendonly, or sendrecv")
	}
	joining := room.Joining{
		Name: name, Key: h.key(r, permit, name), Layers: offer.Layers,
		Publish: room.Media{Audio: offer.Audio.Sends, Video: offer.Video.Sends},
	}
	return h.post(w, r, joining, func(m *room.Member) (*session, string, error) {
		s := h.newSession(m, auth.Publish, path("whip", m.Room(), r.PathValue("name")))
		s.name = name
		answer, err := s.connect(r, offer.text, peer.Options{
			Upstream: m, Audio: joining.Publish.Audio, Video: joining.Publish.Video, HidePicture: true, HideSound: true,
		})
		if err == nil {
			s.upstream()
		}
		return s, answer, err
	})
}

// key is what a place is found again by: see the package's comment. Nobody can make one that h did not.
func (h *Handler) key(r *http.Request, permit auth.Permit, name string) string {
	who := "named"
	if permit.Name == "" {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		who = "from " + host
		if token := auth.TokenOf(r); token != "" && !permit.Expires.IsZero() {
			who = "token " + token
		}
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{h.salt, r.PathValue("room"), name, who}, "\x00")))
	return hex.EncodeToString(sum[:])
}

// watch is POST to a WHEP endpoint.
func (h *Handler) watch(w http.ResponseWriter, r *http.Request) error {
	permit, err := h.admit(r, auth.View, true)
	if err != nil {
		return err
	}
	selection, err := viewing.FromQuery(r.URL.Query())
	if err != nil {
		return err
	}
	offer, err := readOffer(w, r)
	if err != nil {
		return err
	}
	if !offer.Audio.Receives && !offer.Video.Receives {
		return refusal.New(codeNoMedia, "an offer that receives nothing; accepted are sections that are recvonly, or sendrecv")
	}
	return h.post(w, r, room.Joining{Name: permit.Name}, func(m *room.Member) (*session, string, error) {
		s := h.newSession(m, auth.View, path("whep", m.Room()))
		s.name = permit.Name
		answer, err := s.show(r, offer, selection)
		return s, answer, err
	})
}

// show connects a viewer to the picture that it asked for.
func (s *session) show(r *http.Request, offer offered, selection viewing.Selection) (string, error) {
	s.board = newBoard()
	s.picture = viewing.NewPicture(s.h.house, s.tell)
	if err := s.picture.Begin(s.member, selection); err != nil {
		return "", err
	}
	answer, err := s.connect(r, offer.text, peer.Options{
		View: s.picture.Watching(), OnLayout: s.picture.PutLayout, HideSound: selection.Silent,
	})
	if err != nil {
		return "", err
	}
	s.picture.Connect(s.peer)
	s.event(room.Event{Participants: s.member.Participants(), Overload: s.member.Mixer().Overload()})
	return answer, nil
}

// post joins and answers; begin makes the session, of which nothing is left after an error.
func (h *Handler) post(w http.ResponseWriter, r *http.Request, j room.Joining, begin func(*room.Member) (*session, string, error)) error {
	if err := h.enter(); err != nil {
		return err
	}
	defer h.leave()
	m, err := h.house.Join(r.Context(), r.PathValue("room"), j)
	if err != nil {
		return err
	}
	s, answer, err := begin(m)
	if err != nil {
		s.stop(err)
		s.part(true)
		return err
	}
	tag := s.ice.tag
	h.begin(s)
	w.Header().Set("ETag", tag)
	s.created(w, answer)
	return nil
}

// created answers a POST.
func (s *session) created(w http.ResponseWriter, answer string) {
	header := w.Header()
	header.Set("Content-Type", typeSDP)
	header.Set("Location", s.location)
	header.Set("Accept-Patch", typeFragment)
	header.Set("Cache-Control", "no-store")
	linkServers(header, s.h.engine.ICEServers(s.member.ID()))
	if s.board != nil {
		linkEvents(header, s.location)
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write([]byte(answer)) // a client that went away never connects
}
