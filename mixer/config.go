package mixer

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Config says how a room is mixed and encoded. Each comment ends with the default that WithDefaults sets, if there is one.
type Config struct {
	Width, Height int           // canvas in pixels, even; 1280x720
	FPS           int           // frames a second; 25
	Bitrate       int           // cap for video in the size of the canvas, in bits a second; 2 Mb/s at 1280x720, in proportion to the pixels
	Quality       int           // the lowest (best) CRF, on the scale of x264; it saves bits while little moves; 26
	Rungs         []string      // sizes that a view is encoded in, named by the shorter side in pixels; "720p", "360p", "180p"
	AudioBitrate  int           // bitrate of an audio rendition, in bits a second; 96000
	Preset        string        // x264's preset; "superfast"
	GOP           time.Duration // recorded renditions have a keyframe at each multiple of this time; 4 s
	Labels        bool          // draw the names of sources on their tiles
	Clock         bool          // draw the time of day on the canvas
	MaxPixels     int           // most pixels of a source's frame; larger frames are not shown; 8294400 (3840x2160)
	Epoch         time.Time     // zero of the room's media time; the last multiple of GOP on the wall clock
}

// WithDefaults returns c with defaults in place of zero fields.
func (c Config) WithDefaults() Config {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&c.Width, 1280)
	set(&c.Height, 720)
	set(&c.FPS, 25)
	set(&c.Bitrate, max(150_000, 2_000_000*c.Width/1280*c.Height/720))
	set(&c.Quality, 26)
	set(&c.AudioBitrate, 96_000)
	set(&c.MaxPixels, 8_294_400)
	if c.Preset == "" {
		c.Preset = "superfast"
	}
	if len(c.Rungs) == 0 {
		c.Rungs = []string{"720p", "360p", "180p"}
	}
	if c.GOP == 0 {
		c.GOP = 4 * time.Second
	}
	if c.Epoch.IsZero() {
		now := time.Now()
		c.Epoch = now.Add(-time.Duration(now.UnixNano() % int64(c.GOP)))
	}
	return c
}

// Validate returns an error with a line for each bad field. The line names the field and the accepted range. Call it on the
// result of WithDefaults.
func (c Config) Validate() error {
	var errs refusals
	errs.add(c.Width < 64 || c.Width > 7680 || c.Width%2 != 0, "mix.width: %d: accepted are even numbers from 64 to 7680", c.Width)
	errs.add(c.Height < 64 || c.Height > 4320 || c.Height%2 != 0, "mix.height: %d: accepted are even numbers from 64 to 4320", c.Height)
	errs.add(c.FPS < 1 || c.FPS > 60, "mix.fps: %d: accepted are 1 to 60", c.FPS)
	errs.add(c.Bitrate < 10_000 || c.Bitrate > 100_000_000, "mix.bitrate: %d: accepted are 10000 to 100000000 bits a second", c.Bitrate)
	errs.add(c.Quality < 1 || c.Quality > 51, "mix.quality: %d: accepted are 1 (best) to 51", c.Quality)
	errs.add(c.GOP < 500*time.Millisecond || c.GOP > time.Minute, "recording.segment: %v: accepted are 500ms to 1m", c.GOP)
	errs.add(c.MaxPixels < 4096, "limits.source_pixels: %d: accepted are 4096 and more", c.MaxPixels)
	errs.add(len(c.Rungs) < 1 || len(c.Rungs) > maxRungs, "mix.rungs: %d of them: accepted are 1 to %d", len(c.Rungs), maxRungs)
	for i, name := range c.Rungs {
		_, err := ParseRung(name)
		errs.add(err != nil, "mix.rungs[%d]: %v", i, err)
		errs.add(slices.Contains(c.Rungs[:i], name), "mix.rungs[%d]: %q twice: accepted is each once", i, name)
	}
	return errors.Join(errs...)
}

// maxRungs is the largest number of sizes that a view is encoded in.
const maxRungs = 8

// refusals collects what is wrong with the fields of a struct.
type refusals []error

// add adds an error if bad is true.
func (r *refusals) add(bad bool, format string, args ...any) {
	if bad {
		*r = append(*r, fmt.Errorf(format, args...))
	}
}

// QualityOf returns Quality on the scale of the encoder for a codec. The scale of x264 ends at 51. The scale of libvpx,
// which encodes VP8, ends at 63.
func (c Config) QualityOf(codec Codec) int {
	if codec == VP8 {
		return c.Quality * 63 / 51
	}
	return c.Quality
}
