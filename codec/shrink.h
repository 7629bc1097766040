#ifndef AZULEJO_SHRINK_H
#define AZULEJO_SHRINK_H

#include <stddef.h>
#include <stdint.h>

// area is a rectangle of 8-bit samples, such as one plane of a frame.
struct area {
	uint8_t *pix;
	ptrdiff_t stride;
	int width, height;
};

// shrink scales planes of one size down. Each result sample is the average of the source samples that it covers, with an
// error of at most 2 of 255.
struct shrink;

// loops are the inner loops of scaling. portable_loops run on every processor. best_loops returns the fastest loops that
// this processor can run.
struct loops;
extern const struct loops portable_loops;
const struct loops *best_loops(void);

// shrink_new returns a shrink for planes of one size. The caller must free it with shrink_free. It returns NULL if memory is
// exhausted. The result may be neither wider nor higher than the source.
struct shrink *shrink_new(const struct loops *loops, int src_width, int src_height, int dst_width, int dst_height);

// shrink_trim returns how many of the source samples in a row or column are used. sources is the number of source samples,
// and results the number of result samples. Up to 1/256 of the source samples are left out, half of them at each end. This
// is done only if result samples then cover fewer source samples. For example, scaling 1280 samples to 426 is a ratio of
// 3.005, so some result samples cover parts of five source samples. Scaling 1278 samples to 426 is a ratio of exactly 3.
int shrink_trim(int sources, int results);

// shrink_reset prepares s for the next frame. It must be called before each frame.
void shrink_reset(struct shrink *s);

// shrink_rows makes rows of dst from src. So far only the first ready rows of src are decoded. shrink_rows makes all rows of
// dst that need no other rows of src, except the rows that earlier calls made. It returns 1 if dst is complete, else 0.
int shrink_rows(struct shrink *s, struct area dst, struct area src, int ready);

void shrink_free(struct shrink *s);

#endif
