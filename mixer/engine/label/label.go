// Package label renders text, such as the name of a source, as an alpha mask. The engine draws the mask on frames. It calls
// this package when a name or the size of a tile changes, and caches the result. This package caches nothing. It is pure Go
// and safe for concurrent use.
package label

import (
	"embed"
	"errors"
	"fmt"
	"image"
	"io"
	"io/fs"
	"math"
	"path"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// Limits of the text. Longer text is cut before it is rendered, and larger text is rendered at maxHeight.
const (
	maxRunes  = 128
	maxHeight = 256 // pixels
)

// emShare is the em size of the letters as a fraction of the mask's height. Accents and descenders reach up to 0.65 em from
// the middle of a capital (measured: Å, Ế, |). With emShare, they just fit in a mask of 16 pixels, although the baseline is
// rounded to whole pixels.
const emShare = 0.72

// ellipsis is three full stops, because the ellipsis character is one em wide in Korean fonts.
const ellipsis = "..."

//go:embed fonts
var embedded embed.FS

// Font is a typeface. Safe for concurrent use.
type Font struct {
	sfnt   *sfnt.Font
	middle float64 // middle of a capital above the baseline, in em
}

// Load returns the font that was embedded when the program was built.
func Load() (*Font, error) {
	dir, err := fs.Sub(embedded, "fonts")
	if err != nil {
		return nil, fmt.Errorf("open embedded fonts: %w", err)
	}
	return load(dir)
}

// load returns the Korean face of the first font file in dir. See korean for files without one.
func load(dir fs.FS) (*Font, error) {
	name, err := find(dir)
	if err != nil {
		return nil, err
	}
	f, err := dir.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open font: %w", err)
	}
	data, ok := f.(io.ReaderAt) // f is not closed, because glyphs are read when they are drawn
	if !ok {
		return nil, fmt.Errorf("font %s: its file system cannot read at an offset", name)
	}
	face, err := korean(data)
	if err != nil {
		return nil, fmt.Errorf("read font %s: %w", name, err)
	}
	return newFont(face)
}

// find returns the name of the first font file in dir.
func find(dir fs.FS) (string, error) {
	files, err := fs.ReadDir(dir, ".")
	if err != nil {
		return "", fmt.Errorf("list fonts: %w", err)
	}
	for _, f := range files {
		switch strings.ToLower(path.Ext(f.Name())) {
		case ".ttc", ".otf", ".ttf":
			return f.Name(), nil
		}
	}
	return "", errors.New("no font in mixer/engine/label/fonts when this was built: run scripts/build, which puts one there")
}

// korean returns the face of the collection whose family name ends in KR. If there is none, it returns the first face.
func korean(data io.ReaderAt) (*sfnt.Font, error) {
	all, err := sfnt.ParseCollectionReaderAt(data)
	if err != nil {
		return nil, err
	}
	for i := range all.NumFonts() {
		f, err := all.Font(i)
		if err != nil {
			return nil, err
		}
		if name, err := f.Name(nil, sfnt.NameIDFamily); err == nil && strings.HasSuffix(name, " KR") {
			return f, nil
		}
	}
	return all.Font(0)
}

func newFont(s *sfnt.Font) (*Font, error) {
	const em = 1000
	m, err := s.Metrics(nil, fixed.I(em), font.HintingNone)
	if err != nil {
		return nil, fmt.Errorf("read the font's metrics: %w", err)
	}
	return &Font{sfnt: s, middle: float64(m.CapHeight) / 64 / em / 2}, nil
}

// Render renders text as one line. The mask is pixelHeight pixels high, at most 256, and as wide as the ink. Capitals are
// centred vertically in the mask. Text that is wider than maxWidth is cut and ends in an ellipsis. The mask has a width of 0
// if text has no visible characters, or if none of them fits. Decomposed text (as from macOS) is composed first. Characters that
// the font lacks, such as emoji, are drawn as boxes. The caller owns the mask. Rendering takes about a millisecond, so the
// caller should cache the mask.
func (f *Font) Render(text string, pixelHeight, maxWidth int) *image.Alpha {
	height := min(max(pixelHeight, 0), maxHeight)
	face, err := f.face(height)
	if err != nil {
		return image.NewAlpha(image.Rect(0, 0, 0, height))
	}
	line, ink := fit(face, clean(text), maxWidth)
	mask := image.NewAlpha(image.Rect(0, 0, ink.Max.X-ink.Min.X, height))
	baseline := float64(height)/2 + f.middle*emShare*float64(height)
	d := font.Drawer{
		Dst: mask, Src: image.Opaque, Face: face,
		Dot: fixed.P(-ink.Min.X, int(math.Round(baseline))),
	}
	d.DrawString(line)
	return mask
}

// face returns the font in the size that fits masks of the given height in pixels.
func (f *Font) face(height int) (font.Face, error) {
	return opentype.NewFace(f.sfnt, &opentype.FaceOptions{
		Size: emShare * float64(height), DPI: 72, Hinting: font.HintingNone,
	})
}
