package mixer

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Lines of a rung.
const (
	minRung = 64
	maxRung = 4320
)

// ParseRung reads a word such as "720p": the length of a picture's shorter side in pixels.
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
	Bitrate int // bits a second at most
}

// Lines is the length of the shorter side, which names the rung: 720 is "720p".
func (r Rung) Lines() int { return min(r.W, r.H) }

// WithBitrates makes rungs of sizes: each with what it may take.
func (c Config) WithBitrates(sizes []Size) []Rung {
	all := make([]Rung, len(sizes))
	for i, s := range sizes {
		all[i] = Rung{s, c.MaxBitrate(s)}
	}
	return all
}

// Ladder is the sizes that a canvas is encoded in, largest first, without doubles. A rung that is not below the
// canvas is the canvas itself.
func Ladder(canvas Size, words []string) []Size {
	var all []Size
	for _, word := range words {
		if n, err := ParseRung(word); err == nil {
			all = append(all, canvas.Shrink(n))
		}
	}
	slices.SortFunc(all, func(a, b Size) int { return b.W*b.H - a.W*a.H })
	return slices.Compact(all)
}

// Shrink keeps the shape; the shorter side becomes n unless it is shorter already.
func (s Size) Shrink(n int) Size {
	short := min(s.W, s.H)
	if n >= short {
		return s
	}
	even := func(v int) int { return max(16, (v*n+short)/(2*short)*2) }
	return Size{even(s.W), even(s.H)}
}

// auto tells whether a word leaves the choice to others.
func auto(word string) bool { return word == "" || word == "auto" }

// PickSize is the largest size up to the wanted rung, or the smallest there is.
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

// MinBitrate is the least that a rendition is capped at: below, not even names can be read.
const MinBitrate = 80_000

// MaxBitrate is the cap for pictures of a size, of a room whose canvas is capped at its Bitrate. Smaller pictures
// need more bits a pixel; three quarters is the power that x264's own ladders follow.
func (c Config) MaxBitrate(s Size) int {
	share := float64(s.W*s.H) / float64(c.Width*c.Height)
	return min(max(MinBitrate, int(float64(c.Bitrate)*math.Pow(share, 0.75))), 100_000_000)
}
