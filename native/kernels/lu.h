// LU factorization PA = LU with partial pivoting in each lane, and its solves.
#pragma once

#include "kernels/lanes.h"

namespace onestep {

/** The scratch of lu, in doubles. */
size_t luScratch(int64_t n, int64_t lanes);

/**
 * Factors each lane of a [n, n, lanes] with row exchanges, each lane its own. `packed` [n, n, lanes] holds
 * U on and above the diagonal and L, whose diagonal is 1, below. `permutation` [n, lanes] holds row numbers
 * as doubles: row i of PA is row permutation[i] of A. A lane with a pivot of exactly 0, or with an entry
 * that is not finite, comes out as NaN everywhere, its permutation as 0 … n−1. `packed` and `a` may be the
 * same memory.
 */
void lu(double* packed, double* permutation, const double* a, int64_t n, int64_t lanes, double* scratch,
        Poll stop = Poll());

/** One solve with a packed factorization, which is per lane ([n, n, lanes], [n, lanes]) or uniform. */
struct LuSolveShape {
  int64_t n;
  int64_t cols;
  int64_t lanes;
  bool laneFactor;
  /** Solves AᵀX = B instead of AX = B. */
  bool transpose = false;
};

/** The scratch of luSolve, in doubles. */
size_t luSolveScratch(const LuSolveShape& shape);

/** X of AX = B (or AᵀX = B), for B [n, cols, lanes]. `x` and `b` may be the same memory. */
void luSolve(const LuSolveShape& shape, double* x, const double* packed, const double* permutation,
             const double* b, double* scratch, Poll stop = Poll());

}  // namespace onestep
