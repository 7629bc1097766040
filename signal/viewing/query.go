package viewing

import (
	"net/url"
	"strconv"

	"azulejo/signal/refusal"
)

// FromQuery reads a selection from the query of an address: view, spotlight, exclude (as often as there are names),
// page, rung, and audio=0. Other keys are none of its business. The error is a [refusal.Error].
func FromQuery(q url.Values) (Selection, error) {
	s := Selection{View: once(q, "view"), Spotlight: once(q, "spotlight"), Rung: once(q, "rung")}
	for _, name := range q["exclude"] {
		if name != "" {
			s.Exclude = append(s.Exclude, name)
		}
	}
	if text := q.Get("page"); text != "" {
		page, err := strconv.Atoi(text)
		if err != nil {
			return s, refusal.New(CodeBadMessage, "page=%s; accepted are numbers from 1 on", Clip(text))
		}
		s.Page = &page
	}
	switch q.Get("audio") {
	case "", "1":
	case "0":
		s.Silent = true
	default:
		return s, refusal.New(CodeBadMessage, "audio=%s; accepted are 0 and 1", Clip(q.Get("audio")))
	}
	return s, nil
}

// once is the first value of a key; nil where there is none or an empty one, which says nothing.
func once(q url.Values, key string) *string {
	if v := q.Get(key); v != "" {
		return &v
	}
	return nil
}
