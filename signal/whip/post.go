package whip

import (
	"net/http"

	"github.com/pion/sdp/v3"

	"azulejo/signal/peer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
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
	if o.text == "" { // which the parser takes
		return offered{}, refusal.New(codeUnreadable, "an empty body; accepted is an offer as RTCPeerConnection.createOffer makes it")
	}
	var d sdp.SessionDescription
	if err = d.UnmarshalString(o.text); err != nil {
		return offered{}, refusal.New(codeUnreadable, "the body is no SDP (%v); accepted is an offer as RTCPeerConnection.createOffer makes it", err)
	}
	o.Offered, err = peer.Inspect(o.text)
	return o, err
}

// post joins and answers; begin makes the session, of which nothing is left after an error.
func (h *Handler) post(w http.ResponseWriter, r *http.Request, j room.Joining, begin func(*room.Member) (*session, string, error)) error {
	if err := h.enter(); err != nil {
		return err
	}
	defer h.leave()
	m, err := h.registry.Join(r.Context(), r.PathValue("room"), j)
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
