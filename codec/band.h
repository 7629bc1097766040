#ifndef AZULEJO_BAND_H
#define AZULEJO_BAND_H

#include <libavcodec/avcodec.h>
#include "shrink.h"

enum { BAND_MOST = 8 };

// band makes the cutouts of a frame while the frame is decoded.
struct band {
	struct cut {
		struct shrink *planes[3];
		struct area to[3];
		int x, y, width, height; // the part of the frame that the cutout shows
		int done;                // number of planes that are complete
	} cuts[BAND_MOST];
	int n;                // number of cutouts in cuts; 0: none are made during decoding
	int width, height;    // expected size of the whole frame, after cropping
	const uint8_t *first; // first sample of the frame being decoded; NULL: none, or its size or rows were unexpected
	int ready;            // number of the frame's rows that are decoded
};

// watch_bands makes the decoder c report the rows that it decodes to b. b must not be freed before the decoder.
void watch_bands(AVCodecContext *c, struct band *b);

// band_done tells whether all cutouts of the decoded frame f are complete.
int band_done(const struct band *b, const AVFrame *f);

// cut_rows continues to make cutout c of f. The first ready rows of f must be decoded.
void cut_rows(struct cut *c, const AVFrame *f, int ready);

#endif
