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

// shrink makes one plane of each picture smaller: a sample is the average of the area that it covers, off by one
// or two.
struct shrink;

// lanes are the inner loops, with the instructions that every processor has, or the best that this one has.
struct lanes;
extern const struct lanes plain_lanes;
const struct lanes *best_lanes(void);

// shrink_new is for planes of one size; no side of the second may be larger. NULL: there is no memory.
struct shrink *shrink_new(const struct lanes *lanes, int from_width, int from_height, int to_width, int to_height);

// shrink_trim is how much of a length is used, from its middle: up to 1/256 is left out where a sample is made of fewer so.
// 1280 to 426 is 3.005 to one, which touches five samples, and 1278 exactly three.
int shrink_trim(int from, int to);

// shrink_reset is called before each picture.
void shrink_reset(struct shrink *s);

// shrink_rows goes on as far as the first ready rows of from allow and tells whether all of to is made.
int shrink_rows(struct shrink *s, struct area to, struct area from, int ready);

void shrink_free(struct shrink *s);

#endif
