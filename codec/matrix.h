#ifndef AZULEJO_MATRIX_H
#define AZULEJO_MATRIX_H

#include <stdint.h>
#include "shrink.h"

// matrix_change describes how the samples of 4:2:0 change if another YCbCr matrix is used for the same colours. U and V stand for
// the chroma samples less 128. A pixel without chroma is the same in all matrices, so the changes depend on U and V alone:
//
//	Y grows by yu * U + yv * V
//	U grows by uu * U + uv * V
//	V grows by vu * U + vv * V
//
// The factors are in units of 1/32768. Of each line, the two factors add up to less than 1 without their signs.
struct matrix_change { int16_t yu, yv, uu, uv, vu, vv; };

// change_matrix writes the changed samples of src to dst, with a rounding error of at most 1. Both are the planes Y, U and V of
// frames of one size, which is even. dst may be src.
void change_matrix(const struct matrix_change *m, const struct area dst[3], const struct area src[3]);

// change_matrix_portable does the same as change_matrix, with instructions that every processor has. Only tests use it.
void change_matrix_portable(const struct matrix_change *m, const struct area dst[3], const struct area src[3]);

#endif
