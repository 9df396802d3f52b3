// Triangular solves by substitution, in blocks whose updates are register-blocked products. Compiled once
// per target.
//
// "Forward" solves with a lower triangular matrix from the first row down, backward with an upper one from
// the last row up; a transposed matrix is the transposed view of the other kind.
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
    allPlain_ = hn::AllTrue(tag, plain_);
  }
  HWY_INLINE LaneVector Divide(LaneVector x) const {
#if HWY_NATIVE_FMA
    const LaneVector first = hn::Mul(x, reciprocal_);
    const LaneVector quotient = hn::MulAdd(hn::NegMulAdd(first, divisor_, x), reciprocal_, first);
    if (HWY_LIKELY(allPlain_)) return quotient;
    return hn::IfThenElse(plain_, quotient, hn::Div(x, divisor_));
#else
    return hn::Div(x, divisor_);
#endif
  }

 private:
  LaneVector divisor_, reciprocal_;
  LaneMask plain_;
  bool allPlain_;
};

/** The rows of a block of at most kBlock, solved with the triangle on their diagonal. */
HWY_INLINE void SolveDiagonalBlock(bool forward, bool unit, int64_t height, int64_t cols, In r, Out x) {
  Divisor divisors[kBlock];
  if (!unit) {
    for (int64_t i = 0; i < height; ++i) divisors[i] = Divisor(LoadLanes(r.at(i, i)));
  }
  for (int64_t c = 0; c < cols; ++c) {
    LaneVector solved[kBlock];
    for (int64_t step = 0; step < height; ++step) {
      const int64_t i = forward ? step : height - 1 - step;
      LaneVector value = LoadLanes(x.at(i, c));
      for (int64_t before = 0; before < step; ++before) {
        const int64_t l = forward ? before : height - 1 - before;
        value = hn::NegMulAdd(LoadLanes(r.at(i, l)), solved[l], value);
      }
      solved[i] = unit ? value : divisors[i].Divide(value);
      StoreLanes(solved[i], x.at(i, c));
    }
  }
}

/** X ← R⁻¹X for one vector of lanes, R n × n and X n × cols. */
HWY_INLINE void LaneSolve(bool forward, bool unit, int64_t n, int64_t cols, In r, Out x) {
  for (int64_t done = 0; done < n; done += kBlock) {
    const int64_t height = std::min<int64_t>(kBlock, n - done);
    const int64_t i = forward ? done : n - done - height;
    const int64_t solved = forward ? 0 : i + height;
    const In xIn{x.data, x.row, x.col};
    for (int64_t j = 0; j < cols && done > 0; j += kBlock) {
      const int64_t width = std::min<int64_t>(kBlock, cols - j);
      kLaneBlocks[static_cast<size_t>((height - 1) * kBlock + width - 1)](
          Update::subtract, done, r.from(i, solved), xIn.from(solved, j), x.from(i, j));
    }
    SolveDiagonalBlock(forward, unit, height, cols, r.from(i, i), x.from(i, 0));
  }
}

/** The rows that a uniform solve takes at once, and the columns, a multiple of a slab. */
inline constexpr int64_t kUniformRows = 8;
inline constexpr int64_t kUniformCols = 128;

/** X ← R⁻¹X for uniform R n × n and dense X n × cols, where cols is a multiple of a slab. */
HWY_INLINE void UniformSolve(bool forward, bool unit, int64_t n, int64_t cols, In r, double* x) {
  const Lanes tag;
  for (int64_t done = 0; done < n; done += kUniformRows) {
    const int64_t height = std::min(kUniformRows, n - done);
    const int64_t first = forward ? done : n - done - height;
    const int64_t solved = forward ? 0 : first + height;
    if (done > 0) {
      UniformProduct(Update::subtract, height, done, r.from(first, solved), x + solved * cols, cols,
                     x + first * cols, cols, Slabs{cols / kSlab, kSlab, kSlab}, nullptr);
    }
    Divisor divisors[kUniformRows];
    for (int64_t i = 0; i < height && !unit; ++i) {
      divisors[i] = Divisor(hn::Set(tag, *r.at(first + i, first + i)));
    }
    for (int64_t c = 0; c < cols; c += kWidth) {
      LaneVector values[kUniformRows];
      for (int64_t step = 0; step < height; ++step) {
        const int64_t i = forward ? step : height - 1 - step;
        LaneVector value = LoadLanes(x + (first + i) * cols + c);
        for (int64_t before = 0; before < step; ++before) {
          const int64_t l = forward ? before : height - 1 - before;
          value = hn::NegMulAdd(hn::Set(tag, *r.at(first + i, first + l)), values[l], value);
        }
        values[i] = unit ? value : divisors[i].Divide(value);
        StoreLanes(values[i], x + (first + i) * cols + c);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace onestep
HWY_AFTER_NAMESPACE();

#endif
