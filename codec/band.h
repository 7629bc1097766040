#ifndef AZULEJO_BAND_H
#define AZULEJO_BAND_H

#include <libavcodec/avcodec.h>
#include "shrink.h"

// BAND_MOST is the maximum number of cutouts in a band.
enum { BAND_MOST = 8 };

// band makes the cutouts of a frame while the frame is decoded.
struct band {
	struct cut {
		struct shrink *planes[3]; // for Y, U and V
		struct area dst[3];       // the planes of the cutout
		int x, y, width, height;  // the part of the frame that the cutout shows, in pixels
		int done;                 // number of planes of the cutout that are complete
	} cuts[BAND_MOST];
	int n;                // number of cutouts in cuts; 0: none are made during decoding
	int width, height;    // expected size of the whole frame, after cropping
	const uint8_t *first; // first sample of the frame being decoded; NULL: none, or an unexpected size or order of rows
	int ready;            // number of rows of the frame that are decoded
};

// watch_bands makes the decoder c report its decoded rows to b. b must not be freed before the decoder.
void watch_bands(AVCodecContext *c, struct band *b);

// band_done tells whether all cutouts of the decoded frame f are complete.
int band_done(const struct band *b, const AVFrame *f);

// cut_rows makes the rows of cutout c that it can make from the first ready rows of f. These rows must be decoded. The
// function continues where its last call for f stopped.
void cut_rows(struct cut *c, const AVFrame *f, int ready);

#endif
