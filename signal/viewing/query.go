package viewing

import (
	"net/url"
	"strconv"

	"azulejo/signal/refusal"
)

// FromQuery reads a selection from the query parameters of a URL: view, spotlight, exclude (once for each name), page, rung,
// and audio (0 for Silent, or 1). It ignores other parameters. The error is a [refusal.Error].
func FromQuery(q url.Values) (Selection, error) {
	s := Selection{View: first(q, "view"), Spotlight: first(q, "spotlight"), Rung: first(q, "rung")}
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

// first returns the first value of a parameter, or nil if it is absent or empty.
func first(q url.Values, parameter string) *string {
	if v := q.Get(parameter); v != "" {
		return &v
	}
	return nil
}
