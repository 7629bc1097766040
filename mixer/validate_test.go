package mixer

import (
	"strings"
	"testing"
)

func TestViewsAreValidated(t *testing.T) {
	for _, v := range []View{
		{},
		{Layout: KindSpotlight, Spotlight: "정문", Exclude: []string{"a"}, Width: 720, Height: 1280, FPS: 60, Capacity: 64, Cycle: 10},
		{Layout: KindCustom, Tiles: []Fraction{{W: 1, H: 1}}, Width: 64, Height: 64},
	} {
		if err := v.Validate(); err != nil {
			t.Errorf("%+v: %v", v, err)
		}
	}
	long := strings.Repeat("x", 401)
	for want, v := range map[string]View{
		`layout: "heap"`:             {Layout: "heap"},
		"tiles: 0 rectangles":        {Layout: KindCustom},
		"tiles[0].w: 2":              {Layout: KindCustom, Tiles: []Fraction{{W: 2, H: 1}}},
		"spotlight: 401 bytes":       {Spotlight: long},
		"exclude: 65 of them":        {Exclude: make([]string, 65)},
		"exclude[1]: 0 bytes":        {Exclude: []string{"a", ""}},
		"exclude[0]: 401 bytes":      {Exclude: []string{long}},
		"w: 33: accepted are even":   {Width: 33},
		"w: -2: accepted are even":   {Width: -2},
		"w: 7682: accepted are even": {Width: 7682},
		"h: 62: accepted are even":   {Height: 62},
		"h: 4322: accepted are even": {Height: 4322},
		"fps: 61: accepted are 1":    {FPS: 61},
		"fps: -1: accepted are 1":    {FPS: -1},
		"capacity: 65":               {Capacity: 65},
		"capacity: -1":               {Capacity: -1},
		"page: -1":                   {Page: -1},
		"page: 1001":                 {Page: 1001},
		"cycle: -1":                  {Cycle: -1},
		"cycle: 86401":               {Cycle: 86401},
	} {
		if err := v.Validate(); err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "accepted") {
			t.Errorf("got %v; want an error that begins with %q and names what is accepted", err, want)
		}
	}
}
