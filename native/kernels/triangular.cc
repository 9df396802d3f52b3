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

void LaneTriangular(const TriangularShape& s, double* x, const double* r, const double* b, double* scratch,
                    Poll stop) {
  const bool forward = s.lower != s.transpose;
  if (!s.laneFactor) {
    In factor{r, s.n, 1};
    if (s.transpose) factor = factor.transposed();
    const int64_t columns = s.cols * s.lanes;
    for (const int64_t first : Panels(columns, kUniformCols, stop)) {
      const int64_t count = std::min(kUniformCols, columns - first);
      const bool dense = count == columns;
      double* panel = dense ? x : scratch;
      if (!dense || x != b) CopyRows(s.n, count, panel, count, b + first, columns);
      if (forward) {
        UniformSolve(s.unitDiagonal, s.n, count, factor, panel, count, stop);
      } else {
        UniformSolve(s.unitDiagonal, s.n, count, Reversed(factor, s.n), panel + (s.n - 1) * count, -count,
                     stop);
      }
      if (!dense) CopyRows(s.n, count, x + first, columns, panel, count);
    }
    return;
  }
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

/**
 * Whether BLAS would take longer than a panel may: n² flops a column, and no less than for 64 columns, the
 * time to read R.
 */
bool isLong(const TriangularShape& s) {
  const auto n = static_cast<double>(s.n);
  return n * n * static_cast<double>(std::max<int64_t>(s.cols, 64)) > static_cast<double>(kPanelFlops);
}

/** A square part of the solve without lanes, in place: op(R) X = X for n rows of X, of which R is the corner.
 *  Row-major op(R)X = B is column-major Xᵀop(R)ᵀ = Bᵀ, and the row-major R is the column-major Rᵀ. */
void blasSolve(const TriangularShape& s, int64_t n, double* x, const double* r, Poll stop) {
  const char diagonal = s.unitDiagonal ? 'U' : 'N', triangle = s.lower ? 'U' : 'L';
  if (s.cols == 1) {
    blas::trsv(triangle, s.transpose ? 'N' : 'T', diagonal, n, r, s.n, x);
    return;
  }
  const int64_t panel = std::min(inPanel(kPanelFlops, n * n), inPanel(kPanelNumbers, n));
  for (const int64_t c : Panels(s.cols, panel, stop)) {
    blas::trsm('R', triangle, s.transpose ? 'T' : 'N', diagonal, std::min(panel, s.cols - c), n, 1, r, s.n,
               x + c, s.cols);
  }
}

/** The rows of X that are solved together when it takes long. */
constexpr int64_t kBlock = 256;

/** Block of rows after block of rows, each subtracted at once from all rows that wait for it. */
void blockedSolve(const TriangularShape& s, double* x, const double* r, double* scratch, Poll stop) {
  const bool forward = s.lower != s.transpose;
  const int64_t row = s.transpose ? 1 : s.n, col = s.transpose ? s.n : 1;
  for (const int64_t done : Panels(s.n, kBlock, stop)) {
    const int64_t size = std::min(kBlock, s.n - done), rest = s.n - done - size;
    const int64_t first = forward ? done : rest, next = forward ? done + size : 0;
    double* const solved = x + first * s.cols;
    blasSolve(s, size, solved, r + first * s.n + first, stop);
    const double* const part = r + next * row + first * col;
    if (s.cols > 1) {
      subtractProduct(rest, size, s.cols, {part, row, col}, {solved, s.cols, 1}, x + next * s.cols, s.cols,
                      scratch, stop);
    } else if (s.transpose) {
      blas::gemv('N', rest, size, -1, part, s.n, solved, 1, x + next);
    } else {
      blas::gemv('T', size, rest, -1, part, s.n, solved, 1, x + next);
    }
  }
}

}  // namespace

size_t triangularScratch(const TriangularShape& s) {
  if (s.lanes == 1) return isLong(s) ? subtractProductScratch() : 0;
  return static_cast<size_t>(HWY_DYNAMIC_DISPATCH(LaneTriangularScratch)(s));
}

void triangularSolve(const TriangularShape& s, double* x, const double* r, const double* b, double* scratch,
                     Poll stop) {
  if (s.n == 0 || s.cols == 0) return;
  if (s.lanes > 1) {
    HWY_DYNAMIC_DISPATCH(LaneTriangular)(s, x, r, b, scratch, stop);
    return;
  }
  if (x != b) copyDense(x, b, s.n * s.cols, stop);
  if (isLong(s)) {
    blockedSolve(s, x, r, scratch, stop);
  } else {
    blasSolve(s, s.n, x, r, stop);
  }
}

}  // namespace onestep
#endif
