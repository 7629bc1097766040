package main

// A frame of the wall does not tell which frames of the footage it shows: every camera has its own phase, and a tick
// may repeat or skip a frame of the footage. Therefore every tile is compared with the frames of the footage around its
// last match, and the most similar one counts. This is done for both sides of a comparison.
const (
	alignBack  = 3    // frames that are tried before the last match
	alignAhead = 5    // and after it
	alignFall  = 0.02 // when the similarity falls by more, all frames are tried
)

// tracker finds the frames of the footage that one tile shows. The footage is played in a loop.
type tracker struct {
	films []luma  // the tile as it should look, for every frame of the footage
	at    int     // the last match; -1 before the first
	like  float64 // its similarity
}

func newTracker(films []luma) *tracker { return &tracker{films: films, at: -1} }

// match finds the frame of the footage that tile shows and how similar it is.
func (t *tracker) match(tile luma) (index int, similarity float64, err error) {
	found := false
	if t.at >= 0 {
		index, similarity, err = t.best(tile, t.at-alignBack, alignBack+1+alignAhead)
		found = !t.edge(index) && similarity > t.like-alignFall
	}
	if !found && err == nil {
		index, similarity, err = t.best(tile, 0, len(t.films))
	}
	t.at, t.like = index, similarity
	return index, similarity, err
}

// edge tells whether a match is at an end of the tried frames: then the true one may lie outside.
func (t *tracker) edge(index int) bool {
	n := len(t.films)
	return index == (t.at-alignBack+n)%n || index == (t.at+alignAhead)%n
}

// best tries n frames of the footage from index first on; after the last one follows the first.
func (t *tracker) best(tile luma, first, n int) (index int, similarity float64, err error) {
	size := len(t.films)
	similarity = -2
	for i := range min(n, size) {
		at := ((first+i)%size + size) % size
		s, err := ssim(tile, t.films[at])
		if err != nil {
			return 0, 0, err
		}
		if s > similarity {
			index, similarity = at, s
		}
	}
	return index, similarity, nil
}
