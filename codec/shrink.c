#include "shrink.h"
#include <stdlib.h>
#include "lanes.h"

struct shrink {
	const struct loops *loops;
	int width;
	struct axis x, y;
	ptrdiff_t stride; // of kept; a multiple of LANES
	uint8_t *kept;    // up to LANES rows that are scaled vertically and not yet horizontally
	uint8_t *turned;  // scratch memory: the samples of kept, transposed
	int done;         // number of result rows that are complete
	int waiting;      // number of rows in kept
};

// taps returns the largest number of source samples that one result sample covers. from is the number of source samples, and
// n the number of result samples.
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

// weight_sum returns the sum of the first k weights of result sample i. All weights of a result sample add up to total.
// weight_sum divides each source sample into as many pieces as there are result samples (a->n). Each result sample then
// covers as many pieces as there are source samples (from).
static int weight_sum(const struct axis *a, int i, int64_t from, int k, int total)
{
	int64_t start = i * from, all = (int64_t)(a->first[i] + k) * a->n - start;
	int64_t pieces = all < 0 ? 0 : all < from ? all : from;

	return (2 * total * pieces / from + 1) / 2;
}

// weigh computes which source samples result sample i covers, and their weights.
static void weigh(struct axis *a, int i, int64_t from)
{
	int first = i * from / a->n, last = from - a->taps;

	a->first[i] = first < last ? first : last;
	for (int k = 0; k < a->taps; k++)
		a->weights[(size_t)i * a->taps + k] = weight_sum(a, i, from, k + 1, 256) - weight_sum(a, i, from, k, 256);
}

// pick_four fills in a group of p: result sample i and the three that follow it. Past the end of the row, it repeats the
// last result sample. before is the number of source samples that are left out at the start of the row.
static void pick_four(struct pick *p, int group, const struct axis *a, int i, int64_t from, int before)
{
	int last = a->n - 1, start = a->first[i < last ? i : last];

	p->at[group] = start + before;
	for (int j = 0; j < 4; j++) {
		int at = i + j < last ? i + j : last;
		for (int k = 0; k < a->taps; k++) {
			p->from[group][4 * j + k] = a->first[at] + k - start;
			p->weights[group][4 * j + k] = weight_sum(a, at, from, k + 1, 128) - weight_sum(a, at, from, k, 128);
		}
	}
}

// pickable tells whether struct pick can describe the axis. Each group of four result samples must cover at most 16 source
// samples, and each result sample at most four. None may cover one source sample alone, because its weight of 128 does not
// fit into int8_t; a ratio of more than 51/50 excludes that.
static int pickable(const struct axis *a, int64_t from)
{
	for (int i = 0; i + 3 < a->n; i += 4)
		if (a->first[i + 3] + a->taps > a->first[i] + 16)
			return 0;
	return a->taps <= 4 && 50 * from > 51 * a->n;
}

// make_axis fills in a. all is the number of source samples, and to the number of result samples. It returns 0 if memory is
// exhausted.
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
			for (int group = 0; group < 4; group++)
				pick_four(&a->picks[i / LANES], group, a, i + (int[]){0, 8, 4, 12}[group], from, before);
	}
	for (int i = 0; i < to; i++)
		a->first[i] += before;
	return 1;
}

const struct loops portable_loops = {down, across};

struct shrink *shrink_new(const struct loops *loops, int from_width, int from_height, int to_width, int to_height)
{
	struct shrink *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->loops = loops;
	s->width = from_width;
	s->stride = (from_width + LANES - 1) / LANES * LANES;
	s->kept = calloc(LANES + 1, s->stride); // one row more: loads of 16 samples reach past the last row
	s->turned = calloc(LANES, s->stride);
	if (!make_axis(&s->x, from_width, to_width) || !make_axis(&s->y, from_height, to_height) || !s->kept || !s->turned) {
		shrink_free(s);
		return NULL;
	}
	return s;
}

void shrink_reset(struct shrink *s) { s->done = s->waiting = 0; }

// flush scales the rows in kept horizontally and writes them to the result.
static void flush(struct shrink *s, struct area to)
{
	to.pix += s->done * to.stride;
	to.height = s->waiting;
	s->loops->across(to, &s->x, s->kept, s->stride, s->turned);
	s->done += s->waiting;
	s->waiting = 0;
}

int shrink_rows(struct shrink *s, struct area to, struct area from, int ready)
{
	for (int y = s->done + s->waiting; y < to.height; y++) {
		if (s->y.first[y] + s->y.taps > ready)
			break;
		s->loops->down(s->kept + s->waiting * s->stride, s->width, from.pix + s->y.first[y] * from.stride, from.stride, &s->y, y);
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
