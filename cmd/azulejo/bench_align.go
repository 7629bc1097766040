package main

// The pictures of a wall do not tell which pictures of the footage they show: every camera has its own phase, and
// a tick may show one twice or skip one. So every tile of every picture is compared with the footage around
// what the picture before it showed, and the most similar counts. Both sides of a comparison are treated so.
const (
	alignBack  = 3    // pictures looked at before the last match
	alignAhead = 5    // and behind it
	alignFall  = 0.02 // a similarity that falls by more was not found there
)

// tracker follows one tile through the footage, which is played in a loop.
type tracker struct {
	films []luma  // the tile as it should look, for every picture of the footage
	at    int     // the last match; -1 before the first
	like  float64 // its similarity
}

func newTracker(films []luma) *tracker { return &tracker{films: films, at: -1} }

// match finds the picture of the footage that tile shows and how similar it is.
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

// edge tells whether a match lies at an end of where it was looked for: the true one may be beyond.
func (t *tracker) edge(index int) bool {
	n := len(t.films)
	return index == (t.at-alignBack+n)%n || index == (t.at+alignAhead)%n
}

// best tries n pictures from first on, in a circle.
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
