#include "kernels/cholesky.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/blas.h"
#include "kernels/elementwise.h"
#include "kernels/matmul.h"
#include "kernels/movement.h"
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

void Cholesky(double* l, const double* a, int64_t n, int64_t lanes, double* scratch, Poll stop) {
  const Lanes tag;
  const LaneVector nan = hn::Set(tag, std::numeric_limits<double>::quiet_NaN());
  for (const int64_t lane : Panels(lanes, kWidth, stop)) {
    const In from{a + lane, n * lanes, lanes};
    const Out to{l + lane, n * lanes, lanes};
    const Out work = InPlace(n, lanes) ? to : Out{scratch + kLaneScratch, (n | 1) * kWidth, kWidth};
    const In done{work.data, work.row, work.col};
    LaneMask good = AllLanes();
    for (const int64_t panel : Panels(n, kPanel, stop)) {
      const int64_t end = std::min(n, panel + kPanel);
      if (work.data != from.data)
        CopyLanes(n - panel, end - panel, from.from(panel, panel), work.from(panel, panel));
      if (panel > 0) {
        LaneProduct(Update::subtract, Part::lower, n - panel, panel, end - panel, done.from(panel, 0),
                    done.from(panel, 0).transposed(), work.from(panel, panel), scratch, stop);
      }
      for (int64_t j = panel; j < end; j += kBlockCols) {
        const int64_t width = std::min<int64_t>(kBlockCols, n - j);
        if (j > panel) {
          LaneProduct(Update::subtract, Part::lower, n - j, j - panel, width, done.from(j, panel),
                      done.from(j, panel).transposed(), work.from(j, j), scratch, stop);
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
    for (const int64_t i : Panels(n, 1, stop, n * kWidth)) {
      for (int64_t j = 0; j < n; ++j)
        StoreLanes(hn::IfThenElse(good, LoadLanes(to.at(i, j)), nan), to.at(i, j));
    }
  }
}

int64_t CholeskyScratch(int64_t n) { return kLaneScratch + n * (n | 1) * kWidth; }

/** Rows in whole vectors. */
int64_t PlainRow(int64_t n) { return (n + kWidth - 1) / kWidth * kWidth; }

/** u[i, j …] ← a − Σ₍k<i₎ u[k, i] u[k, j …], for kVectors vectors from column j on. */
template <int kVectors>
void ReduceRow(int64_t i, int64_t j, int64_t wide, double* u) {
  LaneVector sums[kVectors];
  ONESTEP_UNROLL for (int v = 0; v < kVectors; ++v) sums[v] = LoadLanes(u + i * wide + j + v * kWidth);
  for (int64_t k = 0; k < i; ++k) {
    const LaneVector left = hn::Set(Lanes(), u[k * wide + i]);
    ONESTEP_UNROLL for (int v = 0; v < kVectors; ++v) {
      sums[v] = hn::NegMulAdd(left, LoadLanes(u + k * wide + j + v * kWidth), sums[v]);
    }
  }
  ONESTEP_UNROLL for (int v = 0; v < kVectors; ++v) StoreLanes(sums[v], u + i * wide + j + v * kWidth);
}

struct RowReductions {
  template <int kIndex>
  static constexpr void (*Member())(int64_t, int64_t, int64_t, double*) {
    return ReduceRow<kIndex + 1>;
  }
};
constexpr int kRowVectors = 8;
constexpr auto kReduceRow = FamilyTable<RowReductions>(std::make_integer_sequence<int, kRowVectors>());

/**
 * Without lanes, for small matrices, row after row of U = Lᵀ in scratch:
 *   U[i, i:] = (A[i:, i]ᵀ − Σ₍k<i₎ U[k, i] U[k, i:]) / √pivot.
 * Returns whether every pivot was positive and finite. What stands left of the diagonal in U is not read.
 */
bool PlainCholesky(double* l, const double* a, int64_t n, double* u) {
  const int64_t wide = PlainRow(n);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = i; j < n; ++j) u[i * wide + j] = a[j * n + i];
    std::fill_n(u + i * wide, i, 0.0);
    std::fill_n(u + i * wide + n, wide - n, 0.0);
  }
  for (int64_t i = 0; i < n; ++i) {
    const int64_t first = i / kWidth * kWidth;
    for (int64_t j = first; j < wide;) {
      const int64_t count = std::min<int64_t>(kRowVectors, (wide - j) / kWidth);
      kReduceRow[static_cast<size_t>(count - 1)](i, j, wide, u);
      j += count * kWidth;
    }
    const double pivot = u[i * wide + i];
    if (!(pivot > 0 && pivot < std::numeric_limits<double>::infinity())) return false;
    const double root = std::sqrt(pivot);
    const LaneVector divisor = hn::Set(Lanes(), root);
    for (int64_t j = first; j < wide; j += kWidth) {
      StoreLanes(hn::Div(LoadLanes(u + i * wide + j), divisor), u + i * wide + j);
    }
  }
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j <= i; ++j) l[i * n + j] = u[j * wide + i];
    std::fill(l + i * n + i + 1, l + (i + 1) * n, 0.0);
  }
  return true;
}

}  // namespace HWY_NAMESPACE
}  // namespace onestep
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onestep {
namespace {

HWY_EXPORT(Cholesky);
HWY_EXPORT(CholeskyScratch);

HWY_EXPORT(PlainCholesky);
HWY_EXPORT(PlainRow);

/** Up to this size our own loop beats LAPACK's set-up: 2 against 5 µs at n = 50. */
constexpr int64_t kPlainMost = 96;

/** Whether LAPACK would take longer than a panel may, n³/3 flops. */
bool isLong(int64_t n) {
  const auto size = static_cast<double>(n);
  return size * size * size / 3 > static_cast<double>(kPanelFlops);
}

/** The columns of L that are factored together when it takes long. */
constexpr int64_t kBlock = 128;

/**
 * Block column after block column, where those to the left are done:
 *   L[J, J] L[J, J]ᵀ = A[J, J] − L[J, :j] L[J, :j]ᵀ,    L[I, J] = (A[I, J] − L[I, :j] L[J, :j]ᵀ) L[J, J]⁻ᵀ.
 */
bool blockedCholesky(double* l, int64_t n, double* scratch, Poll stop) {
  for (const int64_t j : Panels(n, kBlock, stop)) {
    const int64_t width = std::min(kBlock, n - j), below = j + width, rows = n - below;
    const double* const left = l + j * n;
    double* const corner = l + j * n + j;
    double* const column = l + below * n + j;
    blas::syrk('U', 'T', width, j, -1, left, n, 1, corner, n);
    if (blas::potrf('U', width, corner, n) != 0) return false;
    subtractProduct(rows, j, width, {l + below * n, n, 1}, {left, 1, n}, column, n, scratch, stop);
    const int64_t panel = inPanel(kPanelFlops, width * width);
    for (const int64_t i : Panels(rows, panel, stop)) {
      blas::trsm('L', 'U', 'T', 'N', width, std::min(panel, rows - i), 1, corner, n, column + i * n, n);
    }
  }
  return true;
}

/** Without lanes: LAPACK. The row-major lower triangle is the column-major upper one. */
bool lapackCholesky(double* l, const double* a, int64_t n, double* scratch, Poll stop) {
  for (const int64_t i : Panels(n, 1, stop, n)) {
    if (l != a) std::copy_n(a + i * n, i + 1, l + i * n);
    std::fill(l + i * n + i + 1, l + (i + 1) * n, 0.0);
  }
  return isLong(n) ? blockedCholesky(l, n, scratch, stop) : blas::potrf('U', n, l, n) == 0;
}

}  // namespace

size_t choleskyScratch(int64_t n, int64_t lanes) {
  if (lanes > 1) return static_cast<size_t>(HWY_DYNAMIC_DISPATCH(CholeskyScratch)(n));
  if (n <= kPlainMost) return static_cast<size_t>(n * HWY_DYNAMIC_DISPATCH(PlainRow)(n));
  return isLong(n) ? subtractProductScratch() : 0;
}

void cholesky(double* l, const double* a, int64_t n, int64_t lanes, double* scratch, Poll stop) {
  if (n == 0) return;
  if (lanes > 1) {
    HWY_DYNAMIC_DISPATCH(Cholesky)(l, a, n, lanes, scratch, stop);
    return;
  }
  const bool positive = n <= kPlainMost ? HWY_DYNAMIC_DISPATCH(PlainCholesky)(l, a, n, scratch)
                                        : lapackCholesky(l, a, n, scratch, stop);
  // LAPACK says nothing of NaN, and an entry below the diagonal may be infinite: the result is searched.
  if (!positive || !allFinite(l, static_cast<size_t>(n * n), stop)) {
    fillDense(l, std::numeric_limits<double>::quiet_NaN(), n * n, stop);
  }
}

size_t choleskySolveScratch(int64_t n, int64_t cols, int64_t lanes, bool laneFactor) {
  return triangularScratch({n, cols, lanes, laneFactor, true});
}

void choleskySolve(double* x, const double* l, const double* b, int64_t n, int64_t cols, int64_t lanes,
                   bool laneFactor, double* scratch, Poll stop) {
  TriangularShape shape{n, cols, lanes, laneFactor, true};
  triangularSolve(shape, x, l, b, scratch, stop);
  shape.transpose = true;
  triangularSolve(shape, x, l, x, scratch, stop);
}

}  // namespace onestep
#endif
