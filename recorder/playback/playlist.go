package playback

import (
	"fmt"
	"io"
	"time"

	"azulejo/recorder/index"
)

// minTarget is the least target duration of a playlist. It is the default length of a segment. The target
// duration of a growing playlist must not change, but the first segments may be shorter than later ones.
const minTarget = 4 * time.Second

// writePlaylist writes a media playlist (RFC 8216). segments must be sorted by start. All addresses in the
// playlist end in query. A playlist that grows has the type EVENT and no end tag, because later versions of
// it only append segments.
func writePlaylist(w io.Writer, segments []index.Segment, query string, grows bool) error {
	playlistType := "VOD"
	if grows {
		playlistType = "EVENT"
	}
	p := &printer{w: w}
	p.f("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:%d\n", target(segments))
	p.f("#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:%s\n#EXT-X-INDEPENDENT-SEGMENTS\n", playlistType)
	for i, s := range segments {
		switch {
		case i == 0:
			p.f("#EXT-X-MAP:URI=\"init/%s.mp4%s\"\n", s.Init, query)
		case s.Run() != segments[i-1].Run():
			p.f("#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"init/%s.mp4%s\"\n", s.Init, query)
		case s.Seq != segments[i-1].Seq+1:
			p.f("#EXT-X-DISCONTINUITY\n")
		}
		p.f("#EXT-X-PROGRAM-DATE-TIME:%s\n", s.Start.UTC().Format("2006-01-02T15:04:05.000Z"))
		p.f("#EXTINF:%.3f,\nsegments/%s%s\n", s.Duration.Seconds(), s.Base(), query)
	}
	if !grows {
		p.f("#EXT-X-ENDLIST\n")
	}
	return p.err
}

// target returns the target duration: that of the longest segment, at least minTarget, rounded to whole
// seconds (RFC 8216, 4.3.3.1).
func target(segments []index.Segment) int {
	longest := minTarget
	for _, s := range segments {
		longest = max(longest, s.Duration)
	}
	return int(longest.Round(time.Second) / time.Second)
}

// printer writes to w until a write fails. It keeps this error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) f(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}
