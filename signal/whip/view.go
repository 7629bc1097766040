package whip

import (
	"encoding/json"
	"net/http"

	"azulejo/signal/auth"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
	"azulejo/signal/session"
	"azulejo/signal/viewing"
)

// watch handles a POST to a WHEP endpoint.
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
	return h.open(w, r, post{
		offer: offer, grant: auth.View, name: permit.Name, endpoint: path("whep", r.PathValue("room")),
		joining: room.Joining{Name: permit.Name}, watch: selection,
		options: session.Options{AudioOnly: true, HideAudio: selection.Silent},
	})
}

// view handles a POST to the view of a viewer, which changes the viewer's selection. The body is the message "view" of the
// native dialect, without the field type.
func (h *Handler) view(w http.ResponseWriter, r *http.Request) error {
	c, err := h.find(r)
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
	if err = c.do(r.Context(), func() error { return c.session.Viewer().Select(selection) }); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// participants returns the message of the event participants.
func participants(e room.Event) viewing.Participants {
	return viewing.Participants{Type: "participants", Participants: e.Participants}
}
