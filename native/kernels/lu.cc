#include "kernels/lu.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/blas.h"
#include "kernels/elementwise.h"
#include "kernels/matmul.h"
#include "kernels/movement.h"
#include "kernels/triangular.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/lu.cc"
// clang-format off
#include "kernels/targets.h"
#include <hwy/foreach_target.h>
// clang-format on
#include "kernels/substitution-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onestep {
namespace HWY_NAMESPACE {

/** The largest magnitude met so far in each lane, and the row where it stands. */
struct Pivot {
  LaneVector magnitude, row;
  HWY_INLINE void Meet(LaneVector value, int64_t i) {
    const LaneVector candidate = hn::Abs(value);
    const LaneMask larger = hn::Gt(candidate, magnitude);
    magnitude = hn::IfThenElse(larger, candidate, magnitude);
    row = hn::IfThenElse(larger, hn::Set(Lanes(), static_cast<double>(i)), row);
  }
};

/** The exchanges of one step: row j changes places with row rows[k] in the lanes of masks[k]. */
class Exchange {
 public:
  HWY_INLINE Exchange(int64_t j, LaneVector pivotRow) : j_(j) {
    HWY_ALIGN double wanted[kWidth];
    hn::Store(pivotRow, Lanes(), wanted);
    for (int64_t t = 0; t < kWidth; ++t) {
      const int64_t row = static_cast<int64_t>(wanted[t]);
      if (row == j || std::find(rows_, rows_ + count_, row) != rows_ + count_) continue;
      rows_[count_] = row;
      masks_[count_++] = hn::Eq(pivotRow, hn::Set(Lanes(), wanted[t]));
    }
  }
  /** Exchanges the entries of `cols` columns. */
  HWY_INLINE void Apply(int64_t cols, Out a) const {
    if (count_ == 0) return;
    for (int64_t c = 0; c < cols; ++c) {
      const LaneVector top = LoadLanes(a.at(j_, c));
      LaneVector chosen = top;
      for (int k = 0; k < count_; ++k) {
        double* const place = a.at(rows_[k], c);
        const LaneVector value = LoadLanes(place);
        chosen = hn::IfThenElse(masks_[k], value, chosen);
        StoreLanes(hn::IfThenElse(masks_[k], top, value), place);
      }
      StoreLanes(chosen, a.at(j_, c));
    }
  }

