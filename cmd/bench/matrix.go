package main

import (
	"context"
	"fmt"
	"path/filepath"
)

// The numbers of YCbCr matrices in H.264 (ITU-T H.273, table 4).
const bt709, bt601 = 1, 6

// compareMatrices compares the cost of the moving wall for cameras that say BT.709 with that for cameras that say BT.601. Both
// send the same frames, only the tags differ.
func (b *bench) compareMatrices(ctx context.Context) (err error) {
	untagged := b.main
	if b.main, err = b.tagged(ctx, untagged, bt709); err != nil {
		return err
	}
	if b.otherMain, err = b.tagged(ctx, untagged, bt601); err != nil {
		return err
	}
	return b.comparePairs(ctx, []buildCase{{"wall", "CPU s/s", (*bench).wallCost}}, "BT.709", "BT.601")
}

// tagged returns f with another matrix in its parameter sets.
func (b *bench) tagged(ctx context.Context, f *footage, matrix int) (*footage, error) {
	out := filepath.Join(b.dir, fmt.Sprintf("matrix-%d.mp4", matrix))
	tags := fmt.Sprintf("h264_metadata=colour_primaries=1:transfer_characteristics=1:matrix_coefficients=%d:video_full_range_flag=0", matrix)
	if _, err := b.ffmpeg(ctx, "-i", f.Name, "-map", "0:v", "-c", "copy", "-bsf:v", tags, out); err != nil {
		return nil, err
	}
	return readFootage(out)
}
