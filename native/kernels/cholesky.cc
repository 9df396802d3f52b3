#include "kernels/cholesky.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/blas.h"
#include "kernels/elementwise.h"
#include "kernels/triangular.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cholesky.cc"
// clang-format off
#include "kernels/targets.h"
#include <hwy/foreach_target.h>
// clang-format on
#include "kernels/product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onestep {
namespace HWY_NAMESPACE {

/**
 * The columns [j, j + kCols) of L, where those to the left are done: block column J of
 *   L[J, J] L[J, J]ᵀ = A[J, J] − L[J, :j] L[J, :j]ᵀ,    L[I, J] = (A[I, J] − L[I, :j] L[J, :j]ᵀ) L[J, J]⁻ᵀ.
 * The products have been subtracted already. Returns the lanes whose pivots were positive and finite.
 */
template <int kCols>
LaneMask FactorColumns(int64_t n, int64_t j, Out a) {
  const Lanes tag;
  const LaneVector infinity = hn::Set(tag, std::numeric_limits<double>::infinity());
  const LaneVector one = hn::Set(tag, 1.0), smallest = hn::Set(tag, 0x1p-1020),
                   largest = hn::Set(tag, 0x1p1020);
  LaneMask good = AllLanes();
  LaneVector diagonal[kCols][kCols], inverse[kCols];
  ONESTEP_UNROLL for (int c = 0; c < kCols; ++c) {
    LaneVector pivot = LoadLanes(a.at(j + c, j + c));
    ONESTEP_UNROLL for (int l = 0; l < c; ++l) {
      pivot = hn::NegMulAdd(diagonal[c][l], diagonal[c][l], pivot);
    }
    good = hn::And(good, hn::And(hn::Gt(pivot, hn::Zero(tag)), hn::Lt(pivot, infinity)));
    const LaneVector root = hn::Sqrt(pivot);
    StoreLanes(root, a.at(j + c, j + c));
    // 1/√p as √p·(1/p): the root and the quotient, the two slow operations, run side by side.
    const LaneVector reciprocal = hn::Div(one, pivot);
    inverse[c] = hn::Mul(root, reciprocal);
    const LaneMask extreme = hn::Or(hn::Lt(pivot, smallest), hn::Gt(pivot, largest));
    if (HWY_UNLIKELY(!hn::AllFalse(tag, extreme))) {
      inverse[c] = hn::IfThenElse(extreme, hn::Div(one, root), inverse[c]);
    }
    ONESTEP_UNROLL for (int r = c + 1; r < kCols; ++r) {
      LaneVector value = LoadLanes(a.at(j + r, j + c));
      ONESTEP_UNROLL for (int l = 0; l < c; ++l) {
        value = hn::NegMulAdd(diagonal[r][l], diagonal[c][l], value);
      }
      diagonal[r][c] = hn::Mul(value, inverse[c]);
      StoreLanes(diagonal[r][c], a.at(j + r, j + c));
    }
  }
  for (int64_t i = j + kCols; i < n; ++i) {
    LaneVector row[kCols];
    ONESTEP_UNROLL for (int c = 0; c < kCols; ++c) {
      LaneVector value = LoadLanes(a.at(i, j + c));
      ONESTEP_UNROLL for (int l = 0; l < c; ++l) value = hn::NegMulAdd(row[l], diagonal[c][l], value);
      row[c] = hn::Mul(value, inverse[c]);
      StoreLanes(row[c], a.at(i, j + c));
    }
  }
  return good;
}

using FactorFunction = LaneMask (*)(int64_t, int64_t, Out);
struct FactorFunctions {
  template <int kIndex>
  static constexpr FactorFunction Member() {
    return FactorColumns<kIndex + 1>;
  }
};
constexpr auto kFactorColumns = FamilyTable<FactorFunctions>(std::make_integer_sequence<int, kBlockCols>());

/** So many columns are updated at once by those to their left, in steps of kBlockCols by one another. */
constexpr int64_t kPanel = 2 * kBlockCols;

void Cholesky(double* l, const double* a, int64_t n, int64_t lanes, double* scratch) {
  const Lanes tag;
  const LaneVector nan = hn::Set(tag, std::numeric_limits<double>::quiet_NaN());
  for (int64_t lane = 0; lane < lanes; lane += kWidth) {
    const In from{a + lane, n * lanes, lanes};
    const Out to{l + lane, n * lanes, lanes};
    const Out work = InPlace(n, lanes) ? to : Out{scratch + kLaneScratch, (n | 1) * kWidth, kWidth};
    const In done{work.data, work.row, work.col};
    LaneMask good = AllLanes();
    for (int64_t panel = 0; panel < n; panel += kPanel) {
      const int64_t end = std::min(n, panel + kPanel);
      if (work.data != from.data)
        CopyLanes(n - panel, end - panel, from.from(panel, panel), work.from(panel, panel));
      if (panel > 0) {
        LaneProduct(Update::subtract, Part::lower, n - panel, panel, end - panel, done.from(panel, 0),
                    done.from(panel, 0).transposed(), work.from(panel, panel), scratch);
      }
      for (int64_t j = panel; j < end; j += kBlockCols) {
        const int64_t width = std::min<int64_t>(kBlockCols, n - j);
        if (j > panel) {
          LaneProduct(Update::subtract, Part::lower, n - j, j - panel, width, done.from(j, panel),
                      done.from(j, panel).transposed(), work.from(j, j), scratch);
        }
        good = hn::And(good, kFactorColumns[static_cast<size_t>(width - 1)](n, j, work));
      }
      if (work.data != to.data)
        CopyLanes(n - panel, end - panel, done.from(panel, panel), to.from(panel, panel));
      for (int64_t above = panel + 1; above < n; ++above) {
        for (int64_t i = panel; i < std::min(end, above); ++i) StoreLanes(hn::Zero(tag), to.at(i, above));
      }
    }
    if (hn::AllTrue(tag, good)) continue;
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < n; ++j)
        StoreLanes(hn::IfThenElse(good, LoadLanes(to.at(i, j)), nan), to.at(i, j));
    }
  }
}

