#ifndef AZULEJO_SHRINK_H
#define AZULEJO_SHRINK_H

#include <stddef.h>
#include <stdint.h>

// area is one plane of 8-bit samples.
struct area {
	uint8_t *pix;
	ptrdiff_t stride;
	int width, height;
};

// shrink scales planes of one size down. Each result sample is the average of the area that it covers, with an error of at
// most two.
struct shrink;

// loops are the inner loops of scaling. portable_loops run on every processor. best_loops returns the fastest loops that
// this processor can run.
struct loops;
extern const struct loops portable_loops;
const struct loops *best_loops(void);

// shrink_new returns a shrink for planes of one size, which shrink_free frees; NULL if memory is exhausted. The result may
// be neither wider nor higher than the source.
struct shrink *shrink_new(const struct loops *loops, int from_width, int from_height, int to_width, int to_height);

// shrink_trim returns how many source samples of a row are used. They are those in the middle. from is the number of source
// samples, and to the number of result samples. Up to 1/256 of the source samples are left out if each result sample then
// covers fewer source samples. For example, 1280 to 426 is a ratio of 3.005, so some result samples cover parts of five
// source samples; 1278 to 426 is a ratio of exactly 3.
int shrink_trim(int from, int to);

// shrink_reset prepares s for the next frame. It must be called before each frame.
void shrink_reset(struct shrink *s);

// shrink_rows makes the rows of to that need only the first ready rows of from, and that earlier calls have not made yet. It
// tells whether to is complete.
int shrink_rows(struct shrink *s, struct area to, struct area from, int ready);

void shrink_free(struct shrink *s);

#endif
