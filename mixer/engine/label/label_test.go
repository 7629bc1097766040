package label

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func loaded(t testing.TB) *Font {
	t.Helper()
	f, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// ink returns the sum of a mask and the centre of its ink.
func ink(m *image.Alpha) (sum, x, y float64) {
	for py := range m.Rect.Dy() {
		for px := range m.Rect.Dx() {
			a := float64(m.AlphaAt(px, py).A) / 255
			sum, x, y = sum+a, x+a*(float64(px)+0.5), y+a*(float64(py)+0.5)
		}
	}
	return sum, x / max(sum, 1), y / max(sum, 1)
}

func TestLoadWithoutFont(t *testing.T) {
	for name, c := range map[string]struct {
		dir  fstest.MapFS
		want string
	}{
		"nothing but the README": {fstest.MapFS{"README.md": {}}, "run scripts/build"},
		"not a font":             {fstest.MapFS{"a.ttc": {Data: []byte("hello")}}, "read font a.ttc"},
		"half a font":            {fstest.MapFS{"a.otf": {Data: []byte("OTTO\x00\x01")}}, "read font a.otf"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := load(c.dir); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestRenderDiffers(t *testing.T) {
	f := loaded(t)
	seen := map[string]string{}
	for _, text := range []string{"Gate", "정문", "문정", "日本", "Zoë", "Zoe", "Ж", "👍", "="} {
		m := f.Render(text, 32, 400)
		if sum, _, _ := ink(m); sum < 20 {
			t.Errorf("%q has hardly any ink: %.1f pixels", text, sum)
		}
		if other, ok := seen[string(m.Pix)]; ok {
			t.Errorf("%q looks like %q", text, other)
		}
		seen[string(m.Pix)] = text
	}
}

// TestRenderIsCentred: capitals and Hangul lie in the middle of the line, at every size in use.
func TestRenderIsCentred(t *testing.T) {
	f := loaded(t)
	for _, height := range []int{14, 18, 24, 36, 72} {
		for _, text := range []string{"HOME", "정문카메라"} {
			m := f.Render(text, height, 2000)
			_, _, y := ink(m)
			if off := y - float64(height)/2; off < -0.06*float64(height)-0.5 || off > 0.06*float64(height)+0.5 {
				t.Errorf("%q at %d: the middle of its ink is %.1f off", text, height, off)
			}
		}
	}
}

// TestRenderLosesNoInk: accents, descenders and side bearings stay inside the mask.
func TestRenderLosesNoInk(t *testing.T) {
	f := loaded(t)
	for _, text := range []string{"Ågjpqy", "Ếÿ|Ç", "jf", "한글김철수"} {
		m := f.Render(text, 48, 2000)
		for x := range m.Rect.Dx() {
			if m.AlphaAt(x, 0).A != 0 || m.AlphaAt(x, 47).A != 0 {
				t.Errorf("%q is cut off above or below at column %d", text, x)
				break
			}
		}
		for _, x := range []int{0, m.Rect.Dx() - 1} {
			if column(m, x) == 0 {
				t.Errorf("%q: column %d is empty, the mask is not as wide as the ink", text, x)
			}
		}
	}
}

func column(m *image.Alpha, x int) (sum int) {
	for y := range m.Rect.Dy() {
		sum += int(m.AlphaAt(x, y).A)
	}
	return sum
}

func TestRenderSame(t *testing.T) {
	f := loaded(t)
	for name, c := range map[string][2]string{
		"decomposed Korean":    {"\u1112\u1161\u11ab\u1100\u1173\u11af", "한글"},
		"decomposed accent":    {"Zoe\u0308", "Zoë"},
		"lines and tabs":       {" a\n\tb\r ", "a b"},
		"control and joiners":  {"a\x00\u200d\ufeffb\u202e", "ab"},
		"skin tone":            {"👍🏽", "👍"},
		"variant selector":     {"☎\ufe0f", "☎"},
		"invalid UTF-8 is box": {"a\xffb", "a\ufffdb"},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := f.Render(c[0], 32, 400), f.Render(c[1], 32, 400)
			if a.Rect != b.Rect || !bytes.Equal(a.Pix, b.Pix) {
				t.Errorf("%q does not look like %q", c[0], c[1])
			}
		})
	}
}

func TestRenderNothing(t *testing.T) {
	f := loaded(t)
	for name, c := range map[string]struct {
		text               string
		height, width      int
		wantHigh, wantWide int
	}{
		"no text":                  {"", 24, 100, 24, 0},
		"only space":               {" \n", 24, 100, 24, 0},
		"no height":                {"a", 0, 100, 0, 0},
		"negative height":          {"a", -5, 100, 0, 0},
		"no width":                 {"a", 24, 0, 24, 0},
		"negative width":           {"a", 24, -1, 24, 0},
		"no room for the ellipsis": {"정문", 24, 4, 24, 0},
	} {
		t.Run(name, func(t *testing.T) {
			m := f.Render(c.text, c.height, c.width)
			if m.Rect != image.Rect(0, 0, c.wantWide, c.wantHigh) {
				t.Errorf("mask %v, want %dx%d", m.Rect, c.wantWide, c.wantHigh)
			}
		})
	}
}

func TestEllipsis(t *testing.T) {
	f := loaded(t)
	face, err := f.face(32)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text  string
		width int
		want  string
	}{
		"fits":                           {"Front gate", 400, "Front gate"},
		"cut":                            {"Front gate", 106, "Front g..."},
		"no space before it":             {"Front gate", 85, "Front..."},
		"Korean":                         {"정문 카메라 김철수", 116, "정문 카메..."},
		"only the ellipsis":              {"정문", 24, "..."},
		"a mark stays with its letter":   {"Wx\u0323x\u0323x\u0323x\u0323", 96, "Wx\u0323..."},
		"nothing at all":                 {"정문", 4, ""},
		"cut before a letter's marks go": {"Wx\u0323\u0323\u0323\u0323", 60, "W..."},
	} {
		t.Run(name, func(t *testing.T) {
			if got, _ := fit(face, c.text, c.width); got != c.want {
				t.Errorf("in %d pixels %q becomes %q, want %q", c.width, c.text, got, c.want)
			}
		})
	}
}

func TestRenderProperties(t *testing.T) {
	f := loaded(t)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[가-힣A-Za-zÀ-ÿ ]{0,40}`)).Draw(t, "text")
		height, width := rapid.IntRange(-1, 60).Draw(t, "height"), rapid.IntRange(-1, 500).Draw(t, "width")
		m := f.Render(text, height, width)
		if m.Rect.Dx() > max(width, 0) || m.Rect.Dy() != max(height, 0) {
			t.Fatalf("mask %v for a height of %d and at most %d wide", m.Rect, height, width)
		}
	})
}

// TestRenderIsBounded: a name of a megabyte takes no longer than a name of a line.
func TestRenderIsBounded(t *testing.T) {
	f := loaded(t)
	for _, text := range []string{strings.Repeat("가", 1<<20), strings.Repeat("\u1100\u1161", 1<<19), strings.Repeat("e\u0301", 1<<19)} {
		if m := f.Render(text, 16, 1<<30); m.Rect.Dx() > 16*maxRunes {
			t.Errorf("mask %v of %q", m.Rect, text[:12])
		}
	}
	if m := f.Render("가", 1<<30, 1<<30); m.Rect.Dy() != maxHeight {
		t.Errorf("mask %v", m.Rect)
	}
}

func TestRenderConcurrently(t *testing.T) {
	f := loaded(t)
	want := f.Render("정문 Gate 7", 24, 300)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				if m := f.Render("정문 Gate 7", 24, 300); !bytes.Equal(m.Pix, want.Pix) {
					t.Error("the same text came out differently")
				}
			}
		})
	}
	wg.Wait()
}

// TestSpecimen writes label.png, a page of samples to look at. AZULEJO_SPECIMEN is the directory for it.
func TestSpecimen(t *testing.T) {
	f := loaded(t)
	page := image.NewRGBA(image.Rect(0, 0, 700, 560))
	draw.Draw(page, page.Rect, image.NewUniform(color.RGBA{30, 60, 80, 255}), image.Point{}, draw.Src)
	y := 8
	for _, height := range []int{16, 24, 40} {
		for _, text := range []string{"Gate 7 — 정문 카메라", "한글 이름 김철수 HOME", "Zoë Ångström ÿgjpq", "👍🏽 日本語", strings.Repeat("a long name ", 9)} {
			m := f.Render(text, height, 680)
			box := image.Rect(8, y, 8+m.Rect.Dx(), y+height)
			draw.Draw(page, box, image.Black, image.Point{}, draw.Src)
			draw.DrawMask(page, box, image.White, image.Point{}, m, image.Point{}, draw.Over)
			y += height + 8
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, page); err != nil {
		t.Fatal(err)
	}
	dir := os.Getenv("AZULEJO_SPECIMEN")
	if dir == "" {
		dir = t.TempDir()
	}
	if err := os.WriteFile(filepath.Join(dir, "label.png"), out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkRender(b *testing.B) {
	f := loaded(b)
	for b.Loop() {
		f.Render("정문 카메라 Gate 7", 24, 400)
	}
}
