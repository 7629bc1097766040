package mixer

import (
	"strings"
	"testing"
)

func TestRungsAreValidated(t *testing.T) {
	good := Config{}.WithDefaults()
	if got := strings.Join(good.Rungs, " "); got != "720p 360p 180p" {
		t.Errorf("the rungs are %s unless said otherwise", got)
	}
	for _, rungs := range [][]string{{"1080p"}, {"180p", "64p", "4320p"}} {
		good.Rungs = rungs
		if err := good.Validate(); err != nil {
			t.Errorf("%v: %v", rungs, err)
		}
	}
	for _, bad := range []string{"", "p", "720", "720i", "0720p", "+720p", "-2p", "62p", "4322p", "361p", "7e2p", "720pp", "99999999999999999999p", "720p 360p"} {
		good.Rungs = []string{"180p", bad}
		if err := good.Validate(); err == nil || !strings.Contains(err.Error(), "mix.rungs[1]: ") || !strings.Contains(err.Error(), "such as 720p") {
			t.Errorf("%q: got %v; want an error that names mix.rungs and what is accepted", bad, err)
		}
	}
	for _, bad := range [][]string{{"720p", "720p"}, make([]string, 9)} {
		good.Rungs = bad
		if err := good.Validate(); err == nil || !strings.Contains(err.Error(), "accepted") {
			t.Errorf("%q: got %v; want it refused", bad, err)
		}
	}
}

// TestQualityIsOnTheScaleOfTheEncoder: quality 26 of x264, whose scale ends at 51, is 32 of libvpx, whose scale ends at 63.
func TestQualityIsOnTheScaleOfTheEncoder(t *testing.T) {
	c := Config{}.WithDefaults()
	for id, want := range map[Codec]int{H264: 26, VP8: 32} {
		if got := c.QualityOf(id); got != want {
			t.Errorf("%s: a quality of %d; want %d", id, got, want)
		}
	}
}
