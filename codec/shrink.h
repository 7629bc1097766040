#ifndef AZULEJO_SHRINK_H
#define AZULEJO_SHRINK_H

#include <stddef.h>
#include <stdint.h>

// SHRINK_LONGEST is the width of the widest picture that can be shrunk.
#define SHRINK_LONGEST 16384

// area is one plane of 8-bit samples.
struct area {
	uint8_t *pix;
	ptrdiff_t stride;
	int width, height;
};

// shrink_rows makes rows of to, from row y on, as far as the first ready rows of from allow, and returns the row to go on
// with. twice is twice the factor by which to is smaller: 3, 4 or 6. Each sample is an average of what it covers. from may
// have a few rows and columns more than is needed: single ones are left out, evenly spread, so that nothing is far from
// where it belongs.
int shrink_rows(struct area to, struct area from, int twice, int y, int ready);

#endif
