package main

// A frame of the wall does not tell which frames of the footage its tiles show: every camera has its own phase, and a tick
// may repeat or skip a frame of the footage. Therefore every tile is compared with several frames of the footage around the
// frame that matched this tile last, and the most similar one counts. The tiles of our wall and of the peer's wall are
// compared in the same way.
const (
	alignBack  = 3    // how many frames before the last match are tried
	alignAhead = 5    // how many frames after the last match are tried
	alignFall  = 0.02 // if the similarity falls by more than this since the last match, all frames are tried
)

// tracker finds the frames of the footage that one tile shows. The footage is played in a loop.
type tracker struct {
	reference      []luma  // every frame of the footage, scaled to the size of the tile
	last           int     // index of the last match in reference; -1 before the first
	lastSimilarity float64 // similarity of the last match
}

func newTracker(reference []luma) *tracker { return &tracker{reference: reference, last: -1} }

// match returns the index of the footage's frame that is most similar to tile, and its similarity.
func (t *tracker) match(tile luma) (index int, similarity float64, err error) {
	found := false
	if t.last >= 0 {
		index, similarity, err = t.best(tile, t.last-alignBack, alignBack+1+alignAhead)
		found = !t.edge(index) && similarity > t.lastSimilarity-alignFall
	}
	if !found && err == nil {
		index, similarity, err = t.best(tile, 0, len(t.reference))
	}
	t.last, t.lastSimilarity = index, similarity
	return index, similarity, err
}

// edge tells whether a match is the first or the last of the frames that were tried around the last match. A frame outside
// of them may be more similar then.
func (t *tracker) edge(index int) bool {
	n := len(t.reference)
	return index == (t.last-alignBack+n)%n || index == (t.last+alignAhead)%n
}

// best returns the frame most similar to tile among n frames of the footage from index first on. The first frame of the
// footage follows after its last one.
func (t *tracker) best(tile luma, first, n int) (index int, similarity float64, err error) {
	size := len(t.reference)
	similarity = -2
	for i := range min(n, size) {
		at := ((first+i)%size + size) % size
		s, err := ssim(tile, t.reference[at])
		if err != nil {
			return 0, 0, err
		}
		if s > similarity {
			index, similarity = at, s
		}
	}
	return index, similarity, nil
}
