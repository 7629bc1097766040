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

// taps is of how many samples one is made at most where n are made of from.
static int taps(int64_t from, int64_t n)
{
	int most = 0;

	for (int64_t i = 0; i < n; i++) {
		int touched = ((i + 1) * from + n - 1) / n - i * from / n;
		most = touched > most ? touched : most;
	}
	return most;
}

int shrink_trim(int from, int to)
{
	int best = from;

	for (int less = from - 1; less >= to && 256 * (from - less) <= from; less--)
		if (taps(less, to) < taps(best, to))
			best = less;
	return best;
}

// weigh finds what sample i is made of: of the samples before, each of which is cut into as many parts as there will be,
// it takes as many parts as there were.
static void weigh(struct axis *a, int i, int64_t from)
{
	int64_t begin = i * from, end = begin + from, n = a->n;
	uint16_t *w = a->weights + (size_t)i * a->taps;
	int given = 0, last = from - a->taps;

	a->first[i] = begin / n < last ? begin / n : last;
	for (int k = 0; k < a->taps; k++) {
		int64_t until = (a->first[i] + k + 1) * n;
		int so_far = until <= begin ? 0 : share(until < end ? until - begin : from, from);
		w[k] = so_far - given;
		given = so_far;
	}
}

static int make_axis(struct axis *a, int all, int to)
{
	int from = shrink_trim(all, to);

	*a = (struct axis){to, taps(from, to), calloc(to, sizeof *a->first), NULL};
	a->weights = calloc((size_t)to * a->taps, sizeof *a->weights);
	if (!a->first || !a->weights)
		return 0;
	for (int i = 0; i < to; i++) {
		weigh(a, i, from);
		a->first[i] += (all - from) / 2;
	}
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
		if (s->y.first[y] + s->y.taps > ready)
			break;
		s->lanes->down(s->kept + s->waiting * s->stride, s->width, from.pix + s->y.first[y] * from.stride, from.stride, s->y.weights + (size_t)y * s->y.taps, s->y.taps);
		if (++s->waiting == LANES || y + 1 == to.height)
			flush(s, to);
	}
	return s->done == to.height;
}

static void free_axis(struct axis *a)
{
	free(a->first);
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
