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
	bars       = codec.RGB(4, 7, 16)      // beside a picture of another shape
	slate      = codec.RGB(24, 42, 84)    // of a placeholder
	ink        = codec.RGB(255, 255, 255) // of names
	faint      = codec.RGB(150, 170, 210) // of what is said below them
	shade      = codec.RGB(6, 12, 28)     // below names on pictures
	speech     = codec.RGB(255, 196, 61)  // around who speaks
)

// shadeAlpha is how much of the shade covers the picture below a name, of 255.
const shadeAlpha = 160

// painter makes the writing on tiles and keeps it: the same words in the same size are rendered once. Safe for
// concurrent use.
type painter struct {
	font *label.Font

	mu      sync.Mutex
	written map[writing]*image.Alpha
}

// writing is what decides how words look.
type writing struct {
	text        string
	size, width int
}

// maxWritten is how many words are kept; then all are forgotten, and those in use come back.
const maxWritten = 512

func newPainter(font *label.Font) *painter {
	return &painter{font: font, written: map[writing]*image.Alpha{}}
}

// write returns the mask of a text, which nobody may write to.
func (p *painter) write(text string, size, width int) *image.Alpha {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := writing{text, size, width}
	mask := p.written[key]
	if mask == nil {
		if len(p.written) >= maxWritten {
			clear(p.written)
		}
		mask = p.font.Render(text, size, width)
		p.written[key] = mask
	}
	return mask
}

// plate is a name on its shaded ground, made once and drawn on every picture.
type plate struct {
	ground, text *image.Alpha
	pad          int
}

// name makes the plate of a picture of that size.
func (p *painter) name(text string, w, h int) *plate {
	size := textSize(h)
	pad := size / 3
	mask := p.write(text, size, w-4*pad)
	ground := rounded(mask.Rect.Dx()+2*pad, size+pad, pad, shadeAlpha)
	return &plate{ground, mask, pad}
}

// textSize is the height of the writing on a picture of that height, in pixels.
func textSize(h int) int { return min(max(h/14, 10), 32) }

// draw puts the plate into the lower left corner of r.
func (p *plate) draw(f *codec.Frame, r image.Rectangle) {
	if p == nil {
		return
	}
	x := (r.Min.X + p.pad) &^ 1
	y := (r.Max.Y - p.ground.Rect.Dy() - p.pad) &^ 1
	f.Blend(p.ground, x, y, shade)
	f.Blend(p.text, x+p.pad, y+(p.ground.Rect.Dy()-p.text.Rect.Dy())/2, ink)
}

// message fills r with a placeholder: a title and, smaller, what there is to say below it.
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
	mask := p.write(text, size, r.Dx()*9/10)
	f.Blend(mask, (r.Min.X+(r.Dx()-mask.Rect.Dx())/2)&^1, y&^1, c)
}

// clock writes the time of day into the upper right corner, on an opaque ground so that it can be written
// over the last one.
func (p *painter) clock(f *codec.Frame, now time.Time) {
	size := textSize(f.Height())
	mask := p.write(now.Format("2006-01-02 15:04:05"), size, f.Width()/2)
	w, h := (size*11)&^1, (size*3/2)&^1
	ground := image.Rect(f.Width()-w, 0, f.Width(), h)
	f.Fill(ground, shade)
	f.Blend(mask, ground.Min.X+(w-mask.Rect.Dx())/2, (h-mask.Rect.Dy())/2, ink)
}

// frame draws the border of who speaks just inside r.
func (p *painter) frame(f *codec.Frame, r image.Rectangle) {
	d := max(2, r.Dy()/90&^1)
	for _, side := range []image.Rectangle{
		image.Rect(r.Min.X, r.Min.Y, r.Max.X, r.Min.Y+d), image.Rect(r.Min.X, r.Max.Y-d, r.Max.X, r.Max.Y),
		image.Rect(r.Min.X, r.Min.Y, r.Min.X+d, r.Max.Y), image.Rect(r.Max.X-d, r.Min.Y, r.Max.X, r.Max.Y),
	} {
		f.Fill(side, speech)
	}
}

// rounded is a mask of one alpha with round corners.
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
