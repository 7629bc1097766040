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

// Selection says which picture a client wants, and how large. What is absent says nothing.
type Selection struct {
	View      *string         `json:"view"`
	Rung      *string         `json:"rung"`
	Spotlight *string         `json:"spotlight"`
	Exclude   Names           `json:"exclude"`
	Layout    json.RawMessage `json:"layout"`
	Page      *int            `json:"page"`

	Silent bool `json:"-"` // no sound is wanted; only [FromQuery] knows it
}

// picture tells whether it says which picture.
func (s Selection) picture() bool {
	return s.View != nil || s.Spotlight != nil || s.Exclude != nil || s.Page != nil || present(s.Layout)
}

func present(raw json.RawMessage) bool { return len(raw) > 0 && !bytes.Equal(raw, []byte("null")) }

// Names are ids or names of sources: one as a string, or a list.
type Names []string

// UnmarshalJSON takes both forms; the error is a [refusal.Error].
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

// choice is what a client sees: a named view, or a personal one made from it.
type choice struct {
	named string // asked for last
	watch mixer.Watching
}

// name is what the client calls its picture; empty: a personal view.
func (c choice) name() string { return c.watch.Name }

func firstChoice() choice {
	return choice{mixer.MainView, mixer.Watching{Name: mixer.MainView}}
}

// among is c in a room that has these views: whoever sees one that was deleted sees main.
func (c choice) among(views map[string]mixer.View) choice {
	if _, ok := views[c.named]; !ok {
		c.named = mixer.MainView
		if c.watch.View == nil {
			c.watch.Name = mixer.MainView
		}
	}
	return c
}

// from makes the choice that follows now. A selection of a picture replaces the one before; one of a rung alone keeps it.
func (s Selection) from(now choice, views map[string]mixer.View) (choice, error) {
	if s.Rung != nil {
		if err := checkRung(*s.Rung); err != nil {
			return now, err
		}
		now.watch.Rung = *s.Rung
	}
	if !s.picture() {
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
	personal, err := s.over(base)
	if err != nil {
		return now, err
	}
	now.watch.Name, now.watch.View = now.named, nil
	if !reflect.DeepEqual(personal, base) {
		now.watch.Name, now.watch.View = "", &personal
	}
	return now, nil
}

// checkRung takes every size; the mixer gives the nearest that it has.
func checkRung(rung string) error {
	if rung == "" || rung == "auto" {
		return nil
	}
	if _, err := mixer.ParseRung(rung); err != nil {
		return refusal.New(CodeUnsupported, "rung %v, or auto", err)
	}
	return nil
}

// over is the view that the selection makes of a named one.
func (s Selection) over(base mixer.View) (mixer.View, error) {
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

// spotlights tells whether a layout shows the source in the spotlight differently.
func spotlights(k mixer.LayoutKind) bool {
	return k == mixer.KindSpotlight || k == mixer.KindPiP || k == mixer.KindFocus
}

// viewFields are those of a mixer.View.
const viewFields = "layout, spotlight, exclude, tiles, w, h, fps, capacity, page, cycle, fill, noLabels"

// readLayout takes the name of a kind, which changes base, or a whole view, which replaces it.
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

// ReadView reads a whole view, which stands in the field called what. The error is a [refusal.Error].
func ReadView(what string, raw json.RawMessage) (v mixer.View, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err = d.Decode(&v); err == nil {
		return v, nil
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return v, refusal.New(room.CodeBadView, "%s: field %q is a %s; accepted is a %s", what, wrong.Field, wrong.Value, shape(wrong))
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return v, refusal.New(room.CodeBadView, "%s: unknown field %s; accepted: %s", what, Clip(field), viewFields)
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
