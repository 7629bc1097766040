package engine

import (
	"image"
	"testing"
	"time"
	"unicode/utf8"

	"azulejo/codec"
	"azulejo/mixer"
	"azulejo/mixer/engine/label"
)

// reasons are all reasons that a source can have.
var reasons = []mixer.Reason{
	mixer.ReasonConnecting, mixer.ReasonRefused, mixer.ReasonUnreachable, mixer.ReasonUnknownHost, mixer.ReasonTimeout,
	mixer.ReasonWrongPassword, mixer.ReasonNoSuchStream, mixer.ReasonCertificate, mixer.ReasonForbidden, mixer.ReasonNoData,
	mixer.ReasonNoPictureCodec, mixer.ReasonStalled, mixer.ReasonReconnecting, mixer.ReasonNoKeyframe, mixer.ReasonTooLarge,
	mixer.ReasonDamaged, mixer.ReasonFrozen, mixer.ReasonQuarantined, mixer.ReasonMuted,
}

func TestCaptions(t *testing.T) {
	size := &mixer.TooLargeError{Width: 4000, Height: 3000, MaxPixels: 8294400}
	large := mixer.Trouble{Reason: mixer.ReasonTooLarge, Detail: "in other words"}
	for _, c := range []struct {
		state mixer.State
		mixer.Trouble
		age      time.Duration
		tooLarge *mixer.TooLargeError
		want     string
	}{
		{mixer.Connecting, mixer.Trouble{Reason: mixer.ReasonWrongPassword}, 0, size, "wrong password"},
		{mixer.Connecting, large, 0, size, "4000×3000 is more than limits.source_pixels"},
		{mixer.Connecting, large, 5 * time.Second, nil, "picture too large"},
		{mixer.Lost, mixer.Trouble{Reason: mixer.ReasonNoData}, 12 * time.Second, nil, "no signal · 12 s ago"},
		{mixer.Lost, mixer.Trouble{Reason: mixer.ReasonNoSuchStream}, 2 * time.Minute, nil, "no such stream · 2 min ago"},
		{mixer.Frozen, mixer.Trouble{Reason: mixer.ReasonFrozen}, 30 * time.Second, nil, "frozen · 30 s ago"},
		{mixer.Muted, mixer.Trouble{Reason: mixer.ReasonMuted}, 30 * time.Second, nil, "camera off"},
		{mixer.Lost, mixer.Trouble{Reason: "of-a-later-version"}, time.Second, nil, "of a later version · 1 s ago"},
	} {
		if got := captionOf(mixer.Condition{State: c.state, Trouble: c.Trouble}, c.age, c.tooLarge).full(); got != c.want {
			t.Errorf("%s, %+v: %q, want %q", c.state, c.Trouble, got, c.want)
		}
	}
	seen := map[string]mixer.Reason{}
	for _, r := range reasons {
		text := reasonText(r)
		if n := utf8.RuneCountInString(text); n == 0 || n > 23 {
			t.Errorf("%s: %q has %d letters", r, text, n)
		}
		if other, known := seen[text]; known && r != mixer.ReasonStalled {
			t.Errorf("%s and %s are both %q", r, other, text)
		}
		seen[text] = r
	}
}

// TestCaptionsFit draws every caption on tiles down to the smallest ones of a wall of 64. A plate never leaves its frame, and the age
// is never cut.
func TestCaptionsFit(t *testing.T) {
	noFrames(t)
	font, err := label.Load()
	if err != nil {
		t.Fatal(err)
	}
	p := newPainter(font)
	for _, size := range []image.Point{{40, 22}, {80, 44}, {90, 160}, {160, 90}, {320, 180}, {1280, 720}} {
		f, err := codec.NewFrame(size.X+32, size.Y+32)
		if err != nil {
			t.Fatal(err)
		}
		r := image.Rectangle{image.Pt(16, 16), image.Pt(16, 16).Add(size)}
		for _, reason := range reasons {
			c := caption{reason: reasonText(reason), age: "59 min ago"}
			f.Fill(f.Bounds(), green)
			p.plate(f, r, c)
			for _, outside := range []image.Rectangle{image.Rect(0, 0, size.X+32, 16), image.Rect(0, size.Y+16, size.X+32, size.Y+32), image.Rect(0, 0, 16, size.Y+32), image.Rect(size.X+16, 0, size.X+32, size.Y+32)} {
				if got := f.Mean(outside); !near(got, green) {
					t.Errorf("%v, %q: the plate is drawn outside of its frame: %v", size, c.full(), got)
				}
			}
			if f.Mean(image.Rect(size.X/2+8, size.Y/2+14, size.X/2+24, size.Y/2+18)) == green {
				t.Errorf("%v, %q: nothing is drawn", size, c.full())
			}
			if size.X >= 80 {
				whole := p.mask(c.age, textSize(size.Y), 10_000).Rect.Dx()
				if got := p.captionMask(c, c.age, textSize(size.Y), plateWidth(r)).Rect.Dx(); got < whole {
					t.Errorf("%v: the age is %d pixels wide of %d", size, got, whole)
				}
			}
		}
		f.Close()
	}
}
