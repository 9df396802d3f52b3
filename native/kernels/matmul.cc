#include "kernels/matmul.h"

#include <algorithm>

#include "base/blas.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/matmul.cc"
// clang-format off
#include "kernels/targets.h"
#include <hwy/foreach_target.h>
// clang-format on
#include "kernels/product-inl.h"
#include "kernels/targets.h"

HWY_BEFORE_NAMESPACE();
namespace onestep {
namespace HWY_NAMESPACE {

/** Both per lane: blocks of C for one vector of lanes after another. */
void LaneByLane(const MatmulShape& s, double* c, const double* a, const double* b, double* scratch) {
  const int64_t t = s.lanes;
  const int64_t aRow = s.transposeA ? t : s.inner * t, aCol = s.transposeA ? s.rows * t : t;
  const int64_t bRow = s.transposeB ? t : s.cols * t, bCol = s.transposeB ? s.inner * t : t;
  for (int64_t lane = 0; lane < t; lane += kWidth) {
    LaneProduct(s.accumulate ? Update::add : Update::set, Part::all, s.rows, s.inner, s.cols,
                In{a + lane, aRow, aCol}, In{b + lane, bRow, bCol}, Out{c + lane, s.cols * t, t}, scratch);
  }
}

/**
 * Uniform A [rows, inner] times `groups` matrices X [inner, lanes] whose rows are xRow apart, group after
 * group xGroup apart; C likewise.
 */
void UniformByLane(Update update, int64_t rows, int64_t inner, int64_t groups, int64_t lanes, In a,
                   const double* x, int64_t xRow, int64_t xGroup, double* c, int64_t cRow, int64_t cGroup,
                   double* scratch) {
  if (xGroup == lanes && cGroup == lanes) {
    lanes *= groups;
    groups = 1;
  }
  if (lanes == kSlab) {
    UniformProduct(update, rows, inner, a, x, xRow, c, cRow, Slabs{groups, xGroup, cGroup}, scratch);
    return;
  }
  for (int64_t g = 0; g < groups; ++g) {
    UniformProduct(update, rows, inner, a, x + g * xGroup, xRow, c + g * cGroup, cRow,
                   Slabs{lanes / kSlab, kSlab, kSlab}, scratch);
  }
}

void LaneMatmul(const MatmulShape& s, double* c, const double* a, const double* b, double* scratch) {
  const Update update = s.accumulate ? Update::add : Update::set;
  const int64_t t = s.lanes;
  if (s.laneA && s.laneB) {
    LaneByLane(s, c, a, b, scratch);
  } else if (s.laneB) {
    const In left = s.transposeA ? In{a, 1, s.rows} : In{a, s.inner, 1};
    const int64_t xRow = s.transposeB ? t : s.cols * t, xGroup = s.transposeB ? s.inner * t : t;
    UniformByLane(update, s.rows, s.inner, s.cols, t, left, b, xRow, xGroup, c, s.cols * t, t, scratch);
  } else {
    // Row i of C is Bᵀ times row i of A.
    const In left = s.transposeB ? In{b, s.inner, 1} : In{b, 1, s.cols};
    const int64_t xRow = s.transposeA ? s.rows * t : t, xGroup = s.transposeA ? t : s.inner * t;
    UniformByLane(update, s.cols, s.inner, s.rows, t, left, a, xRow, xGroup, c, t, s.cols * t, scratch);
  }
}

int64_t LaneMatmulScratch() { return std::max(kUniformScratch, kLaneScratch); }

}  // namespace HWY_NAMESPACE
}  // namespace onestep
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onestep {
namespace {

HWY_EXPORT(LaneMatmul);
HWY_EXPORT(LaneMatmulScratch);

/** Without lanes: BLAS. A row-major matrix is the transposed column-major one, so C = AB is Cᵀ = BᵀAᵀ. */
void plainMatmul(const MatmulShape& s, double* c, const double* a, const double* b) {
  const double beta = s.accumulate ? 1 : 0;
  if (s.rows == 0 || s.cols == 0) return;
  if (s.inner == 0) {
    if (!s.accumulate) std::fill_n(c, s.rows * s.cols, 0.0);
    return;
  }
  if (s.cols == 1) {
    const int64_t m = s.transposeA ? s.rows : s.inner, n = s.transposeA ? s.inner : s.rows;
    blas::gemv(s.transposeA ? 'N' : 'T', m, n, 1, a, m, b, beta, c);
  } else if (s.rows == 1) {
    const int64_t m = s.transposeB ? s.inner : s.cols, n = s.transposeB ? s.cols : s.inner;
    blas::gemv(s.transposeB ? 'T' : 'N', m, n, 1, b, m, a, beta, c);
  } else {
    blas::gemm(s.transposeB ? 'T' : 'N', s.transposeA ? 'T' : 'N', s.cols, s.rows, s.inner, 1, b,
               s.transposeB ? s.inner : s.cols, a, s.transposeA ? s.rows : s.inner, beta, c, s.cols);
  }
}

bool inLanes(const MatmulShape& s) { return s.lanes > 1 && (s.laneA || s.laneB); }

}  // namespace

size_t matmulScratch(const MatmulShape& shape) {
  return inLanes(shape) ? static_cast<size_t>(HWY_DYNAMIC_DISPATCH(LaneMatmulScratch)()) : 0;
}

void matmul(const MatmulShape& shape, double* c, const double* a, const double* b, double* scratch) {
  if (inLanes(shape)) {
    HWY_DYNAMIC_DISPATCH(LaneMatmul)(shape, c, a, b, scratch);
  } else {
    plainMatmul(shape, c, a, b);
  }
}

}  // namespace onestep
#endif
