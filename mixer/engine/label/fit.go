package label

import (
	"image"
	"sort"
	"strings"
	"unicode"

	"golang.org/x/image/font"
	"golang.org/x/text/unicode/norm"
)

// clean prepares text to be drawn. It composes the text, makes it one line of at most maxRunes characters, and removes
// characters that have no shape of their own.
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

// head returns the start of text that clean looks at. Composing shortens text by less than a factor of 4, so 4*maxRunes
// characters are enough. The limit bounds the work.
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

// fit returns as much of text as fits in maxWidth pixels, with an ellipsis if it was cut. It also returns the bounds of its
// ink, if it is drawn at the origin.
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

// shorten keeps the first n runes and appends the ellipsis. It keeps fewer if the cut would separate a letter from its
// marks. It removes spaces before the ellipsis.
func shorten(runes []rune, n int) string {
	for n > 0 && n < len(runes) && unicode.Is(unicode.M, runes[n]) {
		n--
	}
	return strings.TrimRight(string(runes[:n]), " ") + ellipsis
}

// inkOf returns the horizontal bounds of the ink of text in pixels, if text is drawn at the origin. The vertical bounds are
// 0 and 1.
func inkOf(face font.Face, text string) image.Rectangle {
	b, _ := font.BoundString(face, text)
	if b.Empty() {
		return image.Rectangle{}
	}
	return image.Rect(b.Min.X.Floor(), 0, b.Max.X.Ceil(), 1)
}
