package main

// A frame of the wall does not say which frames of the footage its tiles show: every camera has its own phase, and a tick
// may repeat or skip a frame of the footage. Therefore every tile is compared with several frames of the footage, and the
// most similar frame counts. These are the frames around the last match of the same tile. The tiles of the server's wall and
// of ffmpeg's wall are compared in the same way.
const (
	alignBack  = 3    // how many frames before the last match are tried
	alignAhead = 5    // how many frames after the last match are tried
	alignFall  = 0.02 // the similarity (SSIM) may fall by this since the last match; if it falls more, all frames are tried
)

// tracker finds the frames of the footage that one tile shows. It expects that the tile plays the footage in a loop.
type tracker struct {
	reference      []luma  // every frame of the footage, scaled to the size of the tile
	last           int     // index of the last match in reference; -1 before the first
	lastSimilarity float64 // similarity of the last match
}

func newTracker(reference []luma) *tracker { return &tracker{reference: reference, last: -1} }

// match returns the index of the frame in reference that is most similar to tile, and the similarity (SSIM) of both.
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

// edge reports whether index is the first or the last of the frames around the last match. If it is, a frame beyond them may
// be more similar.
func (t *tracker) edge(index int) bool {
	n := len(t.reference)
	return index == (t.last-alignBack+n)%n || index == (t.last+alignAhead)%n
}

// best returns the frame that is most similar to tile among n frames of the footage. The first of these has the index first,
// which may be negative. Indexes wrap around at both ends of the footage.
func (t *tracker) best(tile luma, first, n int) (index int, similarity float64, err error) {
	size := len(t.reference)
	similarity = -2
	for i := range min(n, size) {
		wrapped := ((first+i)%size + size) % size
		s, err := ssim(tile, t.reference[wrapped])
		if err != nil {
			return 0, 0, err
		}
		if s > similarity {
			index, similarity = wrapped, s
		}
	}
	return index, similarity, nil
}
