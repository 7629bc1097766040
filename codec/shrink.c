#include "shrink.h"

// Compilers make good code of every third byte of a row only where SSSE3 may be used; whether it may is found out when
// the program starts.
#if defined(__x86_64__) && defined(__GLIBC__)
#define CLONES __attribute__((target_clones("ssse3", "default")))
#else
#define CLONES
#endif

// half_row makes one row of two.
static void half_row(uint8_t *restrict to, const uint8_t *restrict a, ptrdiff_t stride, int width)
{
	const uint8_t *b = a + stride;

	for (int x = 0; x < width; x++)
		to[x] = (a[2 * x] + a[2 * x + 1] + b[2 * x] + b[2 * x + 1] + 2) >> 2;
}

// mean is (3a + 2b + 3c) / 8, off by less than one, in the steps that processors have for sixteen samples at a time.
static inline uint8_t mean(uint8_t a, uint8_t b, uint8_t c)
{
	uint8_t not_a = ~a, not_c = ~c;
	uint8_t outer = ~(uint8_t)((not_a + not_c + 1) >> 1); // rounded down, since the next steps round up
	uint8_t half = (outer + b + 1) >> 1;

	return (outer + half + 1) >> 1;
}

// third_row makes one row of three.
CLONES static void third_row(uint8_t *restrict to, const uint8_t *restrict a, ptrdiff_t stride, int width)
{
	uint8_t column[SHRINK_LONGEST];
	const uint8_t *b = a + stride, *c = b + stride;

	for (int x = 0; x < 3 * width; x++)
		column[x] = mean(a[x], b[x], c[x]);
	for (int x = 0; x < width; x++)
		to[x] = mean(column[3 * x], column[3 * x + 1], column[3 * x + 2]);
}

// mostly is (3a + b) / 4, off by less than one: of three samples that become two, each takes an outer one and some of the
// one in the middle.
static inline uint8_t mostly(uint8_t a, uint8_t b)
{
	uint8_t not_a = ~a, not_b = ~b;
	uint8_t half = ~(uint8_t)((not_a + not_b + 1) >> 1);

	return (a + half + 1) >> 1;
}

// needed is how many samples n are made of.
static int needed(int n, int twice) { return (twice * n + 1) / 2; }

// two_thirds_row makes one row of an outer and a middle one.
CLONES static void two_thirds_row(uint8_t *restrict to, const uint8_t *restrict outer, const uint8_t *restrict middle, int width)
{
	uint8_t column[SHRINK_LONGEST];
	int pairs = width / 2;

	for (int x = 0; x < needed(width, 3); x++)
		column[x] = mostly(outer[x], middle[x]);
	for (int i = 0; i < pairs; i++) {
		to[2 * i] = mostly(column[3 * i], column[3 * i + 1]);
		to[2 * i + 1] = mostly(column[3 * i + 2], column[3 * i + 1]);
	}
	if (width % 2)
		to[width - 1] = mostly(column[3 * pairs], column[3 * pairs + 1]);
}

// shrink_row makes row y, or a part of it that begins at an even sample, of rows from the first that it needs on.
static void shrink_row(uint8_t *to, const uint8_t *from, ptrdiff_t stride, int twice, int y, int width)
{
	if (twice == 6)
		third_row(to, from, stride, width);
	else if (twice == 4)
		half_row(to, from, stride, width);
	else if (y % 2)
		two_thirds_row(to, from + stride, from, width);
	else
		two_thirds_row(to, from, from + stride, width);
}

int shrink_rows(struct area to, struct area from, int twice, int y, int ready)
{
	int columns = from.width - needed(to.width, twice), rows = from.height - needed(to.height, twice);
	int span = twice == 6 ? 3 : 2;

	for (; y < to.height; y++) {
		int at = twice * y / 2 + y * (rows + 1) / to.height;
		if (at + span > ready)
			break;
		for (int left = 0, x = 0; left <= columns; left++) {
			int end = left == columns ? to.width : (left + 1) * to.width / (columns + 1) & ~1;
			shrink_row(to.pix + y * to.stride + x, from.pix + at * from.stride + twice * x / 2 + left, from.stride, twice, y, end - x);
			x = end;
		}
	}
	return y;
}
