// The inner loops of scaling for AVX2. WIDEN and NARROW use intrinsics, because the code that compilers make of the portable
// versions in lanes.h takes up to twice as long.
#if defined(__x86_64__)
#include <immintrin.h>
#define TARGET __attribute__((target("avx2")))
#define WIDEN(b) ((words)_mm256_cvtepu8_epi16((__m128i)(b)))
#define NARROW(w) ((bytes)_mm_packus_epi16(_mm256_castsi256_si128((__m256i)(w)), _mm256_extracti128_si256((__m256i)(w), 1)))
#include "lanes.h"

// pick_eight multiplies the source samples of groups i and i + 1 by their weights. Each of the eight result samples has four
// products. pick_eight adds them in pairs, so two sums remain for each result sample.
INLINE __m256i pick_eight(const uint8_t *row, const struct pick *p, int i)
{
	__m256i low = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(row + p->first[i])));
	__m256i both = _mm256_inserti128_si256(low, _mm_loadu_si128((const __m128i *)(row + p->first[i + 1])), 1);

	both = _mm256_shuffle_epi8(both, _mm256_loadu_si256((const __m256i *)p->offsets[i]));
	return _mm256_maddubs_epi16(both, _mm256_loadu_si256((const __m256i *)p->weights[i]));
}

// pick_sixteen returns the 16 result samples that p describes. row points to the start of the source row.
INLINE bytes pick_sixteen(const uint8_t *row, const struct pick *p)
{
	words sums = (words)_mm256_hadd_epi16(pick_eight(row, p, 0), pick_eight(row, p, 2));

	return NARROW((sums + 64) >> 7);
}

// pick_across is the field across of avx2_loops. If the axis has picks, it uses them and does not transpose.
TARGET static void pick_across(struct area dst, const struct axis *a, const uint8_t *kept, ptrdiff_t stride, uint8_t *transposed)
{
	if (!a->picks) {
		across(dst, a, kept, stride, transposed);
		return;
	}
	for (int x = 0; x < dst.width; x += LANES) {
		struct pick p = a->picks[x / LANES];
		int n = dst.width - x < LANES ? dst.width - x : LANES;
		for (int y = 0; y < dst.height; y++) {
			bytes b = pick_sixteen(kept + y * stride, &p);
			write_samples(dst.pix + y * dst.stride + x, b, n);
		}
	}
}

// equal_average makes 32 result samples. Each is the mean of taps source samples. step is the distance between these source
// samples in bytes. The mean is exact for up to five taps.
INLINE void equal_average(uint8_t *dst, const uint8_t *src, ptrdiff_t step, int taps)
{
	const __m256i zero = _mm256_setzero_si256(), one = _mm256_set1_epi8(1), inverse = _mm256_set1_epi16((32768 + taps / 2) / taps);
	__m256i low = zero, high = zero;

	for (int k = 0; k + 1 < taps; k += 2) {
		__m256i a = _mm256_loadu_si256((const __m256i *)(src + k * step));
		__m256i b = _mm256_loadu_si256((const __m256i *)(src + (k + 1) * step));
		low = _mm256_add_epi16(low, _mm256_maddubs_epi16(_mm256_unpacklo_epi8(a, b), one));
		high = _mm256_add_epi16(high, _mm256_maddubs_epi16(_mm256_unpackhi_epi8(a, b), one));
	}
	if (taps % 2) {
		__m256i a = _mm256_loadu_si256((const __m256i *)(src + (taps - 1) * step));
		low = _mm256_add_epi16(low, _mm256_unpacklo_epi8(a, zero));
		high = _mm256_add_epi16(high, _mm256_unpackhi_epi8(a, zero));
	}
	low = _mm256_mulhrs_epi16(low, inverse); // rounds
	high = _mm256_mulhrs_epi16(high, inverse);
	_mm256_storeu_si256((__m256i *)dst, _mm256_packus_epi16(low, high));
}

// equal_down is the field down of avx2_loops. If all weights are equal, it is a third faster than the function down. Weights
// are equal in grids of 4, 9, 16 and 25 tiles, because these scale by whole factors.
TARGET static void equal_down(uint8_t *dst, int width, const uint8_t *src, ptrdiff_t stride, const struct axis *y, int i)
{
	int x = 0;

	if (y->equal)
		switch (y->taps) {
		case 2: for (; x + 32 <= width; x += 32) equal_average(dst + x, src + x, stride, 2); break;
		case 3: for (; x + 32 <= width; x += 32) equal_average(dst + x, src + x, stride, 3); break;
		case 4: for (; x + 32 <= width; x += 32) equal_average(dst + x, src + x, stride, 4); break;
		case 5: for (; x + 32 <= width; x += 32) equal_average(dst + x, src + x, stride, 5); break;
		}
	down(dst + x, width - x, src + x, stride, y, i);
}

static const struct loops avx2_loops = {equal_down, pick_across};

const struct loops *best_loops(void) { return __builtin_cpu_supports("avx2") ? &avx2_loops : &portable_loops; }
#else
#include "shrink.h"

const struct loops *best_loops(void) { return &portable_loops; }
#endif
