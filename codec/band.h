#ifndef AZULEJO_BAND_H
#define AZULEJO_BAND_H

#include <libavcodec/avcodec.h>
#include "shrink.h"

// band is what is shrunk of a picture while it is decoded.
struct band {
	struct area to[3];
	int twice;         // as shrink_rows has it; 0: nothing is
	int width, height; // of the whole picture, as it will be shown
	const uint8_t *of; // the first sample of the picture that is decoded; NULL before, and after anything strange
	int ready;         // its rows so far
	int done[3];       // rows of each plane
};

// watch_bands lets a decoder tell b of its rows. b lives as long as the decoder.
void watch_bands(AVCodecContext *c, struct band *b);

// band_done tells whether all of the picture that begins at of was shrunk.
int band_done(const struct band *b, const AVFrame *of);

#endif
