package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"azulejo/cmd/internal/load"
	"azulejo/codec/keyframe"
	"azulejo/mixer"
)

// footage is a clip that cameras play and that walls are compared with: H.264 of a known size.
type footage struct {
	*load.Clip
	width, height int
}

func readFootage(name string) (*footage, error) {
	c, err := load.ReadClip(name)
	if err != nil {
		return nil, err
	}
	if c.Codec != mixer.H264 {
		return nil, fmt.Errorf("%s: frame format %q: accepted for a bench is h264", name, c.Codec)
	}
	for _, p := range c.Packets {
		if head, ok := keyframe.Read(p); p.Key && ok {
			return &footage{Clip: c, width: head.Width, height: head.Height}, nil
		}
	}
	return nil, fmt.Errorf("%s: no keyframe with its size", name)
}

// String is size and rate, as in 1280x720@15.
func (f *footage) String() string { return fmt.Sprintf("%dx%d@%.3g", f.width, f.height, f.FPS()) }

// keyBefore is the index of the last keyframe up to frame n.
func (f *footage) keyBefore(n int) int {
	key := 0
	for _, k := range f.Keyframes() {
		if k <= n {
			key = k
		}
	}
	return key
}

// rotate writes f to a file that starts at the keyframe with the index key and ends before it, for tools that can loop
// only whole files. Each file is written once.
func (b *bench) rotate(ctx context.Context, f *footage, key int) (string, error) {
	out := filepath.Join(b.dir, fmt.Sprintf("rotated-%d.mp4", key))
	if _, err := os.Stat(out); err == nil {
		return out, nil
	}
	name, err := filepath.Abs(f.Name)
	if err != nil {
		return "", err
	}
	quoted := "file '" + strings.ReplaceAll(name, "'", `'\''`) + "'\n"
	list := quoted
	if key > 0 {
		at := f.Packets[key].PTS.Seconds()
		list = fmt.Sprintf("%sinpoint %.6f\n%soutpoint %.6f\n", quoted, at, quoted, at)
	}
	index := out + ".txt"
	if err = os.WriteFile(index, []byte(list), 0o600); err != nil {
		return "", err
	}
	_, err = b.ffmpeg(ctx, "-f", "concat", "-safe", "0", "-i", index, "-map", "0:v", "-c", "copy", out)
	return out, err
}

// still makes a clip of two seconds in which frame n of f is repeated, as a camera sends an empty yard. With a constant
// quantizer and without the deblocking filter, all decoded frames are equal.
func (b *bench) still(ctx context.Context, f *footage, n int) (*load.Clip, error) {
	out := filepath.Join(b.dir, fmt.Sprintf("still-%d.mp4", n))
	frames := int(2*f.FPS() + 0.5)
	filter := fmt.Sprintf("select=eq(n\\,%d),loop=loop=%d:size=1:start=0,setpts=N/%g/TB", n, frames-1, f.FPS())
	_, err := b.ffmpeg(ctx, "-i", f.Name, "-map", "0:v", "-vf", filter, "-r", fmt.Sprint(f.FPS()), "-frames:v", fmt.Sprint(frames),
		"-c:v", "libx264", "-preset", "veryfast", "-profile:v", "main", "-bf", "0", "-g", fmt.Sprint(frames), "-qp", "24", "-x264-params", "no-deblock=1", out)
	if err != nil {
		return nil, err
	}
	return load.ReadClip(out)
}

// tiles decodes all of f fully and scales each frame to w by h with the bicubic filter. It returns the luma planes.
func (b *bench) tiles(ctx context.Context, f *footage, w, h int) ([]luma, error) {
	if n := len(f.Packets); n > maxTileFrames {
		return nil, fmt.Errorf("%s: %d frames: accepted for the comparison of frames are %d: cut the file", f.Name, n, maxTileFrames)
	}
	return b.raw(ctx, w, h, len(f.Packets), "-i", f.Name, "-map", "0:v", "-vf", fmt.Sprintf("scale=%d:%d:flags=bicubic", w, h))
}

// maxTileFrames bounds the memory of tiles: 100 kB for each frame of a 3x3 wall at 720p.
const maxTileFrames = 4500
