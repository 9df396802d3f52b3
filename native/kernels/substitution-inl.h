// Triangular solves by substitution, in blocks whose updates are register-blocked products. Compiled once
// per target.
//
// One direction is written: a lower triangular matrix, from the first row down. An upper one is the lower
// one of the reversed view, and a transposed matrix is the transposed view of the other kind.
#if defined(ONESTEP_KERNELS_SUBSTITUTION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ONESTEP_KERNELS_SUBSTITUTION_INL_H_
#undef ONESTEP_KERNELS_SUBSTITUTION_INL_H_
#else
#define ONESTEP_KERNELS_SUBSTITUTION_INL_H_
#endif

#include <hwy/highway.h>

#include "kernels/product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onestep {
namespace HWY_NAMESPACE {

/**
 * Divides many numbers by one. With fused multiply-add the reciprocal is formed once, and a step of Newton's
 * iteration rounds the quotient about as a division does (x/x is 1); but not in the lanes where the
 * reciprocal overflows or loses digits, which divide.
 */
class Divisor {
 public:
  HWY_INLINE Divisor() = default;
  explicit HWY_INLINE Divisor(LaneVector d) : divisor_(d) {
    const Lanes tag;
    const LaneVector magnitude = hn::Abs(d);
    reciprocal_ = hn::Div(hn::Set(tag, 1.0), d);
    plain_ = hn::And(hn::Ge(magnitude, hn::Set(tag, 0x1p-1000)), hn::Le(magnitude, hn::Set(tag, 0x1p1000)));
  }
  /** Whether the reciprocal is good in every lane, so that Divide<true> may be used. */
  HWY_INLINE bool Plain() const { return HWY_NATIVE_FMA && hn::AllTrue(Lanes(), plain_); }
  template <bool kPlain>
  HWY_INLINE LaneVector Divide(LaneVector x) const {
#if HWY_NATIVE_FMA
    const LaneVector first = hn::Mul(x, reciprocal_);
    const LaneVector quotient = hn::MulAdd(hn::NegMulAdd(first, divisor_, x), reciprocal_, first);
    if constexpr (kPlain) return quotient;
    return hn::IfThenElse(plain_, quotient, hn::Div(x, divisor_));
#else
    return hn::Div(x, divisor_);
#endif
  }

