package whip

import (
	"encoding/json"
	"net/http"

	"azulejo/signal/auth"
	"azulejo/signal/peer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
	"azulejo/signal/viewing"
)

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
	s.picture = viewing.NewPicture(s.h.registry, s.tell)
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

// view is POST of another picture for a viewer: the native view message, without type.
func (h *Handler) view(w http.ResponseWriter, r *http.Request) error {
	s, err := h.found(r)
	if err != nil {
		return err
	}
	body, err := read(w, r, typeJSON, "Accept-Post")
	if err != nil {
		return err
	}
	var selection viewing.Selection
	if err = json.Unmarshal(body, &selection); err != nil {
		if misread := viewing.Misread("view", err); misread != nil {
			return misread
		}
		return refusal.New(viewing.CodeBadMessage, "view is no JSON object (%v); accepted is one with view, spotlight, exclude, layout, rung", err)
	}
	if err = s.do(r.Context(), func() error { return s.picture.Select(selection) }); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