 private:
  int64_t j_;
  int count_ = 0;
  int64_t rows_[kWidth];
  LaneMask masks_[kWidth];
};

/**
 * Eliminates the columns [j, j + kCols), which the columns to their left have updated already, row by row:
 * the multipliers of one column, the update of the next ones, and the search for the next pivot in one pass.
 * Rows are exchanged in all of a and in the permutation. Returns the lanes whose pivots were neither 0 nor
 * infinite nor NaN; an entry that is not finite ends up in a pivot sooner or later.
 */
template <int kCols>
LaneMask EliminateColumns(int64_t n, int64_t j, Out a, Out permutation) {
  const Lanes tag;
  const LaneVector infinity = hn::Set(tag, std::numeric_limits<double>::infinity());
  LaneMask good = AllLanes();
  Pivot pivot{hn::Abs(LoadLanes(a.at(j, j))), hn::Set(tag, static_cast<double>(j))};
  for (int64_t i = j + 1; i < n; ++i) pivot.Meet(LoadLanes(a.at(i, j)), i);
  ONESTEP_UNROLL for (int c = 0; c < kCols; ++c) {
    const int64_t k = j + c;
    const Exchange exchange(k, pivot.row);
    exchange.Apply(n, a);
    exchange.Apply(1, permutation);
    good = hn::And(good, hn::And(hn::Gt(pivot.magnitude, hn::Zero(tag)), hn::Lt(pivot.magnitude, infinity)));
    const Divisor divisor(LoadLanes(a.at(k, k)));
    const bool plain = divisor.Plain();
    LaneVector top[kCols];
    ONESTEP_UNROLL for (int d = c + 1; d < kCols; ++d) top[d] = LoadLanes(a.at(k, j + d));
    pivot = {hn::Set(tag, -1.0), hn::Set(tag, static_cast<double>(k + 1))};
    for (int64_t i = k + 1; i < n; ++i) {
      const LaneVector entry = LoadLanes(a.at(i, k));
      const LaneVector multiplier = plain ? divisor.Divide<true>(entry) : divisor.Divide<false>(entry);
      StoreLanes(multiplier, a.at(i, k));
      ONESTEP_UNROLL for (int d = c + 1; d < kCols; ++d) {
        const LaneVector value = hn::NegMulAdd(multiplier, top[d], LoadLanes(a.at(i, j + d)));
        StoreLanes(value, a.at(i, j + d));
        if (d == c + 1) pivot.Meet(value, i);
      }
    }
  }
  return good;
}

using EliminateFunction = LaneMask (*)(int64_t, int64_t, Out, Out);
struct EliminateFunctions {
  template <int kIndex>
  static constexpr EliminateFunction Member() {
    return EliminateColumns<kIndex + 1>;
  }
};
constexpr auto kEliminateColumns =
    FamilyTable<EliminateFunctions>(std::make_integer_sequence<int, kBlockCols>());

/** The columns [j, j + width) updated by those from `start` on: U by substitution, and the rows below. */
HWY_INLINE void UpdateColumns(int64_t n, int64_t start, int64_t j, int64_t width, Out a, double* scratch,
                              Poll stop) {
  if (j == start) return;
  const In done{a.data, a.row, a.col};
  LaneSolve(true, j - start, width, done.from(start, start), a.from(start, j), stop);
  LaneProduct(Update::subtract, Part::all, n - j, j - start, width, done.from(j, start), done.from(start, j),
              a.from(j, j), scratch, stop);
}

/** So many columns are updated at once by those to their left, in steps of kBlockCols by one another. */
constexpr int64_t kPanel = 4 * kBlockCols;

void Lu(double* packed, double* permutation, const double* a, int64_t n, int64_t lanes, double* scratch,
        Poll stop) {
  const Lanes tag;
  for (const int64_t lane : Panels(lanes, kWidth, stop)) {
    const In from{a + lane, n * lanes, lanes};
    const Out to{packed + lane, n * lanes, lanes}, rows{permutation + lane, lanes, 0};
    const Out work = InPlace(n, lanes) ? to : Out{scratch + kLaneScratch, (n | 1) * kWidth, kWidth};
    if (work.data != from.data) CopyLanes(n, n, from, work, stop);
    for (int64_t i = 0; i < n; ++i) StoreLanes(hn::Set(tag, static_cast<double>(i)), rows.at(i, 0));
    LaneMask good = AllLanes();
    for (const int64_t panel : Panels(n, kPanel, stop)) {
      const int64_t end = std::min(n, panel + kPanel);
      UpdateColumns(n, 0, panel, end - panel, work, scratch, stop);
      for (int64_t j = panel; j < end; j += kBlockCols) {
        const int64_t width = std::min<int64_t>(kBlockCols, end - j);
        UpdateColumns(n, panel, j, width, work, scratch, stop);
        good = hn::And(good, kEliminateColumns[static_cast<size_t>(width - 1)](n, j, work, rows));
      }
    }
    if (work.data != to.data) CopyLanes(n, n, In{work.data, work.row, work.col}, to, stop);
    if (hn::AllTrue(tag, good)) continue;
    const LaneVector nan = hn::Set(tag, std::numeric_limits<double>::quiet_NaN());
    for (const int64_t i : Panels(n, 1, stop, n * kWidth)) {
      for (int64_t j = 0; j < n; ++j)
        StoreLanes(hn::IfThenElse(good, LoadLanes(to.at(i, j)), nan), to.at(i, j));
      const LaneVector unchanged = hn::Set(tag, static_cast<double>(i));
      StoreLanes(hn::IfThenElse(good, LoadLanes(rows.at(i, 0)), unchanged), rows.at(i, 0));
    }
  }
}

int64_t LuScratch(int64_t n) { return kLaneScratch + n * (n | 1) * kWidth; }

using Indices = hn::RebindToSigned<Lanes>;

/** stride·row as integers, where a row number outside 0 … n − 1 (NaN too) is brought inside. */
HWY_INLINE hn::Vec<Indices> RowOffsets(LaneVector row, int64_t n, int64_t stride) {
  const Lanes tag;
  const LaneVector number = hn::IfThenElseZero(hn::Ge(row, hn::Zero(tag)), row);
  const LaneVector inside = hn::Min(number, hn::Set(tag, static_cast<double>(n - 1)));
  // The sum of an integer and 2⁵² has the integer in its lowest bits.
  const LaneVector sum =
      hn::Add(hn::Mul(inside, hn::Set(tag, static_cast<double>(stride))), hn::Set(tag, 0x1p52));
  return hn::And(hn::BitCast(Indices(), sum), hn::Set(Indices(), (int64_t{1} << 52) - 1));
}

void LaneLuSolve(const LuSolveShape& s, double* x, const double* packed, const double* permutation,
                 const double* b, double* scratch, Poll stop) {
  const auto own = hn::Iota(Indices(), 0);
  const int64_t row = s.cols * s.lanes;
  for (const int64_t lane : Panels(s.lanes, kWidth, stop)) {
    In factor{packed + lane, s.n * s.lanes, s.lanes};
    const Out work{scratch, s.cols * kWidth, kWidth};
    if (s.cols >= kPackUses && s.lanes > kWidth) {
      factor = PackLanes(s.n, s.n, factor, scratch + s.n * s.cols * kWidth, stop);
    }
    if (!s.transpose) {
      for (const int64_t i : Panels(s.n, 1, stop, s.cols * kWidth)) {
        const auto places = hn::Add(own, RowOffsets(LoadLanes(permutation + i * s.lanes + lane), s.n, row));
        for (int64_t c = 0; c < s.cols; ++c) {
          StoreLanes(hn::GatherIndex(Lanes(), b + lane + c * s.lanes, places), work.at(i, c));
        }
      }
      LaneSolve(true, s.n, s.cols, factor, work, stop);
      LaneSolve(false, s.n, s.cols, Reversed(factor, s.n), ReversedRows(work, s.n), stop);
      CopyLanes(s.n, s.cols, In{work.data, work.row, work.col}, Out{x + lane, row, s.lanes}, stop);
    } else {
      CopyLanes(s.n, s.cols, In{b + lane, row, s.lanes}, work, stop);
      LaneSolve(false, s.n, s.cols, factor.transposed(), work, stop);
      LaneSolve(true, s.n, s.cols, Reversed(factor.transposed(), s.n), ReversedRows(work, s.n), stop);
      for (const int64_t i : Panels(s.n, 1, stop, s.cols * kWidth)) {
        const auto places = hn::Add(own, RowOffsets(LoadLanes(permutation + i * s.lanes + lane), s.n, row));
        for (int64_t c = 0; c < s.cols; ++c) {
          hn::ScatterIndex(LoadLanes(work.at(i, c)), Lanes(), x + lane + c * s.lanes, places);
        }
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace onestep
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onestep {
namespace {

HWY_EXPORT(Lu);
HWY_EXPORT(LuScratch);
HWY_EXPORT(LaneLuSolve);

/** A permutation's entry as a row number, brought inside 0 … n − 1. */
int64_t rowNumber(double entry, int64_t n) {
  return entry >= 0 ? std::min(static_cast<int64_t>(std::min(entry, 0x1p52)), n - 1) : 0;
}

void transposeSquare(double* out, const double* in, int64_t n, Poll stop) {
  const int64_t shape[] = {n, n}, axes[] = {1, 0};
  permute(out, in, 2, shape, axes, stop);
}

/** Whether LAPACK would take longer than a panel may, 2n³/3 flops. */
bool isLong(int64_t n) {
  const auto size = static_cast<double>(n);
  return 2 * size * size * size / 3 > static_cast<double>(kPanelFlops);
}

/** The columns that are eliminated together when it takes long: n rows of them are a panel. */
int64_t blockOf(int64_t n) {
  const auto most =
      static_cast<int64_t>(std::sqrt(static_cast<double>(kPanelFlops) / static_cast<double>(n)));
  return std::clamp<int64_t>(most / kSlab * kSlab, kSlab, 256);
}

/**
 * Block column after block column, column-major, where those to the left have updated all that is to the
 * right: P A[J:, J] = L[J:, J] U[J, J], the rows of all columns are exchanged, and then
 *   U[J, K] = L[J, J]⁻¹ A[J, K],    A[I, K] −= L[I, J] U[J, K].
 * Returns whether no pivot was 0.
 */
bool blockedLu(double* a, lapack_int* pivots, int64_t n, double* scratch, Poll stop) {
  const int64_t block = blockOf(n);
  for (const int64_t j : Panels(n, block, stop)) {
    const int64_t width = std::min(block, n - j), next = j + width, rest = n - next;
    double* const corner = a + j * n + j;
    if (blas::getrf(n - j, width, corner, n, pivots + j) != 0) return false;
    for (int64_t i = j; i < next; ++i) pivots[i] += static_cast<lapack_int>(j);
    const int64_t exchanged = inPanel(kPanelNumbers, 2 * width), solved = inPanel(kPanelFlops, width * width);
    for (const int64_t c : Panels(j, exchanged, stop)) {
      blas::laswp(std::min(exchanged, j - c), a + c * n, n, j, next, pivots);
    }
    double* const right = a + next * n;
    for (const int64_t c : Panels(rest, exchanged, stop)) {
      blas::laswp(std::min(exchanged, rest - c), right + c * n, n, j, next, pivots);
    }
    for (const int64_t c : Panels(rest, solved, stop)) {
      blas::trsm('L', 'L', 'N', 'U', width, std::min(solved, rest - c), 1, corner, n, right + c * n + j, n);
    }
    // Seen by rows it is all transposed: A[I, K]ᵀ −= U[J, K]ᵀ L[I, J]ᵀ.
    subtractProduct(rest, width, rest, {right + j, n, 1}, {corner + width, n, 1}, right + next, n, scratch,
                    stop);
  }
  return true;
}

/** Without lanes: LAPACK, on the column-major copy that the scratch holds, followed by its pivots. */
void plainLu(double* packed, double* permutation, const double* a, int64_t n, double* scratch, Poll stop) {
  auto* pivots = reinterpret_cast<lapack_int*>(scratch + n * n);
  transposeSquare(scratch, a, n, stop);
  const bool regular = isLong(n) ? blockedLu(scratch, pivots, n, scratch + n * n + n, stop)
                                 : blas::getrf(n, n, scratch, n, pivots) == 0;
  if (stop.aborted()) return;
  for (int64_t i = 0; i < n; ++i) permutation[i] = static_cast<double>(i);
  // LAPACK says nothing of NaN, so the result is searched for it.
  if (!regular || !allFinite(scratch, static_cast<size_t>(n * n), stop)) {
    fillDense(packed, std::numeric_limits<double>::quiet_NaN(), n * n, stop);
    return;
  }
  transposeSquare(packed, scratch, n, stop);
  for (int64_t i = 0; i < n; ++i) std::swap(permutation[i], permutation[pivots[i] - 1]);
}

}  // namespace

size_t luScratch(int64_t n, int64_t lanes) {
  if (lanes > 1) return static_cast<size_t>(HWY_DYNAMIC_DISPATCH(LuScratch)(n));
  return static_cast<size_t>(n * n + n) + (isLong(n) ? subtractProductScratch() : 0);
}

void lu(double* packed, double* permutation, const double* a, int64_t n, int64_t lanes, double* scratch,
        Poll stop) {
  if (n == 0) return;
  if (lanes == 1) {
    plainLu(packed, permutation, a, n, scratch, stop);
  } else {
    HWY_DYNAMIC_DISPATCH(Lu)(packed, permutation, a, n, lanes, scratch, stop);
  }
}

size_t luSolveScratch(const LuSolveShape& s) {
  if (s.lanes > 1 && s.laneFactor) return static_cast<size_t>(s.n * (s.cols + s.n) * kSlab);
  // The permuted right-hand sides, and what the triangular solves need.
  return static_cast<size_t>(s.n * s.cols * s.lanes) + triangularScratch({s.n, s.cols, s.lanes, false, true});
}

void luSolve(const LuSolveShape& s, double* x, const double* packed, const double* permutation,
             const double* b, double* scratch, Poll stop) {
  if (s.n == 0 || s.cols == 0) return;
  if (s.lanes > 1 && s.laneFactor) {
    HWY_DYNAMIC_DISPATCH(LaneLuSolve)(s, x, packed, permutation, b, scratch, stop);
    return;
  }
  const int64_t row = s.cols * s.lanes;
  double* const work = scratch;
  double* const rest = scratch + s.n * row;
  TriangularShape lower{s.n, s.cols, s.lanes, false, true, s.transpose, true};
  TriangularShape upper{s.n, s.cols, s.lanes, false, false, s.transpose, false};
  if (!s.transpose) {
    for (const int64_t i : Panels(s.n, 1, stop, row))
      copyDense(work + i * row, b + rowNumber(permutation[i], s.n) * row, row, stop);
    triangularSolve(lower, work, packed, work, rest, stop);
    triangularSolve(upper, x, packed, work, rest, stop);
  } else {
    triangularSolve(upper, work, packed, b, rest, stop);
    triangularSolve(lower, work, packed, work, rest, stop);
    for (const int64_t i : Panels(s.n, 1, stop, row))
      copyDense(x + rowNumber(permutation[i], s.n) * row, work + i * row, row, stop);
  }
}

}  // namespace onestep
#endif
