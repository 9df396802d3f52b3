// Cholesky factorization A = LLᵀ of a symmetric positive definite matrix in each lane, and its solve.
#pragma once

#include "kernels/lanes.h"

namespace onestep {

/** The scratch of cholesky, in doubles. */
size_t choleskyScratch(int64_t n, int64_t lanes);

/**
 * L of each lane of a [n, n, lanes], lower triangular with zeros above; only the lower triangle of A is
 * read. A lane whose matrix is not positive definite, or has an entry in its lower triangle that is not
 * finite, comes out as NaN everywhere. `l` and `a` may be the same memory.
 */
void cholesky(double* l, const double* a, int64_t n, int64_t lanes, double* scratch, Poll stop = Poll());

/** The scratch of choleskySolve, in doubles. */
size_t choleskySolveScratch(int64_t n, int64_t cols, int64_t lanes, bool laneFactor);

/**
 * X of LLᵀX = B, for B [n, cols, lanes] and the factor L [n, n, lanes], or [n, n] when laneFactor is false.
 * `x` and `b` may be the same memory.
 */
void choleskySolve(double* x, const double* l, const double* b, int64_t n, int64_t cols, int64_t lanes,
                   bool laneFactor, double* scratch, Poll stop = Poll());

}  // namespace onestep
