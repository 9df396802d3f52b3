// Triangular solves op(R) X = B in each lane, by substitution.
#pragma once

#include "kernels/lanes.h"

namespace onestep {

/** One solve: R is [n, n], per lane or uniform; X and B are [n, cols, lanes]. */
struct TriangularShape {
  int64_t n;
  int64_t cols;
  int64_t lanes;
  bool laneFactor;
  /** R is lower triangular, else upper; the other triangle is not read. */
  bool lower;
  /** Solves RᵀX = B instead of RX = B. */
  bool transpose = false;
  /** The diagonal of R is 1 and not read. */
  bool unitDiagonal = false;
};

/** The scratch of triangularSolve, in doubles. */
size_t triangularScratch(const TriangularShape& shape);

/**
 * X of op(R) X = B. A zero on the diagonal divides by zero, so that lane comes out infinite or NaN. `x` and
 * `b` may be the same memory.
 */
void triangularSolve(const TriangularShape& shape, double* x, const double* r, const double* b,
                     double* scratch, Poll stop = Poll());

}  // namespace onestep
