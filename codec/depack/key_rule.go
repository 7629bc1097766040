package depack

// plainIntra is the number of I pictures without any mark after which the next one counts as a keyframe, if the stream has
// not marked any keyframe.
const plainIntra = 2

// keyRule decides which access units are keyframes. An IDR or IRAP picture is a keyframe. Some cameras never send one. So an
// access unit also counts as a keyframe in these cases:
//   - It has a recovery point, unless the refresh of an earlier recovery point is still going on. Encoders with gradual
//     intra refresh may send a recovery point with each picture.
//   - It consists of I slices, and carries a parameter set.
//   - It consists of I slices, and the stream has not marked any keyframe so far. The first I pictures do not count,
//     because encoders with rare IDR pictures insert such I pictures where the scene changes.
type keyRule struct {
	marked  bool // the stream marks its keyframes
	plain   int  // I pictures so far that had no mark
	refresh int  // frames until the refresh after the last recovery point is complete
}

// isKey tells whether an access unit is a keyframe. It must be called for each access unit of a stream, in order. roles are
// the roles of its NAL units, and r is its recovery point.
func (k *keyRule) isKey(roles roleSet, r recovery) bool {
	k.refresh = max(k.refresh-1, 0)
	onlyIntra := roles[intra] && !roles[inter]
	switch {
	case roles[randomAccess]:
		k.refresh = 0
	case r.known && k.refresh == 0:
		k.refresh = r.frames
	case onlyIntra && roles[paramSet]:
	case onlyIntra && !k.marked && !r.known:
		k.plain++
		return k.plain > plainIntra
	default:
		return false
	}
	k.marked = true
	return true
}
