#include "kernels/triangular.h"

#include <algorithm>

#include "base/blas.h"
#include "kernels/matmul.h"
#include "kernels/movement.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/triangular.cc"
// clang-format off
#include "kernels/targets.h"
#include <hwy/foreach_target.h>
// clang-format on
#include "kernels/substitution-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onestep {
namespace HWY_NAMESPACE {

/** Rows of `count` doubles, filled up with zeros to `toRow`. */
HWY_INLINE void PadRows(int64_t rows, int64_t count, double* to, int64_t toRow, const double* from,
                        int64_t fromRow) {
  for (int64_t i = 0; i < rows; ++i) {
    std::copy_n(from + i * fromRow, count, to + i * toRow);
    std::fill(to + i * toRow + count, to + (i + 1) * toRow, 0.0);
  }
}

/** One R for all columns of X, cols·lanes of them: panels of columns, in whole slabs. */
void UniformTriangular(const TriangularShape& s, double* x, const double* r, const double* b, double* scratch,
                       Poll stop) {
  In factor{r, s.n, 1};
  if (s.transpose) factor = factor.transposed();
  const int64_t columns = s.cols * s.lanes;
  for (const int64_t first : Panels(columns, kUniformCols, stop)) {
    const int64_t count = std::min(kUniformCols, columns - first), wide = (count + kSlab - 1) / kSlab * kSlab;
    const bool inPlace = wide == columns;
    double* const panel = inPlace ? x : scratch;
    if (panel != b + first) PadRows(s.n, count, panel, wide, b + first, columns);
    if (s.lower != s.transpose) {
      UniformSolve(s.unitDiagonal, s.n, wide, factor, panel, wide, stop);
    } else {
      UniformSolve(s.unitDiagonal, s.n, wide, Reversed(factor, s.n), panel + (s.n - 1) * wide, -wide, stop);
    }
    if (inPlace) continue;
    for (int64_t i = 0; i < s.n; ++i) std::copy_n(panel + i * wide, count, x + i * columns + first);
  }
}

void LaneTriangular(const TriangularShape& s, double* x, const double* r, const double* b, double* scratch,
                    Poll stop) {
  const bool forward = s.lower != s.transpose;
  for (const int64_t lane : Panels(s.lanes, kWidth, stop)) {
    In factor{r + lane, s.n * s.lanes, s.lanes};
    if (s.cols >= kPackUses && s.lanes > kWidth) {
      factor = PackLanes(s.n, s.n, factor, scratch + s.n * s.cols * kWidth, stop);
    }
    if (s.transpose) factor = factor.transposed();
    const In right{b + lane, s.cols * s.lanes, s.lanes};
    const Out solution{x + lane, s.cols * s.lanes, s.lanes};
    const Out work = s.lanes == kWidth ? solution : Out{scratch, s.cols * kWidth, kWidth};
    if (work.data != right.data) CopyLanes(s.n, s.cols, right, work, stop);
    if (forward) {
      LaneSolve(s.unitDiagonal, s.n, s.cols, factor, work, stop);
    } else {
      LaneSolve(s.unitDiagonal, s.n, s.cols, Reversed(factor, s.n), ReversedRows(work, s.n), stop);
    }
    if (work.data != solution.data) CopyLanes(s.n, s.cols, In{work.data, work.row, work.col}, solution, stop);
  }
}

/** A panel of columns, or the right-hand sides and the factor of a vector of lanes. */
int64_t UniformTriangularScratch(const TriangularShape& s) { return s.n * kUniformCols; }
int64_t LaneTriangularScratch(const TriangularShape& s) { return s.n * (s.cols + s.n) * kWidth; }

}  // namespace HWY_NAMESPACE
}  // namespace onestep
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onestep {
namespace {

HWY_EXPORT(LaneTriangular);
HWY_EXPORT(LaneTriangularScratch);
HWY_EXPORT(UniformTriangular);
HWY_EXPORT(UniformTriangularScratch);

/** One right-hand side without lanes: a vector, which BLAS takes. */
bool isVector(const TriangularShape& s) { return s.cols == 1 && s.lanes == 1; }

/** The entries of x that are solved together. */
constexpr int64_t kBlock = 1024;

/**
 * op(R) x = b in place, block after block, each subtracted at once from all entries that wait for it. The
 * row-major R is the column-major Rᵀ.
 */
void vectorSolve(const TriangularShape& s, double* x, const double* r, Poll stop) {
  const bool forward = s.lower != s.transpose;
  const char diagonal = s.unitDiagonal ? 'U' : 'N', triangle = s.lower ? 'U' : 'L';
  for (const int64_t done : Panels(s.n, kBlock, stop)) {
    const int64_t size = std::min(kBlock, s.n - done), rest = s.n - done - size;
    const int64_t first = forward ? done : rest, next = forward ? done + size : 0;
    blas::trsv(triangle, s.transpose ? 'N' : 'T', diagonal, size, r + first * s.n + first, s.n, x + first);
    if (s.transpose) {
      blas::gemv('N', rest, size, -1, r + first * s.n + next, s.n, x + first, 1, x + next);
    } else {
      blas::gemv('T', size, rest, -1, r + next * s.n + first, s.n, x + first, 1, x + next);
    }
  }
}

}  // namespace

size_t triangularScratch(const TriangularShape& s) {
  if (isVector(s)) return 0;
  return static_cast<size_t>(s.laneFactor && s.lanes > 1 ? HWY_DYNAMIC_DISPATCH(LaneTriangularScratch)(s)
                                                         : HWY_DYNAMIC_DISPATCH(UniformTriangularScratch)(s));
}

void triangularSolve(const TriangularShape& s, double* x, const double* r, const double* b, double* scratch,
                     Poll stop) {
  if (s.n == 0 || s.cols == 0) return;
  if (isVector(s)) {
    if (x != b) copyDense(x, b, s.n, stop);
    vectorSolve(s, x, r, stop);
  } else if (s.laneFactor && s.lanes > 1) {
    HWY_DYNAMIC_DISPATCH(LaneTriangular)(s, x, r, b, scratch, stop);
  } else {
    HWY_DYNAMIC_DISPATCH(UniformTriangular)(s, x, r, b, scratch, stop);
  }
}

}  // namespace onestep
#endif
