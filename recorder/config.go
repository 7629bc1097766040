package recorder

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// Config holds the settings of a Recorder. Dir is required. Zero in any other field means the default.
type Config struct {
	Dir     string        // the spool's folder
	Segment time.Duration // length of a segment; segment boundaries are its wall-clock multiples; default 4 s
	Part    time.Duration // length of a part; a crash loses about one part; default 1 s
	Queue   int           // packets that may wait for the disk, per recording; default 1024: 14 s of 25 fps with audio
	Drain   time.Duration // how long Run may continue to upload after its context has ended; default 10 s
	Timeout time.Duration // how long one upload may take; default 2 min
}

func (c Config) withDefaults() Config {
	c.Segment = cmp.Or(c.Segment, 4*time.Second)
	c.Part = cmp.Or(c.Part, time.Second)
	c.Queue = cmp.Or(c.Queue, 1024)
	c.Drain = cmp.Or(c.Drain, 10*time.Second)
	c.Timeout = cmp.Or(c.Timeout, 2*time.Minute)
	return c
}

// Validate returns an error with a line for each wrong field. The line names the field and its accepted range.
func (c Config) Validate() error {
	c = c.withDefaults()
	var errs []error
	refuse := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	refuse(c.Dir == "", "dir: missing")
	refuse(c.Segment < time.Second || c.Segment > time.Minute, "segment: %s: accepted are 1s to 1m", c.Segment)
	refuse(c.Part < 100*time.Millisecond || c.Part > c.Segment, "part: %s: accepted are 100ms to %s, the segment's length", c.Part, c.Segment)
	refuse(c.Queue < 16 || c.Queue > 1<<16, "queue: %d: accepted are 16 to 65536 packets", c.Queue)
	refuse(c.Drain < 0, "drain: %s: accepted are 0s and more", c.Drain)
	refuse(c.Timeout < time.Second, "timeout: %s: accepted are 1s and more", c.Timeout)
	return errors.Join(errs...)
}