 private:
  LaneVector divisor_, reciprocal_;
  LaneMask plain_;
};

/** The diagonal of a triangle: ones, numbers whose reciprocals are good, or any numbers. */
enum class Diagonal { unit, plain, any };

/** One row after another of a small triangle, whose entries `entry(i, l)` gives: the rows of x in place. */
template <int kRows, Diagonal kDiagonal, class Entry>
HWY_INLINE void SolveRows(Entry entry, const Divisor* divisors, double* x, int64_t xRow) {
  LaneVector solved[kRows];
  ONESTEP_UNROLL for (int i = 0; i < kRows; ++i) {
    LaneVector value = LoadLanes(x + i * xRow);
    ONESTEP_UNROLL for (int l = 0; l < i; ++l) value = hn::NegMulAdd(entry.At(i, l), solved[l], value);
    if constexpr (kDiagonal != Diagonal::unit) {
      value = divisors[i].template Divide<kDiagonal == Diagonal::plain>(value);
    }
    solved[i] = value;
    StoreLanes(value, x + i * xRow);
  }
}

/** The same for `cols` columns of x, xCol apart. */
template <int kRows, class Entry>
HWY_INLINE void SolveTriangle(bool unit, int64_t cols, Entry entry, double* x, int64_t xRow, int64_t xCol) {
  if (unit) {
    for (int64_t c = 0; c < cols; ++c) SolveRows<kRows, Diagonal::unit>(entry, nullptr, x + c * xCol, xRow);
    return;
  }
  Divisor divisors[kRows];
  bool plain = true;
  for (int i = 0; i < kRows; ++i) {
    divisors[i] = Divisor(entry.At(i, i));
    plain = plain && divisors[i].Plain();
  }
  if (HWY_LIKELY(plain)) {
    for (int64_t c = 0; c < cols; ++c) SolveRows<kRows, Diagonal::plain>(entry, divisors, x + c * xCol, xRow);
  } else {
    for (int64_t c = 0; c < cols; ++c) SolveRows<kRows, Diagonal::any>(entry, divisors, x + c * xCol, xRow);
  }
}

/** The entries of a matrix per lane, and of a uniform one. */
struct LaneEntries {
  In r;
  HWY_INLINE LaneVector At(int i, int l) const { return LoadLanes(r.at(i, l)); }
};
struct UniformEntries {
  In r;
  HWY_INLINE LaneVector At(int i, int l) const { return hn::Set(Lanes(), *r.at(i, l)); }
};

/** The view from the last of n rows (and columns) backwards. */
HWY_INLINE In Reversed(In r, int64_t n) { return {r.at(n - 1, n - 1), -r.row, -r.col}; }
HWY_INLINE Out ReversedRows(Out x, int64_t n) { return {x.at(n - 1, 0), -x.row, x.col}; }

/** The triangle on the diagonal of kRows rows of R, per lane, against those rows of X. */
template <int kRows>
void LaneTriangle(bool unit, int64_t cols, In r, Out x) {
  SolveTriangle<kRows>(unit, cols, LaneEntries{r}, x.data, x.row, x.col);
}

using LaneTriangleFunction = void (*)(bool, int64_t, In, Out);
struct LaneTriangles {
  template <int kIndex>
  static constexpr LaneTriangleFunction Member() {
    return LaneTriangle<kIndex + 1>;
  }
};
inline constexpr auto kLaneTriangles =
    FamilyTable<LaneTriangles>(std::make_integer_sequence<int, kBlockRows>());

/** The columns that a solve per lane takes at once. */
inline constexpr int64_t kSolveCols = 64 * kBlockCols;

/** X ← R⁻¹X for one vector of lanes, R n × n and lower triangular, X n × cols. */
HWY_INLINE void LaneSolve(bool unit, int64_t n, int64_t cols, In r, Out x, Poll stop) {
  const In solved{x.data, x.row, x.col};
  for (const int64_t first : Panels(cols, kSolveCols, stop)) {
    const int64_t end = std::min(cols, first + kSolveCols);
    for (const int64_t i : Panels(n, kBlockRows, stop)) {
      const int64_t height = std::min<int64_t>(kBlockRows, n - i);
      for (int64_t j = first; j < end && i > 0; j += kBlockCols) {
        const int64_t width = std::min<int64_t>(kBlockCols, end - j);
        kLaneBlocks[static_cast<size_t>((height - 1) * kBlockCols + width - 1)](
            Update::subtract, i, r.from(i, 0), solved.from(0, j), x.from(i, j));
      }
      kLaneTriangles[static_cast<size_t>(height - 1)](unit, end - first, r.from(i, i), x.from(i, first));
    }
  }
}

/** The rows that a uniform solve takes at once, and the columns, a multiple of a slab. */
inline constexpr int64_t kUniformRows = 8;
inline constexpr int64_t kUniformCols = 128;

/** The triangle on the diagonal of kRows rows of uniform R against those rows of X. */
template <int kRows>
void UniformTriangle(bool unit, int64_t cols, In r, double* x, int64_t xRow) {
  SolveTriangle<kRows>(unit, cols / kWidth, UniformEntries{r}, x, xRow, kWidth);
}

using UniformTriangleFunction = void (*)(bool, int64_t, In, double*, int64_t);
struct UniformTriangles {
  template <int kIndex>
  static constexpr UniformTriangleFunction Member() {
    return UniformTriangle<kIndex + 1>;
  }
};
inline constexpr auto kUniformTriangles =
    FamilyTable<UniformTriangles>(std::make_integer_sequence<int, kUniformRows>());

/** X ← R⁻¹X for uniform lower triangular R n × n and X n × cols, where cols is a multiple of a slab. */
HWY_INLINE void UniformSolve(bool unit, int64_t n, int64_t cols, In r, double* x, int64_t xRow, Poll stop) {
  for (const int64_t i : Panels(n, kUniformRows, stop)) {
    const int64_t height = std::min(kUniformRows, n - i);
    if (i > 0) {
      UniformProduct(Update::subtract, height, i, r.from(i, 0), x, xRow, x + i * xRow, xRow,
                     Slabs{cols / kSlab, kSlab, kSlab}, nullptr, stop);
    }
    kUniformTriangles[static_cast<size_t>(height - 1)](unit, cols, r.from(i, i), x + i * xRow, xRow);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace onestep
HWY_AFTER_NAMESPACE();

#endif
