package label

import (
	"image"
	"sort"
	"strings"
	"unicode"

	"golang.org/x/image/font"
	"golang.org/x/text/unicode/norm"
)

// clean prepares text to be drawn. It composes characters (Unicode NFC), removes characters without a shape of their own, and
// returns one line of at most maxRunes characters.
func clean(text string) string {
	var b strings.Builder
	n := 0
	for _, r := range norm.NFC.String(head(text)) {
		switch {
		case unicode.IsSpace(r):
			r = ' '
		case shapeless(r):
			continue
		}
		if n++; n > maxRunes {
			break
		}
		b.WriteRune(r)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// head returns the start of text that clean processes, to bound the work. Composing shortens text by less than a factor of
// 4, so 4*maxRunes characters are enough.
func head(text string) string {
	n := 0
	for i := range text {
		if n++; n > 4*maxRunes {
			return text[:i]
		}
	}
	return text
}

// shapeless reports whether r is a control character, a format character, a variation selector or a skin tone of emoji.
func shapeless(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Variation_Selector) || (r >= 0x1f3fb && r <= 0x1f3ff)
}

// fit returns as much of text as fits in maxWidth pixels, with an ellipsis if text was cut. The rectangle is the inkOf of the
// result.
func fit(face font.Face, text string, maxWidth int) (string, image.Rectangle) {
	if ink := inkOf(face, text); ink.Dx() <= maxWidth {
		return text, ink
	}
	runes := []rune(text)
	kept := sort.Search(len(runes), func(n int) bool {
		return inkOf(face, shorten(runes, n)).Dx() > maxWidth
	}) - 1
	if kept < 0 {
		return "", image.Rectangle{}
	}
	line := shorten(runes, kept)
	return line, inkOf(face, line)
}

// shorten returns the first n runes and the ellipsis. It keeps fewer runes if the cut would separate a letter from its
// combining marks. It removes spaces before the ellipsis.
func shorten(runes []rune, n int) string {
	for n > 0 && n < len(runes) && unicode.Is(unicode.M, runes[n]) {
		n--
	}
	return strings.TrimRight(string(runes[:n]), " ") + ellipsis
}

// inkOf returns the horizontal bounds, in pixels, of the ink of text that is drawn at the origin. The vertical bounds are
// always 0 and 1. The result is empty if text has no ink.
func inkOf(face font.Face, text string) image.Rectangle {
	b, _ := font.BoundString(face, text)
	if b.Empty() {
		return image.Rectangle{}
	}
	return image.Rect(b.Min.X.Floor(), 0, b.Max.X.Ceil(), 1)
}
