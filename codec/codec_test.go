package codec

import (
	"image"
	"log/slog"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	BridgeLog(slog.Default())
	goleak.VerifyTestMain(m)
}

// noLeak fails the test if it leaves frames open.
func noLeak(t *testing.T) {
	t.Helper()
	before := LiveFrames()
	t.Cleanup(func() {
		if n := LiveFrames() - before; n != 0 {
			t.Errorf("%d frames were not closed", n)
		}
	})
}

func colourBars(t *testing.T, w, h, step int) *Frame {
	t.Helper()
	f, err := NewFrame(w, h)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		bar := image.Rect(i*w/4, 0, (i+1)*w/4, h)
		f.Fill(bar, Colour{Y: uint8(40 + 45*((i+step)%4)), U: uint8(70 + 30*i), V: uint8(180 - 30*i)})
	}
	return f
}

func near(a, b Colour, tolerance int) bool {
	d := func(x, y uint8) bool { return int(x)-int(y) <= tolerance && int(y)-int(x) <= tolerance }
	return d(a.Y, b.Y) && d(a.U, b.U) && d(a.V, b.V)
}