int64_t CholeskyScratch(int64_t n) { return kLaneScratch + n * (n | 1) * kWidth; }

}  // namespace HWY_NAMESPACE
}  // namespace onestep
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onestep {
namespace {

HWY_EXPORT(Cholesky);
HWY_EXPORT(CholeskyScratch);

/** Without lanes: LAPACK. The row-major lower triangle is the column-major upper one. */
void plainCholesky(double* l, const double* a, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    if (l != a) std::copy_n(a + i * n, i + 1, l + i * n);
    std::fill(l + i * n + i + 1, l + (i + 1) * n, 0.0);
  }
  // info says nothing of NaN, so the result is searched for it.
  if (blas::potrf('U', n, l, n) != 0 || !allFinite(l, static_cast<size_t>(n * n))) {
    std::fill_n(l, n * n, std::numeric_limits<double>::quiet_NaN());
  }
}

}  // namespace

size_t choleskyScratch(int64_t n, int64_t lanes) {
  return lanes == 1 ? 0 : static_cast<size_t>(HWY_DYNAMIC_DISPATCH(CholeskyScratch)(n));
}

void cholesky(double* l, const double* a, int64_t n, int64_t lanes, double* scratch) {
  if (n == 0) return;
  if (lanes == 1) {
    plainCholesky(l, a, n);
  } else {
    HWY_DYNAMIC_DISPATCH(Cholesky)(l, a, n, lanes, scratch);
  }
}

size_t choleskySolveScratch(int64_t n, int64_t cols, int64_t lanes, bool laneFactor) {
  return triangularScratch({n, cols, lanes, laneFactor, true});
}

void choleskySolve(double* x, const double* l, const double* b, int64_t n, int64_t cols, int64_t lanes,
                   bool laneFactor, double* scratch) {
  TriangularShape shape{n, cols, lanes, laneFactor, true};
  triangularSolve(shape, x, l, b, scratch);
  shape.transpose = true;
  triangularSolve(shape, x, l, x, scratch);
}

}  // namespace onestep
#endif
