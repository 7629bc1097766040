package mixer

import (
	"fmt"
	"hash/fnv"
	"net/url"
	"strconv"
	"strings"
)

// FeedSpec describes media that the engine produces itself: a file that is played in a loop, or a test pattern.
type FeedSpec struct {
	Name    string  // name of the source; drawn in a test pattern
	File    string  // path of a media file; empty for a test pattern
	Pattern Pattern // used if File is empty
}

// Pattern describes the video and the tone of a test pattern.
type Pattern struct {
	Width, Height int     // pixels, even; width 64 to 3840, height 64 to 2160
	FPS           int     // frames a second, 1 to 60
	Tone          float64 // Hz, 20 to 20000
	Hue           float64 // colour, in degrees, 0 to 360
}

// ParseFeed parses the URL of a feed: "file:PATH" or "test:[?w&h&fps&tone&hue]". name is the name of the source. A hue or a
// tone that the URL does not set is derived from the name. ParseFeed accesses neither disk nor network.
func ParseFeed(name, raw string) (FeedSpec, error) {
	s := FeedSpec{Name: name}
	scheme, rest, _ := strings.Cut(raw, ":")
	switch scheme {
	case "file":
		if s.File = strings.TrimPrefix(rest, "//"); s.File == "" {
			return FeedSpec{}, fmt.Errorf("%q: a path must follow \"file:\"", raw)
		}
		return s, nil
	case "test":
		q, err := url.ParseQuery(strings.TrimPrefix(rest, "?"))
		if err != nil {
			return FeedSpec{}, fmt.Errorf("%q: %w", raw, err)
		}
		if s.Pattern, err = parsePattern(name, q); err != nil {
			return FeedSpec{}, err
		}
		return s, nil
	}
	return FeedSpec{}, fmt.Errorf("%q: accepted are file:PATH and test:[?w=640&h=360&fps=15&tone=440&hue=210]", raw)
}

// parsePattern reads the fields of a pattern from the query of its URL.
func parsePattern(name string, q url.Values) (Pattern, error) {
	h := fnv.New32a()
	h.Write([]byte(name))
	sum := h.Sum32()
	var values [5]float64
	for i, f := range []struct {
		key            string
		def, low, high float64
	}{
		{"w", 640, 64, 3840},
		{"h", 360, 64, 2160},
		{"fps", 15, 1, 60},
		{"tone", 220 + float64(sum%12)*55, 20, 20000},
		{"hue", float64(sum % 360), 0, 360},
	} {
		n, err := numberIn(q, f.key, f.def, f.low, f.high)
		if err != nil {
			return Pattern{}, err
		}
		values[i] = n
	}
	return Pattern{ // with sizes rounded down to even numbers
		Width: int(values[0]) &^ 1, Height: int(values[1]) &^ 1, FPS: int(values[2]), Tone: values[3], Hue: values[4],
	}, nil
}

// numberIn returns the number in q under key, or def if q has no such key. The number must lie between low and high.
func numberIn(q url.Values, key string, def, low, high float64) (float64, error) {
	s := q.Get(key)
	if s == "" {
		return def, nil
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !(n >= low && n <= high) { // refuses NaN too, because its comparisons are false
		return 0, fmt.Errorf("%s=%q: accepted are numbers from %g to %g", key, s, low, high)
	}
	return n, nil
}
