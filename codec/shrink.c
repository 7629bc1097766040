#include "shrink.h"
#include <stdlib.h>
#include "lanes.h"

struct shrink {
	const struct lanes *lanes;
	int width;
	struct axis x, y;
	ptrdiff_t stride;       // of kept: whole lanes
	uint8_t *kept, *turned; // LANES rows that are as wide as before, and the same by columns
	int done, waiting;      // rows: that are made, and that are kept
};

// share rounds i samples of n to 256ths.
static int share(int64_t i, int64_t n) { return (512 * i / n + 1) / 2; }

// make_span finds what sample i is made of, in samples that are cut into as many parts as there will be.
static void make_span(struct axis *a, int i, int64_t from)
{
	int64_t begin = i * from, end = begin + from, n = a->n;
	int first = begin / n, given = 0;
	uint16_t *w = a->weights + (size_t)i * a->most;
	struct span s = {first, 0};

	for (int k = first; k * n < end; k++) {
		int64_t until = (k + 1) * n < end ? (k + 1) * n : end;
		int weight = share(until - begin, from) - given;
		given += weight;
		if (weight)
			w[s.taps++] = weight;
		else if (!s.taps)
			s.first = k + 1;
	}
	a->spans[i] = s;
}

static int make_axis(struct axis *a, int from, int to)
{
	*a = (struct axis){to, (from + to - 1) / to + 1, calloc(to, sizeof *a->spans), NULL};
	a->weights = calloc((size_t)to * a->most, sizeof *a->weights);
	if (!a->spans || !a->weights)
		return 0;
	for (int i = 0; i < to; i++)
		make_span(a, i, from);
	return 1;
}

const struct lanes plain_lanes = {down, across};

struct shrink *shrink_new(const struct lanes *lanes, int from_width, int from_height, int to_width, int to_height)
{
	struct shrink *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->lanes = lanes;
	s->width = from_width;
	s->stride = (from_width + LANES - 1) / LANES * LANES;
	s->kept = calloc(LANES, s->stride);
	s->turned = calloc(LANES, s->stride);
	if (!make_axis(&s->x, from_width, to_width) || !make_axis(&s->y, from_height, to_height) || !s->kept || !s->turned) {
		shrink_free(s);
		return NULL;
	}
	return s;
}

void shrink_begin(struct shrink *s) { s->done = s->waiting = 0; }

// flush makes what is kept narrower.
static void flush(struct shrink *s, struct area to)
{
	to.pix += s->done * to.stride;
	to.height = s->waiting;
	s->lanes->across(to, &s->x, s->kept, s->stride, s->turned);
	s->done += s->waiting;
	s->waiting = 0;
}

int shrink_rows(struct shrink *s, struct area to, struct area from, int ready)
{
	for (int y = s->done + s->waiting; y < to.height; y++) {
		struct span span = s->y.spans[y];
		if (span.first + span.taps > ready)
			break;
		s->lanes->down(s->kept + s->waiting * s->stride, s->width, from.pix, from.stride, span, s->y.weights + (size_t)y * s->y.most);
		if (++s->waiting == LANES || y + 1 == to.height)
			flush(s, to);
	}
	return s->done == to.height;
}

static void free_axis(struct axis *a)
{
	free(a->spans);
	free(a->weights);
}

void shrink_free(struct shrink *s)
{
	if (!s)
		return;
	free_axis(&s->x);
	free_axis(&s->y);
	free(s->kept);
	free(s->turned);
	free(s);
}
