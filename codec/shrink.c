#include "shrink.h"

// Compilers make good code of every third byte of a row only where SSSE3 may be used; whether it may is found out when
// the program starts.
#if defined(__x86_64__) && defined(__GLIBC__)
#define CLONES __attribute__((target_clones("ssse3", "default")))
#else
#define CLONES
#endif

enum { longest = 16384 };

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
	uint8_t column[longest];
	const uint8_t *b = a + stride, *c = b + stride;

	for (int x = 0; x < 3 * width; x++)
		column[x] = mean(a[x], b[x], c[x]);
	for (int x = 0; x < width; x++)
		to[x] = mean(column[3 * x], column[3 * x + 1], column[3 * x + 2]);
}

static void shrink_row(uint8_t *to, const uint8_t *from, ptrdiff_t stride, int factor, int width)
{
	if (factor == 2)
		half_row(to, from, stride, width);
	else
		third_row(to, from, stride, width);
}

int shrink_rows(struct area to, struct area from, int factor, int y, int ready)
{
	int columns = from.width - factor * to.width, rows = from.height - factor * to.height;

	for (; y < to.height; y++) {
		int at = factor * y + y * (rows + 1) / to.height;
		if (at + factor > ready)
			break;
		for (int left = 0, x = 0; left <= columns; left++) {
			int end = (left + 1) * to.width / (columns + 1);
			shrink_row(to.pix + y * to.stride + x, from.pix + at * from.stride + factor * x + left, from.stride, factor, end - x);
			x = end;
		}
	}
	return y;
}
