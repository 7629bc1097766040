package main

import (
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Secret is a string that logs and errors must not show.
type Secret string

// String hides the secret from fmt.
func (Secret) String() string { return "(secret)" }

// LogValue hides the secret from logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Size is a number of bytes. In the configuration it is a number, with or without a unit, such as 10GiB.
type Size int64

// units are the units of a Size, with n bytes each. UnmarshalYAML takes the first one that the value ends with, so B and the
// empty name come last. String uses the first four, which are the binary units.
var units = []struct {
	name string
	n    int64
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}, {"", 1}}

// UnmarshalYAML reads a Size.
func (s *Size) UnmarshalYAML(n *yaml.Node) error {
	for _, u := range units {
		number, ok := strings.CutSuffix(n.Value, u.name)
		if !ok {
			continue
		}
		v, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
		if err != nil || v < 0 || v > 1<<62/u.n {
			break
		}
		*s = Size(v * u.n)
		return nil
	}
	return fmt.Errorf("accepted are sizes such as 10GiB, 500MB or 0")
}

// String formats the size in the largest binary unit of which it is a multiple.
func (s Size) String() string {
	for _, u := range units[:4] {
		if s != 0 && int64(s)%u.n == 0 {
			return strconv.FormatInt(int64(s)/u.n, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// Seconds is a time in whole seconds. In the configuration it is a number of seconds, or a duration such as 10s or 2m.
type Seconds int

// UnmarshalYAML reads Seconds.
func (s *Seconds) UnmarshalYAML(n *yaml.Node) error {
	d, err := parseDuration(n.Value)
	if seconds, errNumber := strconv.ParseInt(n.Value, 10, 32); errNumber == nil {
		d, err = time.Duration(seconds)*time.Second, nil
	}
	if err != nil || d%time.Second != 0 {
		return fmt.Errorf("accepted are whole seconds such as 10 or 10s")
	}
	*s = Seconds(d / time.Second)
	return nil
}

// Duration is a time.Duration that a flag may give in days too, such as 30d.
type Duration time.Duration

// UnmarshalText reads a Duration.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := parseDuration(string(text))
	*d = Duration(v)
	return err
}

// parseDuration is time.ParseDuration with one more unit, d for days of 24 hours. The days come first, such as 1d12h.
func parseDuration(s string) (time.Duration, error) {
	number, rest, found := strings.Cut(s, "d")
	if !found {
		return time.ParseDuration(s)
	}
	days, err := strconv.ParseFloat(strings.TrimLeft(number, "+-"), 64)
	if err != nil || !(days <= math.MaxInt64/float64(24*time.Hour)) || strings.ContainsAny(number, "eExXnN_") {
		return 0, fmt.Errorf("%q: accepted are durations such as 4s, 24h, 30d and 1d12h", s)
	}
	d := time.Duration(days * float64(24*time.Hour))
	if rest != "" {
		more, err := time.ParseDuration(rest)
		if err != nil || more < 0 || d+more < 0 {
			return 0, fmt.Errorf("%q: accepted are durations such as 4s, 24h, 30d and 1d12h", s)
		}
		d += more
	}
	if strings.HasPrefix(number, "-") {
		d = -d
	}
	return d, nil
}
