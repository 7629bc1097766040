package engine

import (
	"image"
	"sync"
	"time"

	"azulejo/codec"
	"azulejo/mixer/engine/label"
)

// The colours of the wall.
var (
	background = codec.RGB(10, 16, 32)    // behind the tiles
	bars       = codec.RGB(4, 7, 16)      // beside a frame of another shape
	slate      = codec.RGB(24, 42, 84)    // behind a placeholder
	ink        = codec.RGB(255, 255, 255) // of names
	faint      = codec.RGB(150, 170, 210) // of the smaller text below them
	shade      = codec.RGB(6, 12, 28)     // behind names on frames
	speech     = codec.RGB(255, 196, 61)  // of the border around a source that speaks
)

// shadeAlpha is the opacity of the shade behind a name, of 255.
const shadeAlpha = 160

// painter draws the text on tiles. It caches rendered text: the same text in the same size is rendered once. Safe for
// concurrent use.
type painter struct {
	font *label.Font

	mu    sync.Mutex
	masks map[maskKey]*image.Alpha
}

// maskKey is what decides how rendered text looks.
type maskKey struct {
	text        string
	size, width int
}

// maxMasks is how many masks are cached. When there are more, all are dropped; those in use are rendered again.
const maxMasks = 512

func newPainter(font *label.Font) *painter {
	return &painter{font: font, masks: map[maskKey]*image.Alpha{}}
}

// mask returns the mask of a text of that height, at most width wide, in pixels. It is shared and read-only.
func (p *painter) mask(text string, size, width int) *image.Alpha {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := maskKey{text, size, width}
	mask := p.masks[key]
	if mask == nil {
		if len(p.masks) >= maxMasks {
			clear(p.masks)
		}
		mask = p.font.Render(text, size, width)
		p.masks[key] = mask
	}
	return mask
}

// nameplate is a name on a shaded ground. It is made once and drawn on every frame.
type nameplate struct {
	ground, text *image.Alpha
	pad          int
}

// nameplate makes the nameplate for a frame of w by h pixels.
func (p *painter) nameplate(text string, w, h int) *nameplate {
	size := textSize(h)
	pad := size / 3
	mask := p.mask(text, size, w-4*pad)
	ground := rounded(mask.Rect.Dx()+2*pad, size+pad, pad, shadeAlpha)
	return &nameplate{ground, mask, pad}
}

// textSize is the height of the text on a frame of height h, in pixels.
func textSize(h int) int { return min(max(h/14, 10), 32) }

// draw draws the nameplate in the lower left corner of r.
func (p *nameplate) draw(f *codec.Frame, r image.Rectangle) {
	if p == nil {
		return
	}
	x := (r.Min.X + p.pad) &^ 1
	y := (r.Max.Y - p.ground.Rect.Dy() - p.pad) &^ 1
	f.Blend(p.ground, x, y, shade)
	f.Blend(p.text, x+p.pad, y+(p.ground.Rect.Dy()-p.text.Rect.Dy())/2, ink)
}

// message fills r with a placeholder: a title and a smaller text below it.
func (p *painter) message(f *codec.Frame, r image.Rectangle, title, below string) {
	f.Fill(r, slate)
	size := min(max(r.Dy()/8, 10), 64)
	y := (r.Min.Y+r.Max.Y)/2 - size
	p.centre(f, r, title, size, y, ink)
	p.centre(f, r, below, max(size*6/10, 8), y+size*3/2, faint)
}

func (p *painter) centre(f *codec.Frame, r image.Rectangle, text string, size, y int, c codec.Colour) {
	if text == "" {
		return
	}
	mask := p.mask(text, size, r.Dx()*9/10)
	f.Blend(mask, (r.Min.X+(r.Dx()-mask.Rect.Dx())/2)&^1, y&^1, c)
}

// clock draws the time of day in the upper right corner. Its ground is opaque, so that it covers the time before.
func (p *painter) clock(f *codec.Frame, now time.Time) {
	size := textSize(f.Height())
	mask := p.mask(now.Format("2006-01-02 15:04:05"), size, f.Width()/2)
	w, h := (size*11)&^1, (size*3/2)&^1
	ground := image.Rect(f.Width()-w, 0, f.Width(), h)
	f.Fill(ground, shade)
	f.Blend(mask, ground.Min.X+(w-mask.Rect.Dx())/2, (h-mask.Rect.Dy())/2, ink)
}

// border draws the border of a source that speaks, just inside r.
func (p *painter) border(f *codec.Frame, r image.Rectangle) {
	d := max(2, r.Dy()/90&^1)
	for _, side := range []image.Rectangle{
		image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+d), image.Rect(r.Min.X, r.Max.Y-d, r.Max.X, r.Max.Y),
		image.Rect(r.Min.X, r.Min.Y, r.Min.X+d, r.Max.Y), image.Rect(r.Max.X-d, r.Min.Y, r.Max.X, r.Max.Y),
	} {
		f.Fill(side, speech)
	}
}

// rounded is a mask of one alpha value with round corners.
func rounded(w, h, radius int, alpha uint8) *image.Alpha {
	m := image.NewAlpha(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			dx := max(radius-x, x-(w-1-radius), 0)
			dy := max(radius-y, y-(h-1-radius), 0)
			if dx*dx+dy*dy <= radius*radius {
				m.Pix[y*m.Stride+x] = alpha
			}
		}
	}
	return m
}
