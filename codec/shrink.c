#include "shrink.h"
#include <stdlib.h>
#include "lanes.h"

struct shrink {
	const struct lanes *lanes;
	int width;
	struct axis x, y;
	ptrdiff_t stride;       // of kept: whole lanes
	uint8_t *kept, *turned; // LANES rows that are scaled vertically only, by rows and by columns
	int done, waiting;      // complete rows, and rows in kept
};

// taps returns how many samples one sample is made of at most, when n samples are made of from.
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

// given returns the sum of the weights of the first k samples that sample i is made of; all weights add up to parts. It cuts
// each of the from source samples into n pieces; each of the n results takes from pieces.
static int given(const struct axis *a, int i, int64_t from, int k, int parts)
{
	int64_t start = i * from, all = (int64_t)(a->first[i] + k) * a->n - start;
	int64_t pieces = all < 0 ? 0 : all < from ? all : from;

	return (2 * parts * pieces / from + 1) / 2;
}

// weigh computes which samples sample i is made of, and their weights.
static void weigh(struct axis *a, int i, int64_t from)
{
	int first = i * from / a->n, last = from - a->taps;

	a->first[i] = first < last ? first : last;
	for (int k = 0; k < a->taps; k++)
		a->weights[(size_t)i * a->taps + k] = given(a, i, from, k + 1, 256) - given(a, i, from, k, 256);
}

// pick_four fills in group four of p: sample i and the three that follow. Past the end the last sample is repeated.
static void pick_four(struct pick *p, int four, const struct axis *a, int i, int64_t from, int before)
{
	int last = a->n - 1, start = a->first[i < last ? i : last];

	p->at[four] = start + before;
	for (int j = 0; j < 4; j++) {
		int at = i + j < last ? i + j : last;
		for (int k = 0; k < a->taps; k++) {
			p->from[four][4 * j + k] = a->first[at] + k - start;
			p->weights[four][4 * j + k] = given(a, at, from, k + 1, 128) - given(a, at, from, k, 128);
		}
	}
}

// pickable tells whether each group of four samples is made of sixteen samples, and each sample of two to four: a weight of
// 128, of one sample alone, does not fit into int8_t.
static int pickable(const struct axis *a, int64_t from)
{
	for (int i = 0; i + 3 < a->n; i += 4)
		if (a->first[i + 3] + a->taps > a->first[i] + 16)
			return 0;
	return a->taps <= 4 && 50 * from > 51 * a->n;
}

static int make_axis(struct axis *a, int all, int to)
{
	int from = shrink_trim(all, to), before = (all - from) / 2;

	*a = (struct axis){to, taps(from, to), from % to == 0, calloc(to, sizeof *a->first), NULL, NULL};
	a->weights = calloc((size_t)to * a->taps, sizeof *a->weights);
	if (!a->first || !a->weights)
		return 0;
	for (int i = 0; i < to; i++)
		weigh(a, i, from);
	if (pickable(a, from)) {
		a->picks = calloc(((size_t)to + LANES - 1) / LANES, sizeof *a->picks);
		if (!a->picks)
			return 0;
		for (int i = 0; i < to; i += LANES)
			for (int four = 0; four < 4; four++)
				pick_four(&a->picks[i / LANES], four, a, i + (int[]){0, 8, 4, 12}[four], from, before);
	}
	for (int i = 0; i < to; i++)
		a->first[i] += before;
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
	s->kept = calloc(LANES + 1, s->stride); // 16 samples are read at once, past the end of the last row
	s->turned = calloc(LANES, s->stride);
	if (!make_axis(&s->x, from_width, to_width) || !make_axis(&s->y, from_height, to_height) || !s->kept || !s->turned) {
		shrink_free(s);
		return NULL;
	}
	return s;
}

void shrink_reset(struct shrink *s) { s->done = s->waiting = 0; }

// flush scales the kept rows horizontally.
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
		s->lanes->down(s->kept + s->waiting * s->stride, s->width, from.pix + s->y.first[y] * from.stride, from.stride, &s->y, y);
		if (++s->waiting == LANES || y + 1 == to.height)
			flush(s, to);
	}
	return s->done == to.height;
}

static void free_axis(struct axis *a)
{
	free(a->first);
	free(a->weights);
	free(a->picks);
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
