package main

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// TestMatrices: both sides of the comparison have the frames of the footage, and each says its matrix.
func TestMatrices(t *testing.T) {
	b := testBench(t)
	b.Pairs = 1
	large, err1 := readFootage(makeFootage(t, "320x180"))
	small, err2 := readFootage(makeFootage(t, "160x90"))
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	b.main, b.otherMain = large, small
	frames := len(b.main.Packets)
	for _, c := range []struct {
		matrix int
		want   string
	}{{bt709, "tv,bt709,bt709,bt709"}, {bt601, "tv,smpte170m,bt709,bt709"}} {
		f, err := b.tagged(t.Context(), b.main, c.matrix)
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("ffprobe", "-v", "error", "-select_streams", "v", "-show_entries",
			"stream=color_range,color_space,color_transfer,color_primaries", "-of", "csv=p=0", f.Name).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != c.want || len(f.Packets) != frames {
			t.Errorf("%d: %d frames tagged %s, %v; want %d tagged %s", c.matrix, len(f.Packets), got, err, frames, c.want)
		}
	}
	rows, err := b.measurePairs(t.Context(), []buildCase{{"wall", "CPU s/s", func(b *bench, _ context.Context) (float64, error) {
		return float64(b.main.width), nil
	}}})
	if err != nil || rows[0].Pairs[0] != (pair{This: 320, Other: 160}) {
		t.Errorf("%+v, %v; want one side with each footage", rows, err)
	}
}
