#ifndef AZULEJO_BAND_H
#define AZULEJO_BAND_H

#include <libavcodec/avcodec.h>
#include "shrink.h"

enum { BAND_MOST = 8 };

// band is what is made of a picture while it is decoded.
struct band {
	struct cut {
		struct shrink *planes[3];
		struct area to[3];
		int x, y, width, height; // the part of the picture that it shows
		int done;                // planes that are made
	} cuts[BAND_MOST];
	int n;             // of them; 0: nothing is made
	int width, height; // of the whole picture, as it will be shown
	const uint8_t *of; // the first sample of the picture that is decoded; NULL before, and after anything strange
	int ready;         // its rows so far
};

// watch_bands lets a decoder tell b of its rows. b lives as long as the decoder.
void watch_bands(AVCodecContext *c, struct band *b);

// band_done tells whether everything was made of the picture that begins at of.
int band_done(const struct band *b, const AVFrame *of);

// cut_rows goes on with c as far as the first ready rows of f allow.
void cut_rows(struct cut *c, const AVFrame *f, int ready);

#endif
