package depack

import (
	"bytes"
	"cmp"
	"slices"

	"azulejo/codec/h264"
)

// maxParamSet is the maximum size of a stored parameter set in bytes. Real ones have tens of bytes.
const maxParamSet = 4096

// paramSets stores the newest parameter set of each kind and ID. It is sorted by kind in the order in which a stream must
// carry parameter sets: VPS, SPS, PPS.
type paramSets []storedSet

// storedSet is a parameter set in paramSets.
type storedSet struct {
	info      nalInfo
	nal       []byte
	signalled bool // the parameter set comes from SDP, and not from the stream
}

// store stores a copy of the parameter set nal from the stream. The copy replaces the parameter set of the same kind and ID.
// It also removes all parameter sets of this kind that come from SDP, because SDP may describe another stream of the camera.
// store ignores a nal that is larger than maxParamSet.
func (s *paramSets) store(info nalInfo, nal []byte) {
	if len(nal) > maxParamSet {
		return
	}
	*s = slices.DeleteFunc(*s, func(set storedSet) bool { return set.signalled && set.info.setKind == info.setKind })
	s.put(storedSet{info: info, nal: bytes.Clone(nal)})
}

// storeSignalled stores a copy of the parameter set nal from SDP. It ignores nal if the stream has sent a parameter set of the
// same kind, or if nal is larger than maxParamSet.
func (s *paramSets) storeSignalled(info nalInfo, nal []byte) {
	sent := func(set storedSet) bool { return !set.signalled && set.info.setKind == info.setKind }
	if len(nal) <= maxParamSet && !slices.ContainsFunc(*s, sent) {
		s.put(storedSet{info, bytes.Clone(nal), true})
	}
}

// put adds set. It replaces the parameter set of the same kind and ID.
func (s *paramSets) put(set storedSet) {
	i, found := slices.BinarySearchFunc(*s, set.info, func(set storedSet, target nalInfo) int {
		return cmp.Or(cmp.Compare(set.info.setKind, target.setKind), cmp.Compare(set.info.setID, target.setID))
	})
	if !found {
		*s = slices.Insert(*s, i, set)
	}
	(*s)[i] = set
}

// kinds returns a bit set of the kinds of parameter sets that are stored: bit i stands for kind i.
func (s paramSets) kinds() uint {
	var bits uint
	for _, set := range s {
		bits |= 1 << set.info.setKind
	}
	return bits
}

// annexB returns all stored parameter sets in Annex B format.
func (s paramSets) annexB() []byte {
	var out []byte
	for _, set := range s {
		out = h264.AppendNAL(out, set.nal)
	}
	return out
}

// readSetID reads the ID of a parameter set. The ID is an Exp-Golomb code at the start of b. Emulation prevention cannot
// occur so early in a NAL unit. IDs are below n, which must be a power of two. An unreadable ID counts as 0.
func readSetID(b []byte, n uint32) int {
	return int(h264.NewReader(b).UE() & (n - 1))
}
