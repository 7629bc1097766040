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

// Selection says what a client wants to watch, and in which rung. An absent Rung keeps the rung. If all other fields
// are absent, the view stays. Otherwise the present fields make a new view, which replaces the old one.
type Selection struct {
	View      *string         `json:"view"`
	Rung      *string         `json:"rung"`
	Spotlight *string         `json:"spotlight"`
	Exclude   Names           `json:"exclude"`
	Layout    json.RawMessage `json:"layout"`
	Page      *int            `json:"page"`

	Silent bool `json:"-"` // without audio; only [FromQuery] sets it
}

// selectsView tells whether any field but the rung is present.
func (s Selection) selectsView() bool {
	return s.View != nil || s.Spotlight != nil || s.Exclude != nil || s.Page != nil || present(s.Layout)
}

func present(raw json.RawMessage) bool { return len(raw) > 0 && !bytes.Equal(raw, []byte("null")) }

// Names are ids or names of sources.
type Names []string

// UnmarshalJSON accepts a string or a list of strings; the error is a [refusal.Error].
func (n *Names) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		if *n = (Names{one}); one == "" {
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
	named string // the named view that the client selected last
	watch mixer.Watching
}

// name returns the name of the view, or an empty string for a personal view.
func (c choice) name() string { return c.watch.Name }

func firstChoice() choice {
	return choice{mixer.MainView, mixer.Watching{Name: mixer.MainView}}
}

// among returns the choice for a room that has these named views. The view main replaces a named view that the room has
// no more.
func (c choice) among(views map[string]mixer.View) choice {
	if _, ok := views[c.named]; !ok {
		c.named = mixer.MainView
		if c.watch.View == nil {
			c.watch.Name = mixer.MainView
		}
	}
	return c
}

// applyTo applies a selection to the present choice. A selection of a view replaces the view. A rung alone keeps the
// view.
func (s Selection) applyTo(now choice, views map[string]mixer.View) (choice, error) {
	if s.Rung != nil {
		if err := checkRung(*s.Rung); err != nil {
			return now, err
		}
		now.watch.Rung = *s.Rung
	}
	if !s.selectsView() {
		return now, nil
	}
	if s.View != nil {
		now.named = *s.View
		if now.named == "" {
			now.named = mixer.MainView
		}
	}
	base, ok := views[now.named]
	if !ok {
		return now, refusal.New(CodeUnsupported, "view %q; accepted: %s", Clip(now.named), strings.Join(slices.Sorted(maps.Keys(views)), ", "))
	}
	personal, err := s.viewFrom(base)
	if err != nil {
		return now, err
	}
	now.watch.Name, now.watch.View = now.named, nil
	if !reflect.DeepEqual(personal, base) {
		now.watch.Name, now.watch.View = "", &personal
	}
	return now, nil
}

// checkRung accepts every size; the mixer chooses the nearest rung that it has.
func checkRung(rung string) error {
	if rung == "" || rung == "auto" {
		return nil
	}
	if _, err := mixer.ParseRung(rung); err != nil {
		return refusal.New(CodeUnsupported, "rung %v, or auto", err)
	}
	return nil
}

// viewFrom returns the view that the selection makes from a named view.
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

// spotlights tells whether a layout shows the source in the spotlight larger than others.
func spotlights(k mixer.LayoutKind) bool {
	return k == mixer.KindSpotlight || k == mixer.KindPiP || k == mixer.KindFocus
}

// viewFields are the JSON fields of a mixer.View.
const viewFields = "layout, spotlight, exclude, tiles, w, h, fps, capacity, page, cycle, fill, noLabels"

// readLayout reads the name of a layout kind, or a whole view. A kind replaces the layout of base. A whole view
// replaces all of base.
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

var errNoView error = refusal.New(room.CodeBadView, "no view; accepted is an object with some of %s", viewFields)

// ReadView reads a whole view from the field of a message with the given name. The error is a [refusal.Error].
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

func kindNames() string {
	all := ""
	for _, k := range mixer.LayoutKinds() {
		all += string(k) + ", "
	}
	return strings.TrimSuffix(all, ", ")
}
