package depack

import (
	"cmp"
	"slices"

	"azulejo/codec/h264"
)

// maxParamSet bounds a parameter set that is stored, in bytes. Real ones have tens.
const maxParamSet = 4096

// paramSets stores the newest parameter set of each kind and ID, in the order of sending.
type paramSets []storedSet

type storedSet struct {
	info nalInfo
	nal  []byte
}

func (s *paramSets) store(info nalInfo, nal []byte) {
	if len(nal) > maxParamSet {
		return
	}
	at, found := slices.BinarySearchFunc(*s, info, func(k storedSet, i nalInfo) int {
		return cmp.Or(cmp.Compare(k.info.kind, i.kind), cmp.Compare(k.info.id, i.id))
	})
	if !found {
		*s = slices.Insert(*s, at, storedSet{info: info})
	}
	(*s)[at].nal = append((*s)[at].nal[:0], nal...)
}

// kinds has one bit for each kind of which a parameter set is stored.
func (s paramSets) kinds() uint {
	var have uint
	for _, k := range s {
		have |= 1 << k.info.kind
	}
	return have
}

func (s paramSets) annexB() []byte {
	var out []byte
	for _, k := range s {
		out = h264.AppendNAL(out, k.nal)
	}
	return out
}

// setID reads the ID of a parameter set, which is the first code of rbsp. IDs are below n, a power of two; unreadable
// ones count as 0. Emulation prevention cannot occur that early.
func setID(rbsp []byte, n uint32) int {
	return int(h264.NewReader(rbsp).UE() & (n - 1))
}
