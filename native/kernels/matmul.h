// C = op(A) op(B), for operands that are uniform or per lane, or without lanes.
//
// No size has a path of its own but one: without lanes, a product with a vector is dgemv's. Measured on an
// AVX-512 core of 120 GFLOP/s (bench/kernels.cc), where dgemm of OpenBLAS 0.3.21 reaches 52, or 87 with the
// kernels of SkylakeX: uniform × per lane 80 at 8 lanes and 105 from 16 on; both per lane 60–90 from n = 16
// on, so that gathering a lane for dgemm pays at no size; without lanes 60–105.
#pragma once

#include "kernels/lanes.h"

namespace onestep {

/**
 * One product: C is [rows, cols], op(A) is [rows, inner], op(B) is [inner, cols]. A transposed operand is
 * stored the other way round, A as [inner, rows], B as [cols, inner]. C is per lane when A or B is, else
 * uniform. A vector has rows = 1 or cols = 1.
 */
struct MatmulShape {
  int64_t rows;
  int64_t inner;
  int64_t cols;
  int64_t lanes;
  bool laneA;
  bool laneB;
  bool transposeA = false;
  bool transposeB = false;
  /** C += op(A) op(B) instead of C = op(A) op(B). */
  bool accumulate = false;
};

/** The scratch of matmul, in doubles. */
size_t matmulScratch(const MatmulShape& shape);

/** The product; C overlaps neither operand. inner = 0 gives zeros (or leaves C, when accumulating). */
void matmul(const MatmulShape& shape, double* c, const double* a, const double* b, double* scratch,
            Poll stop = Poll());

/** A part of a matrix without lanes: element (i, j) stands at data + i·row + j·col. */
struct MatrixPart {
  const double* data;
  int64_t row, col;
};

/** The scratch of subtractProduct, in doubles. */
size_t subtractProductScratch();

/**
 * C −= A·B for parts of matrices without lanes, A [rows, inner], B [inner, cols], as blocked factorizations
 * and solves need it. The rows or the columns of B are dense, and those of C; the rows of C are cRow apart.
 */
void subtractProduct(int64_t rows, int64_t inner, int64_t cols, MatrixPart a, MatrixPart b, double* c,
                     int64_t cRow, double* scratch, Poll stop);

}  // namespace onestep
