package mixer

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Limits of a rung, in lines.
const (
	minRung = 64
	maxRung = 4320
)

// ParseRung parses the name of a rung, such as "720p", and returns the length of the shorter side in pixels.
func ParseRung(word string) (int, error) {
	digits, ok := strings.CutSuffix(word, "p")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < minRung || n > maxRung || n%2 != 0 || strconv.Itoa(n) != digits {
		return 0, fmt.Errorf("%.16q: accepted are even numbers of lines from %d to %d followed by p, such as 720p", word, minRung, maxRung)
	}
	return n, nil
}

// Rung is one of the sizes that a view is encoded in.
type Rung struct {
	Size
	Bitrate int // cap, in bits a second
}

// Lines returns the length of the shorter side in pixels, which names the rung: 720 for "720p".
func (r Rung) Lines() int { return min(r.W, r.H) }

// WithBitrates returns a rung for each size, with its bitrate cap.
func (c Config) WithBitrates(sizes []Size) []Rung {
	all := make([]Rung, len(sizes))
	for i, s := range sizes {
		all[i] = Rung{s, c.MaxBitrate(s)}
	}
	return all
}

// EncodedSizes returns the sizes that a canvas is encoded in, the largest first, each once. words are the names of the rungs.
// A rung that is not smaller than the canvas becomes the size of the canvas.
func EncodedSizes(canvas Size, words []string) []Size {
	var all []Size
	for _, word := range words {
		if n, err := ParseRung(word); err == nil {
			all = append(all, canvas.Shrink(n))
		}
	}
	slices.SortFunc(all, func(a, b Size) int { return b.W*b.H - a.W*a.H })
	return slices.Compact(all)
}

// Shrink returns s scaled down so that the shorter side has n pixels, with the same aspect ratio. If the shorter side
// has at most n pixels, s is returned unchanged.
func (s Size) Shrink(n int) Size {
	short := min(s.W, s.H)
	if n >= short {
		return s
	}
	even := func(v int) int { return max(16, (v*n+short)/(2*short)*2) }
	return Size{even(s.W), even(s.H)}
}

// auto reports whether word is empty or "auto".
func auto(word string) bool { return word == "" || word == "auto" }

// PickSize returns the largest size that is not larger than the rung that word names. If all sizes are larger, it
// returns the smallest. If word is empty or "auto", it returns the largest. Sizes must be ordered, the largest first.
func PickSize(sizes []Size, word string) (Size, error) {
	if auto(word) {
		return sizes[0], nil
	}
	n, err := ParseRung(word)
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

// MinBitrate is the lowest cap of a rendition, in bits a second. Below it, names on tiles are not legible.
const MinBitrate = 80_000

// MaxBitrate returns the cap for video of a size, in bits a second. Config.Bitrate is the cap for the size of the
// canvas. Smaller frames need more bits per pixel, so the cap grows with the number of pixels to the power of 0.75, as
// in x264's own ladders.
func (c Config) MaxBitrate(s Size) int {
	ratio := float64(s.W*s.H) / float64(c.Width*c.Height)
	return min(max(MinBitrate, int(float64(c.Bitrate)*math.Pow(ratio, 0.75))), 100_000_000)
}
