// What compilers make of lanes.h by themselves takes up to twice as long as with the processor's own instruction.
#if defined(__x86_64__)
#include <immintrin.h>
#define TARGET __attribute__((target("avx2")))
#define WIDEN(b) ((words)_mm256_cvtepu8_epi16((__m128i)(b)))
#define NARROW(w) ((bytes)_mm_packus_epi16(_mm256_castsi256_si128((__m256i)(w)), _mm256_extracti128_si256((__m256i)(w), 1)))
#include "lanes.h"

static const struct lanes avx2_lanes = {down, across};

const struct lanes *best_lanes(void) { return __builtin_cpu_supports("avx2") ? &avx2_lanes : &plain_lanes; }
#else
#include "shrink.h"

const struct lanes *best_lanes(void) { return &plain_lanes; }
#endif
