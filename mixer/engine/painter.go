package engine

import (
	"image"
	"sync"
	"time"

	"azulejo/codec"
	"azulejo/mixer/engine/label"
)

// The colours that views are drawn in.
var (
	background = codec.RGB(10, 16, 32)    // canvas between and behind the tiles
	bars       = codec.RGB(4, 7, 16)      // bars beside a frame whose aspect ratio differs from the tile's
	slate      = codec.RGB(24, 42, 84)    // background of a placeholder
	ink        = codec.RGB(255, 255, 255) // names and titles
	faint      = codec.RGB(150, 170, 210) // smaller text below a title
	shade      = codec.RGB(6, 12, 28)     // background of a name on a frame
	speech     = codec.RGB(255, 196, 61)  // border of the tile of a source that speaks
)

// Opacities, from 0 to 255.
const (
	shadeAlpha = 160 // of the background of a name
	plateAlpha = 210 // of the background of a caption on a frame
	veilAlpha  = 120 // of the veil on the last frame of a lost source
)

// painter draws text and borders on canvases. It caches rendered text, so that each text is rendered only once per size. Safe
// for concurrent use.
type painter struct {
	font *label.Font

	mu    sync.Mutex
	masks map[maskKey]*image.Alpha
}

// maskKey identifies rendered text. It holds everything that affects how the text looks.
type maskKey struct {
	text        string
	size, width int // height and greatest width of the text in pixels
}

// maxMasks is the greatest number of masks in the cache. A full cache is cleared. Then masks that are still in use are
// rendered again.
const maxMasks = 512

func newPainter(font *label.Font) *painter {
	return &painter{font: font, masks: map[maskKey]*image.Alpha{}}
}

// mask returns text as an alpha mask, size pixels high and at most width pixels wide. The mask is shared and read-only.
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

// nameplate is a source's name on a translucent background. It is made once per still and drawn on every frame.
type nameplate struct {
	ground, text *image.Alpha // masks of the background and of the name
	pad          int          // space around the text, in pixels
}

// nameplate makes a nameplate for frames of w by h pixels.
func (p *painter) nameplate(text string, w, h int) *nameplate {
	size := textSize(h)
	pad := size / 3
	mask := p.mask(text, size, w-4*pad)
	ground := rounded(mask.Rect.Dx()+2*pad, size+pad, pad, shadeAlpha)
	return &nameplate{ground, mask, pad}
}

// textSize returns the height of text, in pixels, for a frame that is h pixels high.
func textSize(h int) int { return min(max(h/14, 10), 32) }

// draw draws the nameplate in the lower left corner of r. A nil nameplate draws nothing.
func (n *nameplate) draw(f *codec.Frame, r image.Rectangle) {
	if n == nil {
		return
	}
	x := (r.Min.X + n.pad) &^ 1
	y := (r.Max.Y - n.ground.Rect.Dy() - n.pad) &^ 1
	f.Blend(n.ground, x, y, shade)
	f.Blend(n.text, x+n.pad, y+(n.ground.Rect.Dy()-n.text.Rect.Dy())/2, ink)
}

// message fills the rectangle r of f with a placeholder. It has a title, and a subtitle in smaller text below the title.
func (p *painter) message(f *codec.Frame, r image.Rectangle, title, subtitle string) {
	f.Fill(r, slate)
	size := titleSize(r)
	y := (r.Min.Y+r.Max.Y)/2 - size
	p.centre(f, r, title, size, y, ink)
	p.centre(f, r, subtitle, subtitleSize(r), y+size*3/2, faint)
}

// titleSize returns the height of the title of a placeholder in r, in pixels.
func titleSize(r image.Rectangle) int { return min(max(r.Dy()/8, 10), 64) }

// subtitleSize returns the height of the text below the title, in pixels.
func subtitleSize(r image.Rectangle) int { return max(titleSize(r)*6/10, 8) }

// messageWidth returns the greatest width of text in r, in pixels.
func messageWidth(r image.Rectangle) int { return r.Dx() * 9 / 10 }

// centre draws text with its top at y, centred between the left and the right side of r. size is the height of the text in
// pixels.
func (p *painter) centre(f *codec.Frame, r image.Rectangle, text string, size, y int, c codec.Colour) {
	if text == "" {
		return
	}
	mask := p.mask(text, size, messageWidth(r))
	f.Blend(mask, (r.Min.X+(r.Dx()-mask.Rect.Dx())/2)&^1, y&^1, c)
}

// clock draws the date and time in the upper right corner. The background is opaque, so that it covers the time that was drawn
// before.
func (p *painter) clock(f *codec.Frame, now time.Time) {
	size := textSize(f.Height())
	mask := p.mask(now.Format("2006-01-02 15:04:05"), size, f.Width()/2)
	w, h := (size*11)&^1, (size*3/2)&^1
	ground := image.Rect(f.Width()-w, 0, f.Width(), h)
	f.Fill(ground, shade)
	f.Blend(mask, ground.Min.X+(w-mask.Rect.Dx())/2, (h-mask.Rect.Dy())/2, ink)
}

// border draws a border just inside r. The border marks the tile of a source that speaks.
func (p *painter) border(f *codec.Frame, r image.Rectangle) {
	width := max(2, r.Dy()/90&^1)
	for _, side := range []image.Rectangle{
		image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+width), image.Rect(r.Min.X, r.Max.Y-width, r.Max.X, r.Max.Y),
		image.Rect(r.Min.X, r.Min.Y, r.Min.X+width, r.Max.Y), image.Rect(r.Max.X-width, r.Min.Y, r.Max.X, r.Max.Y),
	} {
		f.Fill(side, speech)
	}
}

// rounded returns the mask of a rectangle of w by h pixels with round corners. Pixels inside the rectangle have the value
// alpha.
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
