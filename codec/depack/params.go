package depack

import (
	"bytes"
	"cmp"
	"slices"

	"azulejo/codec/h264"
)

// Maximum sizes of stored parameter sets in bytes. Real parameter sets have tens of bytes. The sum matters because all stored
// parameter sets may be put in front of every keyframe.
const (
	maxParamSet  = 4 << 10  // of one
	maxParamSets = 16 << 10 // of all together
)

// paramSets stores the newest parameter set of each kind and ID.
type paramSets struct {
	sets      []storedSet // sorted by kind in the order in which a stream must carry parameter sets: VPS, SPS, PPS
	size      int         // sum of their sizes in bytes
	signalled uint        // kinds of parameter sets that come from SDP: bit i stands for kind i
}

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
	if kind := uint(1) << info.setKind; s.signalled&kind != 0 {
		s.signalled &^= kind
		s.remove(func(set storedSet) bool { return set.signalled && set.info.setKind == info.setKind })
	}
	s.put(storedSet{info: info, nal: nal})
}

// storeSignalled stores a copy of the parameter set nal from SDP. It ignores nal if the stream has sent a parameter set of the
// same kind, or if nal is larger than maxParamSet.
func (s *paramSets) storeSignalled(info nalInfo, nal []byte) {
	sent := func(set storedSet) bool { return !set.signalled && set.info.setKind == info.setKind }
	if len(nal) > maxParamSet || slices.ContainsFunc(s.sets, sent) {
		return
	}
	s.put(storedSet{info, nal, true})
	s.signalled |= 1 << info.setKind
}

// put adds a copy of set. The copy replaces the parameter set of the same kind and ID. If all parameter sets together would be
// larger than maxParamSets, put removes all others.
func (s *paramSets) put(set storedSet) {
	i, found := s.find(set.info)
	if found && s.sets[i].signalled == set.signalled && bytes.Equal(s.sets[i].nal, set.nal) {
		return
	}
	if found {
		s.size -= len(s.sets[i].nal)
		s.sets = slices.Delete(s.sets, i, i+1)
	}
	if s.size+len(set.nal) > maxParamSets {
		*s, i = paramSets{}, 0
	}
	set.nal = bytes.Clone(set.nal)
	s.size += len(set.nal)
	s.sets = slices.Insert(s.sets, i, set)
}

// find returns the index at which the parameter set of the same kind and ID as info is, or must be inserted.
func (s *paramSets) find(info nalInfo) (i int, found bool) {
	return slices.BinarySearchFunc(s.sets, info, func(set storedSet, target nalInfo) int {
		return cmp.Or(cmp.Compare(set.info.setKind, target.setKind), cmp.Compare(set.info.setID, target.setID))
	})
}

// remove removes the parameter sets for which unwanted returns true.
func (s *paramSets) remove(unwanted func(storedSet) bool) {
	s.sets = slices.DeleteFunc(s.sets, unwanted)
	s.size = 0
	for _, set := range s.sets {
		s.size += len(set.nal)
	}
}

// kinds returns a bit set of the kinds of parameter sets that are stored: bit i stands for kind i.
func (s *paramSets) kinds() uint {
	var bits uint
	for _, set := range s.sets {
		bits |= 1 << set.info.setKind
	}
	return bits
}

// annexB returns all stored parameter sets in Annex B format.
func (s *paramSets) annexB() []byte {
	out := make([]byte, 0, s.size+h264.StartCodeLen*len(s.sets))
	for _, set := range s.sets {
		out = h264.AppendNAL(out, set.nal)
	}
	return out
}

// readSetID reads the ID of a parameter set. The ID is an Exp-Golomb code at the start of b. Emulation prevention cannot
// occur so early in a NAL unit. IDs are below n, which must be a power of two. An unreadable ID counts as 0.
func readSetID(b []byte, n uint32) int {
	return int(h264.NewReader(b).UE() & (n - 1))
}
