package playback

import (
	"fmt"
	"io"
	"time"

	"azulejo/recorder/index"
)

// minTarget is the smallest target duration of a playlist: the default length of a segment. The target duration
// of a growing playlist must not change (RFC 8216, 6.2.1). Without a minimum it would, if the first segments are
// shorter than later segments.
const minTarget = 4 * time.Second

// writePlaylist writes a media playlist (RFC 8216). segments must not be empty and must be sorted by start. All
// addresses in the playlist end in query. A playlist that grows has the type EVENT and no end tag, because its
// later versions only append segments.
func writePlaylist(w io.Writer, segments []index.Segment, query string, grows bool) error {
	playlistType := "VOD"
	if grows {
		playlistType = "EVENT"
	}
	p := &printer{w: w}
	p.printf("#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:%d\n", target(segments))
	p.printf("#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:%s\n#EXT-X-INDEPENDENT-SEGMENTS\n", playlistType)
	for i, s := range segments {
		switch {
		case i == 0:
			p.printf("#EXT-X-MAP:URI=\"init/%s.mp4%s\"\n", s.Init, query)
		case s.Run() != segments[i-1].Run():
			p.printf("#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"init/%s.mp4%s\"\n", s.Init, query)
		case s.Seq != segments[i-1].Seq+1:
			p.printf("#EXT-X-DISCONTINUITY\n")
		}
		p.printf("#EXT-X-PROGRAM-DATE-TIME:%s\n", s.Start.UTC().Format("2006-01-02T15:04:05.000Z"))
		p.printf("#EXTINF:%.3f,\nsegments/%s%s\n", s.Duration.Seconds(), s.Base(), query)
	}
	if !grows {
		p.printf("#EXT-X-ENDLIST\n")
	}
	return p.err
}

// target returns the target duration in whole seconds (RFC 8216, 4.3.3.1): the rounded duration of the longest
// segment, but at least minTarget.
func target(segments []index.Segment) int {
	longest := minTarget
	for _, s := range segments {
		longest = max(longest, s.Duration)
	}
	return int(longest.Round(time.Second) / time.Second)
}

// printer writes to w until a write fails. err is the error of this write.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}
