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
#include "kernels/substitution-inl.h"
#include "kernels/tiles-inl.h"

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

/** Columns in whole slabs. */
int64_t Slabbed(int64_t n) { return (n + kSlab - 1) / kSlab * kSlab; }

/** From row to row, an odd number of slabs: an even one may put all rows into the same few cache sets. */
int64_t PlainRow(int64_t n) { return (Slabbed(n) / kSlab | 1) * kSlab; }

/** u[j, i] ← a[i, j] for the lower triangle of a, and whatever a slab holds beyond it. */
void LoadUpper(int64_t n, const double* a, double* u, int64_t wide) {
  for (int64_t i = 0; i < n; i += kSlab) {
    const double* rows[kSlab];
    for (int64_t t = 0; t < kSlab; ++t) rows[t] = a + std::min(i + t, n - 1) * n;
    LoadSlab(u + i, rows, std::min(n, i + kSlab), wide);
  }
}

/** l[i, j] ← u[j, i] for the lower triangle of l, and 0 above it. */
void StoreLower(int64_t n, const double* u, int64_t wide, double* l) {
  for (int64_t i = 0; i < n; i += kSlab) {
    const int64_t height = std::min(kSlab, n - i);
    if (height == kSlab) {
      double* rows[kSlab];
      for (int64_t t = 0; t < kSlab; ++t) rows[t] = l + (i + t) * n;
      StoreSlab(rows, u + i, i + kSlab, wide);
    }
    for (int64_t t = i; t < i + height; ++t) {
      for (int64_t j = 0; j <= t && height < kSlab; ++j) l[t * n + j] = u[j * wide + t];
      std::fill(l + t * n + t + 1, l + (t + 1) * n, 0.0);
    }
  }
}

/** UᵀU of a slab of U on the diagonal, whose rows are `wide` apart. */
bool FactorSlab(int64_t size, double* u, int64_t wide) {
  const auto reduced = [&](int64_t i, int64_t j) {
    double value = u[i * wide + j];
    for (int64_t k = 0; k < i; ++k) value -= u[k * wide + i] * u[k * wide + j];
    return value;
  };
  for (int64_t i = 0; i < size; ++i) {
    const double pivot = reduced(i, i);
    if (!(pivot > 0 && pivot < std::numeric_limits<double>::infinity())) return false;
    const double root = u[i * wide + i] = std::sqrt(pivot);
    for (int64_t j = i + 1; j < size; ++j) u[i * wide + j] = reduced(i, j) / root;
  }
  return true;
}

/**
 * Without lanes, the rows of U = Lᵀ in scratch, a slab J of rows after the other:
 *   U[J, J:] ← A[J, J:] − U[:j, J]ᵀ U[:j, J:],    U[J, J]ᵀ U[J, J] = U[J, J],    U[J, J+:] ← U[J, J]⁻ᵀ U[J,
 * J+:]. Returns whether every pivot was positive and finite. What stands left of the diagonal in U is not
 * used.
 */
bool PlainCholesky(double* l, const double* a, int64_t n, double* u, Poll stop) {
  const int64_t wide = PlainRow(n), columns = Slabbed(n);
  LoadUpper(n, a, u, wide);
  for (const int64_t j : Panels(n, kSlab, stop)) {
    const int64_t height = std::min(kSlab, n - j), next = j + kSlab;
    double* const corner = u + j * wide + j;
    if (j > 0) {
      UniformProduct(Update::subtract, height, j, In{u + j, 1, wide}, u + j, wide, corner, wide,
                     Slabs{(columns - j) / kSlab, kSlab, kSlab}, nullptr, stop);
    }
    if (!FactorSlab(height, corner, wide)) return false;
    if (next < n)
      kUniformTriangles[kSlab - 1](false, columns - next, In{corner, 1, wide}, corner + kSlab, wide);
  }
  StoreLower(n, u, wide, l);
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

/**
 * Up to this size U in scratch pays: times dpotrf 2.5 at n = 50 and 100, 2.3 at 500, 1.9 at 1000. Beyond,
 * reading all of U for every slab of rows costs what is gained.
 */
constexpr int64_t kPlainMost = 1024;

/** The columns of L that are factored together. */
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

/** Without lanes, for large matrices: BLAS. The row-major lower triangle is the column-major upper one. */
bool blasCholesky(double* l, const double* a, int64_t n, double* scratch, Poll stop) {
  for (const int64_t i : Panels(n, 1, stop, n)) {
    if (l != a) std::copy_n(a + i * n, i + 1, l + i * n);
    std::fill(l + i * n + i + 1, l + (i + 1) * n, 0.0);
  }
  return blockedCholesky(l, n, scratch, stop);
}

}  // namespace

size_t choleskyScratch(int64_t n, int64_t lanes) {
  if (lanes > 1) return static_cast<size_t>(HWY_DYNAMIC_DISPATCH(CholeskyScratch)(n));
  if (n <= kPlainMost) return static_cast<size_t>(n * HWY_DYNAMIC_DISPATCH(PlainRow)(n));
  return subtractProductScratch();
}

void cholesky(double* l, const double* a, int64_t n, int64_t lanes, double* scratch, Poll stop) {
  if (n == 0) return;
  if (lanes > 1) {
    HWY_DYNAMIC_DISPATCH(Cholesky)(l, a, n, lanes, scratch, stop);
    return;
  }
  const bool positive = n <= kPlainMost ? HWY_DYNAMIC_DISPATCH(PlainCholesky)(l, a, n, scratch, stop)
                                        : blasCholesky(l, a, n, scratch, stop);
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
