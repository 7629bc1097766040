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

// shrink scales one plane of each frame down. A sample is the average of the area that it covers, with an error of one or
// two.
struct shrink;

// lanes are the inner loops: plain_lanes for every processor, best_lanes with the best instructions of this one.
struct lanes;
extern const struct lanes plain_lanes;
const struct lanes *best_lanes(void);

// shrink_new is for planes of one size. Neither side of the result may be larger. NULL: out of memory.
struct shrink *shrink_new(const struct lanes *lanes, int from_width, int from_height, int to_width, int to_height);

// shrink_trim returns how much of a length is used, from its middle. It leaves out up to 1/256 where each sample is then
// made of fewer samples: 1280 to 426 is 3.005 to one, so that a sample touches five, while 1278 to 426 is exactly three.
int shrink_trim(int from, int to);

// shrink_reset is called before each frame.
void shrink_reset(struct shrink *s);

// shrink_rows makes the rows of to that need only the first ready rows of from. It tells whether to is complete.
int shrink_rows(struct shrink *s, struct area to, struct area from, int ready);

void shrink_free(struct shrink *s);

#endif
