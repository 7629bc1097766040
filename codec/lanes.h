// The inner loops of shrink.c. The loops work on 16 samples at once. To scale vertically, they take 16 neighbouring samples
// of one row. To scale horizontally, they transpose 16 rows, and then take one sample of each row.
//
// A file that includes this header may first define three macros for a kind of processor. TARGET is the attribute of all
// functions. WIDEN converts bytes to words, and NARROW converts words to bytes.
#ifndef AZULEJO_LANES_H
#define AZULEJO_LANES_H

#include <string.h>
#include "shrink.h"

// LANES is the number of samples that the loops work on at once.
enum { LANES = 16 };

// axis describes how to scale in one direction: each of n result samples is the weighted average of taps consecutive source
// samples.
struct axis {
	int n, taps;
	int equal;          // 1 if all weights of a result sample are equal, else 0
	int *first;         // for each result sample, the index of its first source sample
	uint16_t *weights;  // for each result sample, taps weights; they add up to 256
	struct pick *picks; // one pick for every 16 result samples; NULL if struct pick cannot describe the axis
};

// pick describes how 16 result samples are made. The result samples form four groups of four. The groups are stored in the
// order 0, 2, 1, 3. A group is made of 16 consecutive source samples: each of its result samples is the weighted average of
// four of them.
struct pick {
	uint8_t offsets[4][16]; // for each result sample, its four source samples: indices relative to first
	int8_t weights[4][16];  // weights of these source samples; the four weights of a result sample add up to 128
	int first[4];           // for each group, the index of its first source sample in the row
};

// loops are the two steps of scaling.
struct loops {
	// down scales vertically: it makes result row i. src points to the first source row that row i needs. stride is the
	// distance between two source rows in bytes.
	void (*down)(uint8_t *dst, int width, const uint8_t *src, ptrdiff_t stride, const struct axis *y, int i);
	// across scales horizontally: it scales the first dst.height rows of kept, 16 at most. stride is the distance between
	// two rows of kept in bytes, a multiple of LANES. transposed is scratch memory for 16 rows of kept.
	void (*across)(struct area dst, const struct axis *x, const uint8_t *kept, ptrdiff_t stride, uint8_t *transposed);
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

// average makes n * LANES result samples, n at most 4. Each is the weighted average of taps source samples. step is the
// distance between these source samples in bytes.
INLINE void average(uint8_t *dst, int n, const uint8_t *src, ptrdiff_t step, const uint16_t *weights, int taps)
{
	words sum[4];

	for (int i = 0; i < n; i++)
		sum[i] = (words){} + 128;
	for (int k = 0; k < taps; k++)
		for (int i = 0; i < n; i++)
			sum[i] += WIDEN(load(src + k * step + i * LANES)) * weights[k];
	for (int i = 0; i < n; i++)
		store(dst + i * LANES, NARROW(sum[i] >> 8));
}

TARGET static void down(uint8_t *dst, int width, const uint8_t *src, ptrdiff_t stride, const struct axis *y, int i)
{
	const uint16_t *weights = y->weights + (size_t)i * y->taps;
	int x = 0, taps = y->taps;

	for (; x + 4 * LANES <= width; x += 4 * LANES)
		average(dst + x, 4, src + x, stride, weights, taps);
	for (; x + LANES <= width; x += LANES)
		average(dst + x, 1, src + x, stride, weights, taps);
	for (; x < width; x++) {
		int sum = 128;
		for (int k = 0; k < taps; k++)
			sum += src[k * stride + x] * weights[k];
		dst[x] = sum >> 8;
	}
}

// LOW and HIGH interleave the first halves and the second halves of two vectors.
#ifdef __clang__
#define PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define PICK(a, b, ...) __builtin_shuffle(a, b, (bytes){__VA_ARGS__})
#endif
#define LOW(a, b) PICK(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH(a, b) PICK(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)

// transpose transposes 16 rows of 16 samples. For this it interleaves the first eight rows with the last eight, four times.
INLINE void transpose(bytes v[LANES])
{
	bytes half[LANES];

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < LANES / 2; i++)
			half[2 * i] = LOW(v[i], v[i + LANES / 2]), half[2 * i + 1] = HIGH(v[i], v[i + LANES / 2]);
		for (int i = 0; i < LANES / 2; i++)
			v[2 * i] = LOW(half[i], half[i + LANES / 2]), v[2 * i + 1] = HIGH(half[i], half[i + LANES / 2]);
	}
}

// transpose_block writes 16 columns of kept, starting with column x, to transposed as 16 rows.
INLINE void transpose_block(uint8_t *transposed, const uint8_t *kept, ptrdiff_t stride, int x)
{
	bytes v[LANES];

	for (int i = 0; i < LANES; i++)
		v[i] = load(kept + i * stride + x);
	transpose(v);
	for (int i = 0; i < LANES; i++)
		store(transposed + (x + i) * LANES, v[i]);
}

// write_samples writes the first n samples of b to dst, LANES at most.
INLINE void write_samples(uint8_t *dst, bytes b, int n)
{
	if (n == LANES)
		store(dst, b);
	else
		memcpy(dst, &b, n);
}

// write_block writes the first n samples of each row in v to dst, LANES at most. rows is the number of rows.
INLINE void write_block(uint8_t *dst, ptrdiff_t stride, const bytes v[LANES], int rows, int n)
{
	for (int y = 0; y < rows; y++)
		write_samples(dst + y * stride, v[y], n);
}

// across_with does the work of across. It is inlined, so that the compiler unrolls its loops if the number of taps is
// constant.
INLINE void across_with(int taps, struct area dst, const struct axis *a, const uint8_t *kept, ptrdiff_t stride, uint8_t *transposed)
{
	int ready = 0; // number of columns of kept that are in transposed

	for (int x = 0; x < dst.width; x += LANES) {
		int n = dst.width - x < LANES ? dst.width - x : LANES;
		for (; ready < a->first[x + n - 1] + taps; ready += LANES)
			transpose_block(transposed, kept, stride, ready);
		bytes v[LANES];
		for (int i = 0; i < LANES; i++) {
			int result = x + (i < n ? i : n - 1);
			average((uint8_t *)&v[i], 1, transposed + a->first[result] * LANES, LANES, a->weights + result * a->taps, taps);
		}
		transpose(v);
		write_block(dst.pix + x, dst.stride, v, dst.height, n);
	}
}

TARGET static void across(struct area dst, const struct axis *a, const uint8_t *kept, ptrdiff_t stride, uint8_t *transposed)
{
	switch (a->taps) { // with constant taps, the loops take a tenth less time
	case 2: across_with(2, dst, a, kept, stride, transposed); break;
	case 3: across_with(3, dst, a, kept, stride, transposed); break;
	case 4: across_with(4, dst, a, kept, stride, transposed); break;
	case 5: across_with(5, dst, a, kept, stride, transposed); break;
	default: across_with(a->taps, dst, a, kept, stride, transposed);
	}
}

#endif
