package peer

import (
	"slices"
	"strings"

	"github.com/pion/sdp/v3"

	"azulejo/signal/refusal"
)

// MaxLayers is how many simulcast layers a client may send; browsers send three at most.
const MaxLayers = 3

// layersOf returns the RIDs of the video layers in the order of a=simulcast (RFC 8853). Without simulcast it returns one
// empty string.
func layersOf(d *sdp.SessionDescription) []string {
	for _, m := range sections(d, "video") {
		if rids := sentLayers(m); len(rids) > 0 {
			return rids
		}
	}
	return []string{""}
}

// sentLayers returns the RIDs that the client sends in a section, from the value of a=simulcast. In "send a;b,c;~d recv …",
// ";" separates the layers, "," separates the alternatives of a layer, and "~" marks an alternative that starts paused. Only
// the first alternative of a layer is used.
func sentLayers(m *sdp.MediaDescription) []string {
	value, _ := m.Attribute("simulcast")
	fields := strings.Fields(value)
	i := slices.Index(fields, "send")
	if i < 0 || i+1 == len(fields) {
		return nil
	}
	var rids []string
	for layer := range strings.SplitSeq(fields[i+1], ";") {
		rid, _, _ := strings.Cut(layer, ",")
		if rid = strings.TrimPrefix(rid, "~"); rid != "" && !slices.Contains(rids, rid) {
			rids = append(rids, rid)
		}
	}
	return rids
}

// checkLayers refuses a section that has more than MaxLayers layers.
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
