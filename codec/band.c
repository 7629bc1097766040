#include "band.h"

// take_band is called by the decoder with rows that will not change any more, from the top to the bottom of a picture.
static void take_band(AVCodecContext *c, const AVFrame *src, int offset[AV_NUM_DATA_POINTERS], int y, int type, int height)
{
	struct band *b = c->opaque;
	const int frame = 3; // both fields

	(void)offset;
	if (!b->twice)
		return;
	if (y == 0) {
		b->of = type == frame && c->width == b->width && c->height == b->height && src->format == AV_PIX_FMT_YUV420P ? src->data[0] : NULL;
		b->ready = b->done[0] = b->done[1] = b->done[2] = 0;
	}
	if (src->data[0] != b->of || y != b->ready) {
		b->of = NULL;
		return;
	}
	b->ready = y + height;
	for (int i = 0; i < 3; i++) {
		int shift = i > 0;
		struct area from = {src->data[i], src->linesize[i], (b->width + shift) >> shift, (b->height + shift) >> shift};
		b->done[i] = shrink_rows(b->to[i], from, b->twice, b->done[i], b->ready >> shift);
	}
}

void watch_bands(AVCodecContext *c, struct band *b)
{
	c->opaque = b;
	c->draw_horiz_band = take_band;
}

int band_done(const struct band *b, const AVFrame *of)
{
	return b->twice && b->of && b->of == of->data[0] &&
		b->done[0] == b->to[0].height && b->done[1] == b->to[1].height && b->done[2] == b->to[2].height;
}
