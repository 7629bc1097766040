package peer

import (
	"slices"
	"strings"

	"github.com/pion/sdp/v3"

	"azulejo/signal/refusal"
)

// MaxLayers is how many simulcast layers a client may send; browsers send three at most.
const MaxLayers = 3

// layersOf are the names of the video layers, in the order of a=simulcast (RFC 8853). Without simulcast it is one empty
// name.
func layersOf(d *sdp.SessionDescription) []string {
	for _, m := range sections(d, "video") {
		if rids := sentLayers(m); len(rids) > 0 {
			return rids
		}
	}
	return []string{""}
}

// sentLayers parses "send a;b,c;~d recv …": streams in order, each with alternatives; ~ marks those that start paused.
// Only the first alternative is used.
func sentLayers(m *sdp.MediaDescription) []string {
	value, _ := m.Attribute("simulcast")
	fields := strings.Fields(value)
	i := slices.Index(fields, "send")
	if i < 0 || i+1 == len(fields) {
		return nil
	}
	var rids []string
	for stream := range strings.SplitSeq(fields[i+1], ";") {
		rid, _, _ := strings.Cut(stream, ",")
		if rid = strings.TrimPrefix(rid, "~"); rid != "" && !slices.Contains(rids, rid) {
			rids = append(rids, rid)
		}
	}
	return rids
}

// checkLayers limits the number of layers that a client may send.
func checkLayers(d *sdp.SessionDescription) error {
	for _, m := range d.MediaDescriptions {
		n := 0
		for _, a := range m.Attributes {
			if a.Key == "rid" {
				n++
			}
		}
		if n = max(n, len(sentLayers(m))); n > MaxLayers {
			return refusal.New(CodeBadSDP, "the %s section has %d layers (a=rid); accepted are up to %d", m.MediaName.Media, n, MaxLayers)
		}
	}
	return nil
}
