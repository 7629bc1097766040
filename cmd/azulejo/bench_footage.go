package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"azulejo/codec/keyframe"
	"azulejo/mixer"
)

// footage is a clip that can be played by cameras and compared with: H.264 of a known size.
type footage struct {
	*clip
	width, height int
}

func readFootage(name string) (*footage, error) {
	c, err := readClip(name)
	if err != nil {
		return nil, err
	}
	if c.id != mixer.H264 {
		return nil, fmt.Errorf("%s: picture format %q: accepted for a bench is h264", name, c.id)
	}
	for _, p := range c.packets {
		if info, ok := keyframe.Read(p); p.Key && ok {
			return &footage{clip: c, width: info.Width, height: info.Height}, nil
		}
	}
	return nil, fmt.Errorf("%s: no key picture with its size", name)
}

// String is size and rate, as in 1280x720@15.
func (f *footage) String() string { return fmt.Sprintf("%dx%d@%.3g", f.width, f.height, f.rate()) }

// keyBefore is the last key picture not behind picture n.
func (f *footage) keyBefore(n int) int {
	key := 0
	for _, k := range f.keys() {
		if k <= n {
			key = k
		}
	}
	return key
}

// turn writes f as a file that begins at its key picture key and ends before it, for tools that can loop only
// whole files. It is made once.
func (b *bench) turn(ctx context.Context, f *footage, key int) (string, error) {
	out := filepath.Join(b.dir, fmt.Sprintf("turned-%d.mp4", key))
	if _, err := os.Stat(out); err == nil {
		return out, nil
	}
	name, err := filepath.Abs(f.name)
	if err != nil {
		return "", err
	}
	quoted := "file '" + strings.ReplaceAll(name, "'", `'\''`) + "'\n"
	list := quoted
	if key > 0 {
		at := f.packets[key].PTS.Seconds()
		list = fmt.Sprintf("%sinpoint %.6f\n%soutpoint %.6f\n", quoted, at, quoted, at)
	}
	index := out + ".txt"
	if err = os.WriteFile(index, []byte(list), 0o600); err != nil {
		return "", err
	}
	_, err = b.ffmpeg(ctx, "-f", "concat", "-safe", "0", "-i", index, "-map", "0:v", "-c", "copy", out)
	return out, err
}

// still makes a clip of one picture of f that lasts for two seconds, as a camera sends an empty yard. At a constant
// quantizer, and without the filter between blocks, what is decoded is the same picture all the time.
func (b *bench) still(ctx context.Context, f *footage, n int) (*clip, error) {
	out := filepath.Join(b.dir, fmt.Sprintf("still-%d.mp4", n))
	frames := int(2*f.rate() + 0.5)
	filter := fmt.Sprintf("select=eq(n\\,%d),loop=loop=%d:size=1:start=0,setpts=N/%g/TB", n, frames-1, f.rate())
	_, err := b.ffmpeg(ctx, "-i", f.name, "-map", "0:v", "-vf", filter, "-r", fmt.Sprint(f.rate()), "-frames:v", fmt.Sprint(frames),
		"-c:v", "libx264", "-preset", "veryfast", "-profile:v", "main", "-bf", "0", "-g", fmt.Sprint(frames), "-qp", "24", "-x264-params", "no-deblock=1", out)
	if err != nil {
		return nil, err
	}
	return readClip(out)
}

// tiles decodes all of f, fully, and scales each picture to w by h with the bicubic filter: their brightness.
func (b *bench) tiles(ctx context.Context, f *footage, w, h int) ([]luma, error) {
	if n := len(f.packets); n > maxTilePictures {
		return nil, fmt.Errorf("%s: %d pictures: accepted for the comparison of pictures are %d: cut the file", f.name, n, maxTilePictures)
	}
	return b.raw(ctx, w, h, len(f.packets), "-i", f.name, "-map", "0:v", "-vf", fmt.Sprintf("scale=%d:%d:flags=bicubic", w, h))
}

// maxTilePictures bounds the memory that tiles takes: 100 kB for each picture of a 3x3 wall at 720p.
const maxTilePictures = 4500
