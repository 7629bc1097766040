package depack

import (
	"cmp"
	"math/bits"
	"slices"
)

// maxParamSet bounds a parameter set that is remembered, in bytes. Real ones have tens.
const maxParamSet = 4096

// paramSets remembers the newest parameter set of each kind and id, in the order they are sent.
type paramSets []knownSet

type knownSet struct {
	info nalInfo
	nal  []byte
}

func (s *paramSets) keep(info nalInfo, nal []byte) {
	if len(nal) > maxParamSet {
		return
	}
	at, found := slices.BinarySearchFunc(*s, info, func(k knownSet, i nalInfo) int {
		return cmp.Or(cmp.Compare(k.info.set, i.set), cmp.Compare(k.info.id, i.id))
	})
	if !found {
		*s = slices.Insert(*s, at, knownSet{info: info})
	}
	(*s)[at].nal = append((*s)[at].nal[:0], nal...)
}

// kinds has one bit for each kind that is known.
func (s paramSets) kinds() uint {
	var have uint
	for _, k := range s {
		have |= 1 << k.info.set
	}
	return have
}

func (s paramSets) annexB() []byte {
	var out []byte
	for _, k := range s {
		out = append(append(out, startCode...), k.nal...)
	}
	return out
}

// golomb reads the unsigned Exp-Golomb code at bit at (H.264, 9.1) and returns where the next one
// begins. Codes above 16 bits and those that are cut off read as ok = false. Emulation prevention is
// not undone: it cannot occur in the first fields, which are all that is read here.
func golomb(b []byte, at int) (v, next int, ok bool) {
	var word uint64
	for i := range 6 {
		word <<= 8
		if at/8+i < len(b) {
			word |= uint64(b[at/8+i])
		}
	}
	word <<= 16 + at%8
	zeros := bits.LeadingZeros64(word)
	next = at + 2*zeros + 1
	if zeros > 16 || next > 8*len(b) {
		return 0, at, false
	}
	return int(word>>(63-2*zeros)) - 1, next, true
}
