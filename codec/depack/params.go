package depack

import (
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
	info nalInfo
	nal  []byte
}

// store stores a copy of nal. The copy replaces the parameter set of the same kind and ID. store ignores a nal that is larger
// than maxParamSet.
func (s *paramSets) store(info nalInfo, nal []byte) {
	if len(nal) > maxParamSet {
		return
	}
	i, found := slices.BinarySearchFunc(*s, info, func(set storedSet, target nalInfo) int {
		return cmp.Or(cmp.Compare(set.info.setKind, target.setKind), cmp.Compare(set.info.setID, target.setID))
	})
	if !found {
		*s = slices.Insert(*s, i, storedSet{info: info})
	}
	(*s)[i].nal = append((*s)[i].nal[:0], nal...)
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
