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

// footage is a clip in H.264 with a known frame size in pixels. The cameras play it, and the case ssim compares walls with it.
type footage struct {
	*load.Clip
	width, height int
}

// readFootage reads a file. It takes the frame size from the first keyframe that has one.
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

// String returns the size and the frame rate, as in 1280x720@15.
func (f *footage) String() string { return fmt.Sprintf("%dx%d@%.3g", f.width, f.height, f.FPS()) }

// keyBefore returns the index of the last keyframe that is not after frame n.
func (f *footage) keyBefore(n int) int {
	key := 0
	for _, k := range f.Keyframes() {
		if k <= n {
			key = k
		}
	}
	return key
}

// rotate returns the name of a file that starts with the keyframe at index key of f, plays to the end of f, and then from the
// start of f to the frame before key. Such a file is for ffmpeg, which can loop only whole files. A second call with the same
// key returns the same name.
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
		start := f.Packets[key].PTS.Seconds()
		list = fmt.Sprintf("%sinpoint %.6f\n%soutpoint %.6f\n", quoted, start, quoted, start)
	}
	index := out + ".txt"
	if err = os.WriteFile(index, []byte(list), 0o600); err != nil {
		return "", err
	}
	_, err = b.ffmpeg(ctx, "-f", "concat", "-safe", "0", "-i", index, "-map", "0:v", "-c", "copy", out)
	return out, err
}

// stillClip makes a clip of two seconds that repeats frame n of f, like a camera on a scene without motion. All frames of the
// clip are equal after decoding, because it is encoded with a constant quantizer and without the deblocking filter.
func (b *bench) stillClip(ctx context.Context, f *footage, n int) (*load.Clip, error) {
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

// scaledFrames decodes all frames of f and scales each to w by h pixels with the bicubic filter. It returns the luma planes of
// the scaled frames.
func (b *bench) scaledFrames(ctx context.Context, f *footage, w, h int) ([]luma, error) {
	if n := len(f.Packets); n > maxScaledFrames {
		return nil, fmt.Errorf("%s: %d frames: accepted for the comparison of frames are %d: cut the file", f.Name, n, maxScaledFrames)
	}
	return b.lumaFrames(ctx, w, h, len(f.Packets), "-i", f.Name, "-map", "0:v", "-vf", fmt.Sprintf("scale=%d:%d:flags=bicubic", w, h))
}

// maxScaledFrames limits the memory of the scaled frames. One frame takes 100 kB for a 3x3 wall at 720p, so 4500 take 450 MB.
const maxScaledFrames = 4500
