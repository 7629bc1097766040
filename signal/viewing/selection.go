package viewing

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"

	"azulejo/mixer"
	"azulejo/signal/refusal"
	"azulejo/signal/room"
)

// Selection says what a client asks to watch, and in which rung. If Rung is absent, the client keeps its rung. If all other
// fields are absent, it keeps its view. Otherwise the fields make a new view from a named view, and fields of earlier
// selections no longer count.
type Selection struct {
	View      *string         `json:"view"`      // a named view; absent: the named view that was selected last; empty: main
	Rung      *string         `json:"rung"`      // such as "720p", or "auto"
	Spotlight *string         `json:"spotlight"` // the id or name of a source
	Exclude   Names           `json:"exclude"`   // sources to leave out, besides those of the named view
	Layout    json.RawMessage `json:"layout"`    // a mixer.LayoutKind, or a whole mixer.View
	Page      *int            `json:"page"`      // from 1 on; the view then stays on this page

	Silent bool `json:"-"` // the client gets no audio; only [FromQuery] sets it
}

// selectsView reports whether a field other than Rung is present.
func (s Selection) selectsView() bool {
	return s.View != nil || s.Spotlight != nil || s.Exclude != nil || s.Page != nil || present(s.Layout)
}

// present reports whether a JSON field is there and is not null.
func present(raw json.RawMessage) bool { return len(raw) > 0 && !bytes.Equal(raw, []byte("null")) }

// Names are ids or names of sources.
type Names []string

// UnmarshalJSON accepts a string or a list of strings. An empty string means an empty list. The error is a [refusal.Error].
func (n *Names) UnmarshalJSON(data []byte) error {
	var single string
	if json.Unmarshal(data, &single) == nil {
		if *n = (Names{single}); single == "" {
			*n = Names{}
		}
		return nil
	}
	var list []string
	if json.Unmarshal(data, &list) != nil {
		return refusal.New(CodeBadMessage, `field "exclude" is %s; accepted is a string or a list of strings`, Clip(string(data)))
	}
	*n = append(Names{}, list...)
	return nil
}

// choice is what a client watches: a named view, or a personal view that was made from a named view.
type choice struct {
	named string         // the named view that the client selected last
	watch mixer.Watching // the view and the rung
}

// name returns the name of the view, or an empty string for a personal view.
func (c choice) name() string { return c.watch.Name }

// firstChoice returns the choice of a client that has selected nothing: the view main.
func firstChoice() choice {
	return choice{mixer.MainView, mixer.Watching{Name: mixer.MainView}}
}

// among returns the choice for a room with these named views. If the room no longer has the named view of the choice, the
// view main replaces it. A personal view stays.
func (c choice) among(views map[string]mixer.View) choice {
	if _, ok := views[c.named]; !ok {
		c.named = mixer.MainView
		if c.watch.View == nil {
			c.watch.Name = mixer.MainView
		}
	}
	return c
}

// applyTo returns the choice that the selection makes from the current choice and the named views of the room. The error is
// a [refusal.Error].
func (s Selection) applyTo(current choice, views map[string]mixer.View) (choice, error) {
	if s.Rung != nil {
		if err := checkRung(*s.Rung); err != nil {
			return current, err
		}
		current.watch.Rung = *s.Rung
	}
	if !s.selectsView() {
		return current, nil
	}
	if s.View != nil {
		current.named = *s.View
		if current.named == "" {
			current.named = mixer.MainView
		}
	}
	base, ok := views[current.named]
	if !ok {
		accepted := strings.Join(slices.Sorted(maps.Keys(views)), ", ")
		return current, refusal.New(CodeUnsupported, "view %q; accepted: %s", Clip(current.named), accepted)
	}
	personal, err := s.viewFrom(base)
	if err != nil {
		return current, err
	}
	current.watch.Name, current.watch.View = current.named, nil
	if !reflect.DeepEqual(personal, base) {
		current.watch.Name, current.watch.View = "", &personal
	}
	return current, nil
}

// checkRung refuses a rung that is not a size. It accepts every size: the mixer uses the largest of its rungs that is not
// larger.
func checkRung(rung string) error {
	if rung == "" || rung == "auto" {
		return nil
	}
	if _, err := mixer.ParseRung(rung); err != nil {
		return refusal.New(CodeUnsupported, "rung %v, or auto", err)
	}
	return nil
}

// viewFrom returns the view that the selection makes from a named view. The result equals base if it changes nothing.
func (s Selection) viewFrom(base mixer.View) (mixer.View, error) {
	v := base
	if present(s.Layout) {
		var err error
		if v, err = readLayout(s.Layout, base); err != nil {
			return v, err
		}
	}
	if s.Spotlight != nil {
		v.Spotlight = *s.Spotlight
		if v.Spotlight != "" && !present(s.Layout) && !spotlights(v.Layout) {
			v.Layout, v.Tiles = mixer.KindSpotlight, nil
		}
	}
	if len(s.Exclude) > 0 {
		v.Exclude = slices.Concat(v.Exclude, s.Exclude)
	}
	if s.Page != nil {
		v.Page, v.Cycle = *s.Page, 0
	}
	if err := v.Validate(); err != nil {
		return v, refusal.New(room.CodeBadView, "%v", err)
	}
	return v, nil
}

// spotlights reports whether a layout shows the source in the spotlight larger than the others.
func spotlights(k mixer.LayoutKind) bool {
	return k == mixer.KindSpotlight || k == mixer.KindPiP || k == mixer.KindFocus
}

// viewFields lists the JSON fields of a mixer.View for error texts.
const viewFields = "layout, spotlight, exclude, tiles, w, h, fps, capacity, page, cycle, fill, noLabels"

// readLayout reads the field layout, which is a layout kind or a whole view. It returns base with this layout kind, or the
// whole view in place of base.
func readLayout(raw json.RawMessage, base mixer.View) (mixer.View, error) {
	var kind mixer.LayoutKind
	if json.Unmarshal(raw, &kind) == nil {
		if kind != mixer.KindCustom {
			base.Tiles = nil
		}
		base.Layout = kind
		return base, nil
	}
	v, err := ReadView("layout", raw)
	if !errors.Is(err, errNoView) {
		return v, err
	}
	return v, refusal.New(room.CodeBadView, "layout: neither a kind nor a view; accepted: %s, or an object with some of %s", kindNames(), viewFields)
}

// errNoView is the refusal of JSON that is not an object with fields of a mixer.View.
var errNoView error = refusal.New(room.CodeBadView, "no view; accepted is an object with some of %s", viewFields)

// ReadView reads a whole view from raw. field is the name of the message field, for the error text. The error is a
// [refusal.Error].
func ReadView(field string, raw json.RawMessage) (v mixer.View, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err = d.Decode(&v); err == nil {
		return v, nil
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return v, refusal.New(room.CodeBadView, "%s: field %q is a %s; accepted is a %s", field, wrong.Field, wrong.Value, shape(wrong))
	}
	if unknown, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return v, refusal.New(room.CodeBadView, "%s: unknown field %s; accepted: %s", field, Clip(unknown), viewFields)
	}
	return v, errNoView
}

// kindNames lists the layout kinds for error texts.
func kindNames() string {
	all := ""
	for _, k := range mixer.LayoutKinds() {
		all += string(k) + ", "
	}
	return strings.TrimSuffix(all, ", ")
}
