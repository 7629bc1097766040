#include "matrix.h"

// rows are one chroma row of a frame, and the two luma rows at its place.
struct rows { uint8_t *y[2], *u, *v; };

static struct rows rows_at(const struct area planes[3], int chroma_row)
{
	uint8_t *y = planes[0].pix + 2 * chroma_row * planes[0].stride;

	return (struct rows){
		{y, y + planes[0].stride}, planes[1].pix + chroma_row * planes[1].stride, planes[2].pix + chroma_row * planes[2].stride,
	};
}

static uint8_t clip(int sample) { return sample < 0 ? 0 : sample > 255 ? 255 : sample; }

// growth returns u * a + v * b, rounded. u and v are chroma samples less 128; a and b are factors of a matrix_change.
static int growth(int u, int a, int v, int b) { return (u * a + v * b + (1 << 14)) >> 15; }

// change_samples changes the chroma samples from index x to the end of the row, and the luma samples at their place. n is the
// number of chroma samples in a row.
static void change_samples(const struct matrix_change *m, struct rows dst, struct rows src, int x, int n)
{
	for (; x < n; x++) {
		int u = src.u[x] - 128, v = src.v[x] - 128, grown = growth(u, m->yu, v, m->yv);
		dst.u[x] = clip(src.u[x] + growth(u, m->uu, v, m->uv));
		dst.v[x] = clip(src.v[x] + growth(u, m->vu, v, m->vv));
		for (int i = 0; i < 2; i++)
			for (int k = 2 * x; k < 2 * x + 2; k++)
				dst.y[i][k] = clip(src.y[i][k] + grown);
	}
}

void change_matrix_portable(const struct matrix_change *m, const struct area dst[3], const struct area src[3])
{
	for (int row = 0; row < dst[1].height; row++)
		change_samples(m, rows_at(dst, row), rows_at(src, row), 0, dst[1].width);
}

#if defined(__x86_64__)
#include <immintrin.h>
#define AVX2 __attribute__((target("avx2"))) static inline

// load_chroma returns 16 chroma samples less 128 as 16-bit numbers, multiplied by 128.
AVX2 __m256i load_chroma(const uint8_t *p)
{
	__m256i samples = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)p));

	return _mm256_slli_epi16(_mm256_sub_epi16(samples, _mm256_set1_epi16(128)), 7);
}

// growth_16 does the same as growth for 16 chroma samples. u and v come from load_chroma.
AVX2 __m256i growth_16(__m256i u, int16_t a, __m256i v, int16_t b)
{
	__m256i sum = _mm256_add_epi16(_mm256_mulhrs_epi16(u, _mm256_set1_epi16(a)), _mm256_mulhrs_epi16(v, _mm256_set1_epi16(b)));

	return _mm256_srai_epi16(_mm256_add_epi16(sum, _mm256_set1_epi16(64)), 7);
}

// grow_chroma adds 16 numbers to 16 chroma samples.
AVX2 void grow_chroma(uint8_t *dst, const uint8_t *src, __m256i grown)
{
	__m256i sum = _mm256_add_epi16(_mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)src)), grown);

	_mm_storeu_si128((__m128i *)dst, _mm_packus_epi16(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1)));
}

// grow_luma adds each of 16 numbers to two of 32 luma samples.
AVX2 void grow_luma(uint8_t *dst, const uint8_t *src, __m256i grown)
{
	__m256i samples = _mm256_loadu_si256((const __m256i *)src), zero = _mm256_setzero_si256();
	__m256i low = _mm256_add_epi16(_mm256_unpacklo_epi8(samples, zero), _mm256_unpacklo_epi16(grown, grown));
	__m256i high = _mm256_add_epi16(_mm256_unpackhi_epi8(samples, zero), _mm256_unpackhi_epi16(grown, grown));

	_mm256_storeu_si256((__m256i *)dst, _mm256_packus_epi16(low, high));
}

// change_rows changes one chroma row of n samples and its two luma rows.
AVX2 void change_rows(const struct matrix_change *m, struct rows dst, struct rows src, int n)
{
	int x = 0;

	for (; x + 16 <= n; x += 16) {
		__m256i u = load_chroma(src.u + x), v = load_chroma(src.v + x), grown = growth_16(u, m->yu, v, m->yv);
		grow_chroma(dst.u + x, src.u + x, growth_16(u, m->uu, v, m->uv));
		grow_chroma(dst.v + x, src.v + x, growth_16(u, m->vu, v, m->vv));
		grow_luma(dst.y[0] + 2 * x, src.y[0] + 2 * x, grown);
		grow_luma(dst.y[1] + 2 * x, src.y[1] + 2 * x, grown);
	}
	change_samples(m, dst, src, x, n);
}

__attribute__((target("avx2"))) static void change_matrix_avx2(const struct matrix_change *m, const struct area dst[3], const struct area src[3])
{
	for (int row = 0; row < dst[1].height; row++)
		change_rows(m, rows_at(dst, row), rows_at(src, row), dst[1].width);
}

void change_matrix(const struct matrix_change *m, const struct area dst[3], const struct area src[3])
{
	(__builtin_cpu_supports("avx2") ? change_matrix_avx2 : change_matrix_portable)(m, dst, src);
}
#else
void change_matrix(const struct matrix_change *m, const struct area dst[3], const struct area src[3]) { change_matrix_portable(m, dst, src); }
#endif
