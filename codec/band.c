#include "band.h"

// samples converts a length in pixels to a number of samples in plane i of 4:2:0.
static int samples(int length, int i) { return i ? (length + 1) / 2 : length; }

void cut_rows(struct cut *c, const AVFrame *f, int ready)
{
	c->done = 0;
	// From here on, ready counts rows from the top of the cutout's part. Until the part is complete, ready is even, so that
	// it stands for whole chroma rows.
	ready = ready - c->y < c->height ? (ready - c->y) & ~1 : c->height;
	for (int i = 0; i < 3; i++) {
		uint8_t *first = f->data[i] + samples(c->y, i) * (ptrdiff_t)f->linesize[i] + samples(c->x, i);
		struct area src = {first, f->linesize[i], samples(c->width, i), samples(c->height, i)};
		c->done += shrink_rows(c->planes[i], c->dst[i], src, samples(ready, i));
	}
}

// on_band continues the cutouts with newly decoded rows of src: height rows, the first of which is row y. It is FFmpeg's
// callback draw_horiz_band. FFmpeg calls it when these rows are final, from the top of a frame to its bottom.
static void on_band(AVCodecContext *c, const AVFrame *src, int offset[AV_NUM_DATA_POINTERS], int y, int type, int height)
{
	struct band *b = c->opaque;
	const int both_fields = 3; // PICT_FRAME of FFmpeg

	(void)offset;
	if (!b->n)
		return;
	if (y == 0) {
		int expected = type == both_fields && c->width == b->width && c->height == b->height && src->format == AV_PIX_FMT_YUV420P;
		b->first = expected ? src->data[0] : NULL;
		b->ready = 0;
		for (int i = 0; i < b->n; i++)
			for (int k = 0; k < 3; k++)
				shrink_reset(b->cuts[i].planes[k]);
	}
	if (src->data[0] != b->first || y != b->ready) {
		b->first = NULL;
		return;
	}
	b->ready = y + height;
	for (int i = 0; i < b->n; i++)
		cut_rows(&b->cuts[i], src, b->ready);
}

void watch_bands(AVCodecContext *c, struct band *b)
{
	c->opaque = b;
	c->draw_horiz_band = on_band;
}

int band_done(const struct band *b, const AVFrame *f)
{
	if (!b->n || !b->first || b->first != f->data[0])
		return 0;
	for (int i = 0; i < b->n; i++)
		if (b->cuts[i].done < 3)
			return 0;
	return 1;
}
