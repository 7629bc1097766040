package whip

import (
	"encoding/json"
	"net/http"

	"azulejo/signal/refusal"
	"azulejo/signal/viewing"
)

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
