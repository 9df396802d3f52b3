#include "kernels/triangular.h"

#include <algorithm>

#include "base/blas.h"

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

void LaneTriangular(const TriangularShape& s, double* x, const double* r, const double* b, double* scratch) {
  const bool forward = s.lower != s.transpose;
  if (!s.laneFactor) {
    In factor{r, s.n, 1};
    if (s.transpose) factor = factor.transposed();
    const int64_t columns = s.cols * s.lanes;
    for (int64_t first = 0; first < columns; first += kUniformCols) {
      const int64_t count = std::min(kUniformCols, columns - first);
      const bool dense = count == columns;
      double* panel = dense ? x : scratch;
      if (!dense || x != b) CopyRows(s.n, count, panel, count, b + first, columns);
      if (forward) {
        UniformSolve(s.unitDiagonal, s.n, count, factor, panel, count);
      } else {
        UniformSolve(s.unitDiagonal, s.n, count, Reversed(factor, s.n), panel + (s.n - 1) * count, -count);
      }
      if (!dense) CopyRows(s.n, count, x + first, columns, panel, count);
    }
    return;
  }
  for (int64_t lane = 0; lane < s.lanes; lane += kWidth) {
    In factor{r + lane, s.n * s.lanes, s.lanes};
    if (s.cols >= kPackUses && s.lanes > kWidth) {
      factor = PackLanes(s.n, s.n, factor, scratch + s.n * s.cols * kWidth);
    }
    if (s.transpose) factor = factor.transposed();
    const In right{b + lane, s.cols * s.lanes, s.lanes};
    const Out solution{x + lane, s.cols * s.lanes, s.lanes};
    const Out work = s.lanes == kWidth ? solution : Out{scratch, s.cols * kWidth, kWidth};
    if (work.data != right.data) CopyLanes(s.n, s.cols, right, work);
    if (forward) {
      LaneSolve(s.unitDiagonal, s.n, s.cols, factor, work);
    } else {
      LaneSolve(s.unitDiagonal, s.n, s.cols, Reversed(factor, s.n), ReversedRows(work, s.n));
    }
    if (work.data != solution.data) CopyLanes(s.n, s.cols, In{work.data, work.row, work.col}, solution);
  }
}

/** The right-hand sides and the factor of a vector of lanes, or a panel of columns. */
int64_t LaneTriangularScratch(const TriangularShape& s) {
  return s.n * (s.laneFactor ? (s.cols + s.n) * kWidth : kUniformCols);
}

}  // namespace HWY_NAMESPACE
}  // namespace onestep
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onestep {
namespace {

HWY_EXPORT(LaneTriangular);
HWY_EXPORT(LaneTriangularScratch);

}  // namespace

size_t triangularScratch(const TriangularShape& s) {
  if (s.lanes == 1) return 0;
  return static_cast<size_t>(HWY_DYNAMIC_DISPATCH(LaneTriangularScratch)(s));
}

void triangularSolve(const TriangularShape& s, double* x, const double* r, const double* b, double* scratch) {
  if (s.n == 0 || s.cols == 0) return;
  if (s.lanes > 1) {
    HWY_DYNAMIC_DISPATCH(LaneTriangular)(s, x, r, b, scratch);
    return;
  }
  // Row-major op(R)X = B is column-major Xᵀop(R)ᵀ = Bᵀ, and the row-major R is the column-major Rᵀ.
  if (x != b) std::copy_n(b, s.n * s.cols, x);
  const char diagonal = s.unitDiagonal ? 'U' : 'N', triangle = s.lower ? 'U' : 'L';
  if (s.cols == 1) {
    blas::trsv(triangle, s.transpose ? 'N' : 'T', diagonal, s.n, r, s.n, x);
  } else {
    blas::trsm('R', triangle, s.transpose ? 'T' : 'N', diagonal, s.cols, s.n, 1, r, s.n, x, s.cols);
  }
}

}  // namespace onestep
#endif
