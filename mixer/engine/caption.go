package engine

import (
	"image"
	"strings"
	"time"

	"azulejo/codec"
	"azulejo/mixer"
)

// caption is the text that says why a tile is not live. The zero value is the caption of a live tile.
type caption struct {
	reason string
	age    string // how old the video is; empty if none has come, or if the age does not matter
}

// captionOf returns the caption for a condition. age is the age of the video; zero if none has come. large is the last frame that
// was too large; nil if none was.
func captionOf(c mixer.Condition, age time.Duration, large *mixer.TooLargeError) caption {
	out := caption{reason: reasonText(c.Reason)}
	if c.Reason == mixer.ReasonTooLarge && large != nil {
		out.reason = large.Brief()
	}
	switch c.State {
	case mixer.Lost, mixer.Reconnecting, mixer.Frozen:
		if age > 0 {
			out.age = ageText(age)
		}
	}
	return out
}

// reasonText returns a text of a few words for a reason. Tiles may be small, so each text has at most 23 letters.
func reasonText(r mixer.Reason) string {
	switch r {
	case mixer.ReasonConnecting:
		return "connecting…"
	case mixer.ReasonRefused:
		return "connection refused"
	case mixer.ReasonUnreachable:
		return "host not reachable"
	case mixer.ReasonUnknownHost:
		return "unknown host"
	case mixer.ReasonTimeout:
		return "no answer"
	case mixer.ReasonWrongPassword:
		return "wrong password"
	case mixer.ReasonNoSuchStream:
		return "no such stream"
	case mixer.ReasonCertificate:
		return "certificate not trusted"
	case mixer.ReasonForbidden:
		return "access denied"
	case mixer.ReasonNoData, mixer.ReasonStalled:
		return "no signal"
	case mixer.ReasonNoPictureCodec:
		return "unknown video codec"
	case mixer.ReasonReconnecting:
		return "reconnecting…"
	case mixer.ReasonNoKeyframe:
		return "waiting for a keyframe"
	case mixer.ReasonTooLarge:
		return "picture too large"
	case mixer.ReasonDamaged:
		return "damaged picture"
	case mixer.ReasonFrozen:
		return "frozen"
	case mixer.ReasonQuarantined:
		return "in quarantine"
	case mixer.ReasonMuted:
		return "camera off"
	}
	return strings.ReplaceAll(string(r), "-", " ")
}

// full returns the whole text of the caption.
func (c caption) full() string {
	if c.age == "" {
		return c.reason
	}
	return c.reason + " · " + c.age
}

// captionMask renders the caption, at most width pixels wide. If the whole text is wider, short is rendered instead, and cut if
// necessary.
func (p *painter) captionMask(c caption, short string, size, width int) *image.Alpha {
	if whole := p.mask(c.full(), size, 2*width); whole.Rect.Dx() <= width {
		return whole
	}
	return p.mask(short, size, width)
}

// plate draws the caption on a translucent ground, in the middle of the frame that r shows. If the caption does not fit, the plate
// has only the age of the frame, because an old frame must not look live.
func (p *painter) plate(f *codec.Frame, r image.Rectangle, c caption) {
	size := textSize(r.Dy())
	pad := size / 3
	short := c.age
	if short == "" {
		short = c.reason
	}
	text := p.captionMask(c, short, size, plateWidth(r))
	ground := rounded(text.Rect.Dx()+2*pad, size+pad, pad, plateAlpha)
	x := ((r.Min.X + r.Max.X - ground.Rect.Dx()) / 2) &^ 1
	y := ((r.Min.Y + r.Max.Y - ground.Rect.Dy()) / 2) &^ 1
	f.Blend(ground, x, y, shade)
	f.Blend(text, x+pad, y+(ground.Rect.Dy()-text.Rect.Dy())/2, ink)
}

// plateWidth returns the greatest width of the text of a plate on the frame that r shows, in pixels.
func plateWidth(r image.Rectangle) int { return r.Dx() - 4*(textSize(r.Dy())/3) }

// placeholder fills the rectangle r of f with a placeholder that has a name and a caption. If the caption does not fit, the
// placeholder has only the reason.
func (p *painter) placeholder(f *codec.Frame, r image.Rectangle, name string, c caption) {
	text := c.full()
	if size := subtitleSize(r); p.mask(text, size, 2*r.Dx()).Rect.Dx() > messageWidth(r) {
		text = c.reason
	}
	p.message(f, r, name, text)
}

// newVeil returns the mask that darkens the last frame of a lost source.
func newVeil(size image.Point) *image.Alpha {
	return rounded(size.X, size.Y, 0, veilAlpha)
}
