package mixer

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Limits of the shorter side of a rung, in pixels.
const (
	minRung = 64
	maxRung = 4320
)

// ParseRung parses the name of a rung, such as "720p", and returns the length of its shorter side in pixels.
func ParseRung(name string) (int, error) {
	digits, ok := strings.CutSuffix(name, "p")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < minRung || n > maxRung || n%2 != 0 || strconv.Itoa(n) != digits {
		return 0, fmt.Errorf("%.16q: accepted are even numbers of lines from %d to %d followed by p, such as 720p", name, minRung, maxRung)
	}
	return n, nil
}

// Rung is one of the sizes that a view is encoded in.
type Rung struct {
	Size
	Bitrate int // cap in bits a second
}

// Lines returns the length of the shorter side in pixels. The rung is named by it: 720 for "720p".
func (r Rung) Lines() int { return min(r.W, r.H) }

// WithBitrates returns a rung for each size, with its bitrate cap.
func (c Config) WithBitrates(sizes []Size) []Rung {
	all := make([]Rung, len(sizes))
	for i, s := range sizes {
		all[i] = Rung{s, c.MaxBitrate(s)}
	}
	return all
}

// EncodedSizes returns the sizes that a canvas is encoded in, without duplicates, the largest first. names are the names of
// the rungs; names that ParseRung refuses are ignored. A rung that is not smaller than the canvas gets the size of the canvas.
func EncodedSizes(canvas Size, names []string) []Size {
	var all []Size
	for _, name := range names {
		if n, err := ParseRung(name); err == nil {
			all = append(all, canvas.Shrink(n))
		}
	}
	slices.SortFunc(all, func(a, b Size) int { return b.W*b.H - a.W*a.H })
	return slices.Compact(all)
}

// Shrink scales s down until the shorter side has n pixels. It keeps the aspect ratio, rounds both sides to even numbers,
// and makes them at least 16. If the shorter side has at most n pixels, Shrink returns s unchanged.
func (s Size) Shrink(n int) Size {
	short := min(s.W, s.H)
	if n >= short {
		return s
	}
	scaled := func(side int) int { return max(16, (side*n+short)/(2*short)*2) }
	return Size{scaled(s.W), scaled(s.H)}
}

// auto reports whether rung is empty or "auto".
func auto(rung string) bool { return rung == "" || rung == "auto" }

// PickSize returns the largest of sizes that fits into a rung, such as "720p". If none fits, it returns the smallest. If rung
// is empty or "auto", it returns the largest. sizes must start with the largest, and must not be empty.
func PickSize(sizes []Size, rung string) (Size, error) {
	if auto(rung) {
		return sizes[0], nil
	}
	n, err := ParseRung(rung)
	if err != nil {
		return Size{}, err
	}
	for _, s := range sizes {
		if min(s.W, s.H) <= n {
			return s, nil
		}
	}
	return sizes[len(sizes)-1], nil
}

// MinBitrate is the lowest cap of a rendition, in bits a second. With less, names on tiles are not legible.
const MinBitrate = 80_000

// MaxBitrate returns the cap for video of size s, in bits a second. Config.Bitrate is the cap for the size of the canvas.
// Smaller frames need more bits per pixel. So the cap grows with the number of pixels to the power of 0.75, a common rule for
// encoding ladders. The result lies between MinBitrate and the highest Bitrate that Validate accepts.
func (c Config) MaxBitrate(s Size) int {
	ratio := float64(s.W*s.H) / float64(c.Width*c.Height)
	return min(max(MinBitrate, int(float64(c.Bitrate)*math.Pow(ratio, 0.75))), 100_000_000)
}
