#ifndef AZULEJO_BAND_H
#define AZULEJO_BAND_H

#include <libavcodec/avcodec.h>
#include "shrink.h"

enum { BAND_MOST = 8 };

// band makes the cutouts of a frame while it is decoded.
struct band {
	struct cut {
		struct shrink *planes[3];
		struct area to[3];
		int x, y, width, height; // the part of the frame that it shows
		int done;                // planes that are complete
	} cuts[BAND_MOST];
	int n;                // number of cuts; 0: none are made
	int width, height;    // of the whole frame, after cropping
	const uint8_t *first; // first sample of the frame that is decoded; NULL: none, or its rows did not come as expected
	int ready;            // rows of it so far
};

// watch_bands makes a decoder report its rows to b. b must live as long as the decoder.
void watch_bands(AVCodecContext *c, struct band *b);

// band_done tells whether all cutouts of f are complete.
int band_done(const struct band *b, const AVFrame *f);

// cut_rows continues cutout c of f, whose first ready rows are decoded.
void cut_rows(struct cut *c, const AVFrame *f, int ready);

#endif
