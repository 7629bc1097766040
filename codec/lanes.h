// The inner loops of shrink.c. A file that includes this one may first define TARGET, WIDEN and NARROW for a processor. The
// loops work on 16 samples at once. To scale vertically, these are 16 neighbours in one row. To scale horizontally, they are
// one sample from each of 16 rows; the rows are transposed first.
#ifndef AZULEJO_LANES_H
#define AZULEJO_LANES_H

#include <string.h>
#include "shrink.h"

enum { LANES = 16 };

// axis describes how to scale in one direction: each of n result samples is the weighted average of taps consecutive source
// samples.
struct axis {
	int n, taps;
	int equal;          // 1 if all weights of a result sample are equal, else 0
	int *first;         // for each result sample, the index of its first source sample
	uint16_t *weights;  // taps weights for each result sample, which add up to 256
	struct pick *picks; // one for each 16 result samples; NULL if struct pick cannot describe the axis
};

// pick describes how 16 result samples are made. They form four groups of four, which are stored in the order 0, 2, 1, 3. A
// group is made of 16 consecutive source samples. Each of its result samples is the weighted average of four of these.
struct pick {
	uint8_t from[4][16];   // four source samples for each result sample: indices relative to at
	int8_t weights[4][16]; // their weights; those of a result sample add up to 128
	int at[4];             // for each group, the index of its first source sample in the row
};

// loops are the two steps of scaling. down scales vertically: it makes result row i. from points to the first of the source
// rows that row i needs; stride is the distance between two rows. across scales horizontally: it scales the first to.height
// rows of kept, 16 at most. stride is the distance between two rows of kept, a multiple of LANES. turned is scratch memory
// for 16 rows of kept.
struct loops {
	void (*down)(uint8_t *to, int width, const uint8_t *from, ptrdiff_t stride, const struct axis *y, int i);
	void (*across)(struct area to, const struct axis *x, const uint8_t *kept, ptrdiff_t stride, uint8_t *turned);
};

#ifndef TARGET
#define TARGET
#define WIDEN(b) __builtin_convertvector(b, words)
#define NARROW(w) __builtin_convertvector(w, bytes)
#endif
#define INLINE TARGET static inline __attribute__((always_inline))

typedef uint8_t bytes __attribute__((vector_size(LANES)));
typedef uint16_t words __attribute__((vector_size(2 * LANES)));

INLINE bytes load(const uint8_t *p)
{
	bytes b;
	memcpy(&b, p, sizeof b);
	return b;
}

INLINE void store(uint8_t *p, bytes b) { memcpy(p, &b, sizeof b); }

// average makes n times LANES result samples, n at most 4. Each is the weighted average of taps source samples that are step
// apart.
INLINE void average(uint8_t *to, int n, const uint8_t *from, ptrdiff_t step, const uint16_t *weights, int taps)
{
	words sum[4];

	for (int i = 0; i < n; i++)
		sum[i] = (words){} + 128;
	for (int k = 0; k < taps; k++)
		for (int i = 0; i < n; i++)
			sum[i] += WIDEN(load(from + k * step + i * LANES)) * weights[k];
	for (int i = 0; i < n; i++)
		store(to + i * LANES, NARROW(sum[i] >> 8));
}

TARGET static void down(uint8_t *to, int width, const uint8_t *from, ptrdiff_t stride, const struct axis *y, int i)
{
	const uint16_t *weights = y->weights + (size_t)i * y->taps;
	int x = 0, taps = y->taps;

	for (; x + 4 * LANES <= width; x += 4 * LANES)
		average(to + x, 4, from + x, stride, weights, taps);
	for (; x + LANES <= width; x += LANES)
		average(to + x, 1, from + x, stride, weights, taps);
	for (; x < width; x++) {
		int sum = 128;
		for (int k = 0; k < taps; k++)
			sum += from[k * stride + x] * weights[k];
		to[x] = sum >> 8;
	}
}

#ifdef __clang__
#define PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define PICK(a, b, ...) __builtin_shuffle(a, b, (bytes){__VA_ARGS__})
#endif
#define LOW(a, b) PICK(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH(a, b) PICK(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)

// turn transposes 16 rows of 16 samples. For this it interleaves the first eight rows with the last eight, four times.
INLINE void turn(bytes v[LANES])
{
	bytes half[LANES];

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < LANES / 2; i++)
			half[2 * i] = LOW(v[i], v[i + LANES / 2]), half[2 * i + 1] = HIGH(v[i], v[i + LANES / 2]);
		for (int i = 0; i < LANES / 2; i++)
			v[2 * i] = LOW(half[i], half[i + LANES / 2]), v[2 * i + 1] = HIGH(half[i], half[i + LANES / 2]);
	}
}

// turn_block transposes 16 columns of kept, from column x on, into turned.
INLINE void turn_block(uint8_t *turned, const uint8_t *kept, ptrdiff_t stride, int x)
{
	bytes v[LANES];

	for (int i = 0; i < LANES; i++)
		v[i] = load(kept + i * stride + x);
	turn(v);
	for (int i = 0; i < LANES; i++)
		store(turned + (x + i) * LANES, v[i]);
}

// write_samples writes the first n samples of b, LANES at most.
INLINE void write_samples(uint8_t *to, bytes b, int n)
{
	if (n == LANES)
		store(to, b);
	else
		memcpy(to, &b, n);
}

// write_block writes the first n samples, LANES at most, of each of the given number of rows.
INLINE void write_block(uint8_t *to, ptrdiff_t stride, const bytes v[LANES], int rows, int n)
{
	for (int y = 0; y < rows; y++)
		write_samples(to + y * stride, v[y], n);
}

// across_with does the work of across. It is inlined, so that a constant number of taps unrolls its loops.
INLINE void across_with(int taps, struct area to, const struct axis *a, const uint8_t *kept, ptrdiff_t stride, uint8_t *turned)
{
	int ready = 0; // number of columns of kept that are in turned

	for (int x = 0; x < to.width; x += LANES) {
		int n = to.width - x < LANES ? to.width - x : LANES;
		for (; ready < a->first[x + n - 1] + taps; ready += LANES)
			turn_block(turned, kept, stride, ready);
		bytes v[LANES];
		for (int i = 0; i < LANES; i++) {
			int at = x + (i < n ? i : n - 1);
			average((uint8_t *)&v[i], 1, turned + a->first[at] * LANES, LANES, a->weights + at * a->taps, taps);
		}
		turn(v);
		write_block(to.pix + x, to.stride, v, to.height, n);
	}
}

TARGET static void across(struct area to, const struct axis *a, const uint8_t *kept, ptrdiff_t stride, uint8_t *turned)
{
	switch (a->taps) { // with constant taps, the loops take a tenth less time
	case 2: across_with(2, to, a, kept, stride, turned); break;
	case 3: across_with(3, to, a, kept, stride, turned); break;
	case 4: across_with(4, to, a, kept, stride, turned); break;
	case 5: across_with(5, to, a, kept, stride, turned); break;
	default: across_with(a->taps, to, a, kept, stride, turned);
	}
}

#endif
