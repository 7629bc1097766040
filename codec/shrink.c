#include "shrink.h"
#include <stdlib.h>
#include "lanes.h"

struct shrink {
	const struct loops *loops;
	int width; // of the source
	struct axis x, y;
	ptrdiff_t stride;    // of kept; a multiple of LANES
	uint8_t *kept;       // up to LANES rows that are scaled vertically and not yet horizontally
	uint8_t *transposed; // scratch memory: the samples of kept, transposed
	int done;            // number of result rows that are complete
	int waiting;         // number of rows in kept
};

// max_taps returns the largest number of source samples that one result sample covers, also in part. sources is the number
// of source samples, and results the number of result samples.
static int max_taps(int64_t sources, int64_t results)
{
	int most = 0;

	for (int64_t i = 0; i < results; i++) {
		int touched = ((i + 1) * sources + results - 1) / results - i * sources / results;
		most = touched > most ? touched : most;
	}
	return most;
}

int shrink_trim(int sources, int results)
{
	int best = sources;

	for (int less = sources - 1; less >= results && 256 * (sources - less) <= sources; less--)
		if (max_taps(less, results) < max_taps(best, results))
			best = less;
	return best;
}

// weight_sum returns the sum of the first k weights of result sample i. All weights of a result sample add up to total. used
// is the number of used source samples. To compute with whole numbers, weight_sum divides each source sample into a->n
// pieces. Each of the a->n result samples then covers as many pieces as there are used source samples.
static int weight_sum(const struct axis *a, int i, int64_t used, int k, int total)
{
	int64_t start = i * used, all = (int64_t)(a->first[i] + k) * a->n - start;
	int64_t pieces = all < 0 ? 0 : all < used ? all : used;

	return (2 * total * pieces / used + 1) / 2;
}

// weigh computes which source samples result sample i covers, and their weights. used is the number of used source samples.
static void weigh(struct axis *a, int i, int64_t used)
{
	int first = i * used / a->n, last = used - a->taps;

	a->first[i] = first < last ? first : last;
	for (int k = 0; k < a->taps; k++)
		a->weights[(size_t)i * a->taps + k] = weight_sum(a, i, used, k + 1, 256) - weight_sum(a, i, used, k, 256);
}

// pick_four fills in a group of p: result sample i and the three that follow it. Past the end of the row, it repeats the
// last result sample. used is the number of used source samples, and before the number of source samples that are left out
// at the start of the row.
static void pick_four(struct pick *p, int group, const struct axis *a, int i, int64_t used, int before)
{
	int last = a->n - 1, start = a->first[i < last ? i : last];

	p->first[group] = start + before;
	for (int j = 0; j < 4; j++) {
		int result = i + j < last ? i + j : last;
		for (int k = 0; k < a->taps; k++) {
			p->offsets[group][4 * j + k] = a->first[result] + k - start;
			p->weights[group][4 * j + k] = weight_sum(a, result, used, k + 1, 128) - weight_sum(a, result, used, k, 128);
		}
	}
}

// pickable tells whether struct pick can describe the axis. Each group of four result samples must cover at most 16 source
// samples, and each result sample at most four. No result sample may cover exactly one source sample, because the weight of
// this source sample would be 128, which does not fit into int8_t. A ratio of more than 51/50 excludes this case.
static int pickable(const struct axis *a, int64_t used)
{
	for (int i = 0; i + 3 < a->n; i += 4)
		if (a->first[i + 3] + a->taps > a->first[i] + 16)
			return 0;
	return a->taps <= 4 && 50 * used > 51 * a->n;
}

// make_axis fills in a. sources is the number of source samples, and results the number of result samples. It returns 0 if
// memory is exhausted, else 1.
static int make_axis(struct axis *a, int sources, int results)
{
	int used = shrink_trim(sources, results), before = (sources - used) / 2;

	*a = (struct axis){results, max_taps(used, results), used % results == 0, calloc(results, sizeof *a->first), NULL, NULL};
	a->weights = calloc((size_t)results * a->taps, sizeof *a->weights);
	if (!a->first || !a->weights)
		return 0;
	for (int i = 0; i < results; i++)
		weigh(a, i, used);
	if (pickable(a, used)) {
		a->picks = calloc(((size_t)results + LANES - 1) / LANES, sizeof *a->picks);
		if (!a->picks)
			return 0;
		for (int i = 0; i < results; i += LANES)
			for (int group = 0; group < 4; group++)
				pick_four(&a->picks[i / LANES], group, a, i + (int[]){0, 8, 4, 12}[group], used, before);
	}
	for (int i = 0; i < results; i++)
		a->first[i] += before;
	return 1;
}

const struct loops portable_loops = {down, across};

struct shrink *shrink_new(const struct loops *loops, int src_width, int src_height, int dst_width, int dst_height)
{
	struct shrink *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->loops = loops;
	s->width = src_width;
	s->stride = (src_width + LANES - 1) / LANES * LANES;
	s->kept = calloc(LANES + 1, s->stride); // one more row, because loads of 16 samples read past the last row
	s->transposed = calloc(LANES, s->stride);
	if (!make_axis(&s->x, src_width, dst_width) || !make_axis(&s->y, src_height, dst_height) || !s->kept || !s->transposed) {
		shrink_free(s);
		return NULL;
	}
	return s;
}

void shrink_reset(struct shrink *s) { s->done = s->waiting = 0; }

// flush scales the rows in kept horizontally, and writes them to dst.
static void flush(struct shrink *s, struct area dst)
{
	dst.pix += s->done * dst.stride;
	dst.height = s->waiting;
	s->loops->across(dst, &s->x, s->kept, s->stride, s->transposed);
	s->done += s->waiting;
	s->waiting = 0;
}

int shrink_rows(struct shrink *s, struct area dst, struct area src, int ready)
{
	for (int y = s->done + s->waiting; y < dst.height; y++) {
		if (s->y.first[y] + s->y.taps > ready)
			break;
		s->loops->down(s->kept + s->waiting * s->stride, s->width, src.pix + s->y.first[y] * src.stride, src.stride, &s->y, y);
		if (++s->waiting == LANES || y + 1 == dst.height)
			flush(s, dst);
	}
	return s->done == dst.height;
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
	free(s->transposed);
	free(s);
}
