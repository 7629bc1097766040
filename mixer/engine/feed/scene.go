package feed

import (
	"fmt"
	"image"
	"math"
	"time"

	"azulejo/codec"
	"azulejo/mixer/engine/label"
)

// framePainter paints the frames of a pattern. One goroutine owns it.
type framePainter struct {
	p      *pattern
	font   *label.Font
	wall   *codec.Frame // the ceramic tiles, one tile wider and higher than canvas
	canvas *codec.Frame
	side   int          // side of a ceramic tile in pixels
	bar    int          // height of the title bar in pixels
	name   *image.Alpha // the name of the source, as text
	ball   *image.Alpha
	lamp   *image.Alpha // a round light in the title bar
	colour codec.Colour // of the ball
}

func newFramePainter(p *pattern) (*framePainter, error) {
	font, err := label.Load()
	if err != nil {
		return nil, err
	}
	s := &framePainter{p: p, font: font, side: max(16, p.Height/4&^1), bar: max(12, p.Height/9&^1)}
	if s.wall, err = codec.NewFrame(p.Width+s.side, p.Height+s.side); err != nil {
		return nil, fmt.Errorf("paint the pattern of %s: %w", p.name, err)
	}
	if s.canvas, err = codec.NewFrame(p.Width, p.Height); err != nil {
		s.close()
		return nil, fmt.Errorf("paint the pattern of %s: %w", p.name, err)
	}
	s.paintWall()
	s.name = font.Render(p.name, s.bar*6/10, p.Width/3)
	s.ball = disc(max(6, p.Height/16))
	s.lamp = disc(max(3, s.bar/5))
	s.colour = hsv(math.Mod(p.Hue+40, 360), 0.85, 0.98)
	return s, nil
}

func (s *framePainter) close() {
	s.wall.Close()
	s.canvas.Close()
}

// paintWall covers the wall with ceramic tiles. All of them show the same motif: a flower with eight petals in a ring, and in
// each corner a quarter of another flower.
func (s *framePainter) paintWall() {
	glaze, paint, deep := hsv(s.p.Hue, 0.06, 0.93), hsv(s.p.Hue, 0.75, 0.70), hsv(s.p.Hue, 0.85, 0.42)
	s.wall.Fill(s.wall.Bounds(), glaze)
	flower, ring := motif(s.side, petals), motif(s.side, grout)
	for y := 0; y < s.wall.Height(); y += s.side {
		for x := 0; x < s.wall.Width(); x += s.side {
			s.wall.Blend(flower, x, y, paint)
			s.wall.Blend(ring, x, y, deep)
		}
	}
}

// motif returns a square mask, side pixels high and wide. It calls covered for each pixel. covered returns the opacity at the
// point x, y; values outside 0 to 1 are clipped. x and y go from -1 to 1, with 0 in the centre of the mask.
func motif(side int, covered func(x, y float64) float64) *image.Alpha {
	m := image.NewAlpha(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			c := covered(2*(float64(x)+0.5)/float64(side)-1, 2*(float64(y)+0.5)/float64(side)-1)
			m.Pix[y*m.Stride+x] = uint8(255 * min(max(c, 0), 1))
		}
	}
	return m
}

// petals returns the opacity of the flowers at a point, for motif. The edges of the petals are soft over about a twentieth of
// the tile.
func petals(x, y float64) float64 {
	r, a := math.Hypot(x, y), math.Atan2(y, x)
	centre := (0.52 + 0.26*math.Cos(8*a) - r) * 20
	cr := math.Hypot(1-math.Abs(x), 1-math.Abs(y))
	corner := (0.34 - cr) * 20
	return max(centre, corner) * min(1, (r-0.12)*20)
}

// grout returns the opacity of the ring around the flower, and of the joint between tiles, at a point, for motif.
func grout(x, y float64) float64 {
	ring := 1 - math.Abs(math.Hypot(x, y)-0.86)*28
	joint := (max(math.Abs(x), math.Abs(y)) - 0.97) * 40
	return max(ring, joint)
}

// paint paints the frame for a wall-clock time. The painter owns the frame, which is valid until the next call.
func (s *framePainter) paint(now time.Time) (*codec.Frame, error) {
	if err := s.canvas.MakeWritable(); err != nil {
		return nil, err
	}
	seconds := float64(now.UnixMilli()%3_600_000) / 1000
	drift := int(seconds*float64(s.side)/4) % s.side &^ 1
	s.canvas.Paste(s.wall, -drift, -drift)
	turn := 2 * math.Pi * (seconds - 0.25)
	radius := float64(s.p.Height) / 4
	d := s.ball.Rect.Dx()
	s.canvas.Blend(s.ball, s.p.Width/2+int(radius*math.Cos(turn))-d/2, (s.p.Height+s.bar)/2+int(radius*math.Sin(turn))-d/2, s.colour)
	s.title(now)
	return s.canvas, nil
}

// title paints the title bar at the top, with a lamp, the name and the time. The lamp is lit in the first half of every
// second. The tone of the pattern swells when the lamp lights up. So a viewer notices a skew between audio and video.
func (s *framePainter) title(now time.Time) {
	white := codec.RGB(255, 255, 255)
	s.canvas.Fill(image.Rect(0, 0, s.p.Width, s.bar), codec.RGB(8, 14, 30))
	pad := s.bar / 3
	d := s.lamp.Rect.Dx()
	if now.Nanosecond() < int(time.Second/2) {
		s.canvas.Blend(s.lamp, pad, (s.bar-d)/2, codec.RGB(255, 59, 48))
	}
	s.canvas.Blend(s.name, pad*3/2+d, (s.bar-s.name.Rect.Dy())/2, white)
	clock := s.font.Render(now.Format("2006-01-02 15:04:05.0"), s.bar*6/10, s.p.Width*6/10)
	s.canvas.Blend(clock, s.p.Width-clock.Rect.Dx()-pad, (s.bar-clock.Rect.Dy())/2, white)
}

// disc returns the mask of a filled circle with a soft edge.
func disc(radius int) *image.Alpha {
	return motif(2*radius, func(x, y float64) float64 { return (1 - math.Hypot(x, y)) * float64(radius) / 2 })
}

// hsv returns the colour with hue h, in degrees, and with saturation s and value v, both from 0 to 1.
func hsv(h, s, v float64) codec.Colour {
	channel := func(n float64) uint8 {
		k := math.Mod(n+h/60, 6)
		return uint8(255 * v * (1 - s*max(0, min(k, 4-k, 1))))
	}
	return codec.RGB(channel(5), channel(3), channel(1))
}
