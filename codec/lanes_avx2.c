// The inner loops of scaling for AVX2. WIDEN and NARROW are intrinsics: for the portable versions in lanes.h, compilers make
// code that takes up to twice as long.
#if defined(__x86_64__)
#include <immintrin.h>
#define TARGET __attribute__((target("avx2")))
#define WIDEN(b) ((words)_mm256_cvtepu8_epi16((__m128i)(b)))
#define NARROW(w) ((bytes)_mm_packus_epi16(_mm256_castsi256_si128((__m256i)(w)), _mm256_extracti128_si256((__m256i)(w), 1)))
#include "lanes.h"

// pick_eight multiplies the source samples of groups i and i + 1 by their weights. Each of the eight result samples has four
// products, which pick_eight adds up to two sums.
INLINE __m256i pick_eight(const uint8_t *row, const struct pick *p, int i)
{
	__m256i low = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(row + p->at[i])));
	__m256i both = _mm256_inserti128_si256(low, _mm_loadu_si128((const __m128i *)(row + p->at[i + 1])), 1);

	both = _mm256_shuffle_epi8(both, _mm256_loadu_si256((const __m256i *)p->from[i]));
	return _mm256_maddubs_epi16(both, _mm256_loadu_si256((const __m256i *)p->weights[i]));
}

// pick_sixteen returns the 16 result samples that p describes. row points to the first source sample of the row.
INLINE bytes pick_sixteen(const uint8_t *row, const struct pick *p)
{
	words sums = (words)_mm256_hadd_epi16(pick_eight(row, p, 0), pick_eight(row, p, 2));

	return NARROW((sums + 64) >> 7);
}

// pick_across is the across of struct loops. It does not transpose if the axis has picks.
TARGET static void pick_across(struct area to, const struct axis *a, const uint8_t *kept, ptrdiff_t stride, uint8_t *turned)
{
	if (!a->picks) {
		across(to, a, kept, stride, turned);
		return;
	}
	for (int x = 0; x < to.width; x += LANES) {
		struct pick p = a->picks[x / LANES];
		int n = to.width - x < LANES ? to.width - x : LANES;
		for (int y = 0; y < to.height; y++) {
			bytes b = pick_sixteen(kept + y * stride, &p);
			write_samples(to.pix + y * to.stride + x, b, n);
		}
	}
}

// equal_average makes 32 result samples. Each is the mean of taps source samples that are step apart. The mean is exact for
// up to five taps.
INLINE void equal_average(uint8_t *to, const uint8_t *from, ptrdiff_t step, int taps)
{
	const __m256i zero = _mm256_setzero_si256(), one = _mm256_set1_epi8(1), inverse = _mm256_set1_epi16((32768 + taps / 2) / taps);
	__m256i low = zero, high = zero;

	for (int k = 0; k + 1 < taps; k += 2) {
		__m256i a = _mm256_loadu_si256((const __m256i *)(from + k * step));
		__m256i b = _mm256_loadu_si256((const __m256i *)(from + (k + 1) * step));
		low = _mm256_add_epi16(low, _mm256_maddubs_epi16(_mm256_unpacklo_epi8(a, b), one));
		high = _mm256_add_epi16(high, _mm256_maddubs_epi16(_mm256_unpackhi_epi8(a, b), one));
	}
	if (taps % 2) {
		__m256i a = _mm256_loadu_si256((const __m256i *)(from + (taps - 1) * step));
		low = _mm256_add_epi16(low, _mm256_unpacklo_epi8(a, zero));
		high = _mm256_add_epi16(high, _mm256_unpackhi_epi8(a, zero));
	}
	low = _mm256_mulhrs_epi16(low, inverse); // rounds
	high = _mm256_mulhrs_epi16(high, inverse);
	_mm256_storeu_si256((__m256i *)to, _mm256_packus_epi16(low, high));
}

// equal_down is the down of struct loops. It is a third faster than the function down if all weights are equal, as
// they are in grids of 4, 9, 16 and 25 tiles, which scale by whole factors.
TARGET static void equal_down(uint8_t *to, int width, const uint8_t *from, ptrdiff_t stride, const struct axis *y, int i)
{
	int x = 0;

	if (y->equal)
		switch (y->taps) {
		case 2: for (; x + 32 <= width; x += 32) equal_average(to + x, from + x, stride, 2); break;
		case 3: for (; x + 32 <= width; x += 32) equal_average(to + x, from + x, stride, 3); break;
		case 4: for (; x + 32 <= width; x += 32) equal_average(to + x, from + x, stride, 4); break;
		case 5: for (; x + 32 <= width; x += 32) equal_average(to + x, from + x, stride, 5); break;
		}
	down(to + x, width - x, from + x, stride, y, i);
}

static const struct loops avx2_loops = {equal_down, pick_across};

const struct loops *best_loops(void) { return __builtin_cpu_supports("avx2") ? &avx2_loops : &portable_loops; }
#else
#include "shrink.h"

const struct loops *best_loops(void) { return &portable_loops; }
#endif
