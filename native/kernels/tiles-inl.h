// Between the two orders of memory: eight instances stored one after another, and a slab of eight lanes.
// Compiled once per target.
#if defined(ONESTEP_KERNELS_TILES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ONESTEP_KERNELS_TILES_INL_H_
#undef ONESTEP_KERNELS_TILES_INL_H_
#else
#define ONESTEP_KERNELS_TILES_INL_H_
#endif

#include <hwy/highway.h>

#include "kernels/lanes.h"

HWY_BEFORE_NAMESPACE();
namespace onestep {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using SquareTag = hn::CappedTag<double, kSlab>;
inline constexpr int64_t kSquare = hn::MaxLanes(SquareTag());

/** Transposes a square of as many vectors as a vector has numbers: 1, 2, 4 or 8. */
HWY_INLINE void TransposeSquare(hn::Vec<SquareTag>* v) {
#if HWY_TARGET != HWY_SCALAR
  const SquareTag d;
  hn::Vec<SquareTag> pairs[kSquare];
  // Within blocks of two numbers: pairs[i] has the even columns of rows i and i + 1, pairs[i + 1] the odd.
  for (int64_t i = 0; i < kSquare; i += 2) {
    pairs[i] = hn::InterleaveLower(d, v[i], v[i + 1]);
    pairs[i + 1] = hn::InterleaveUpper(d, v[i], v[i + 1]);
  }
  if constexpr (kSquare == 2) {
    v[0] = pairs[0], v[1] = pairs[1];
  } else if constexpr (kSquare == 4) {
    for (int64_t i = 0; i < 2; ++i) {
      v[i] = hn::ConcatLowerLower(d, pairs[i + 2], pairs[i]);
      v[i + 2] = hn::ConcatUpperUpper(d, pairs[i + 2], pairs[i]);
    }
  } else {
    // Blocks 0 and 2 of rows i … i + 3 go to columns i and i + 4, blocks 1 and 3 to i + 2 and i + 6.
    hn::Vec<SquareTag> even[4], odd[4];
    for (int64_t i = 0; i < 4; ++i) {
      const int64_t top = (i / 2) * 4 + i % 2;
      even[i] = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(pairs[top + 2]), pairs[top]);
      odd[i] = hn::OddEvenBlocks(pairs[top + 2], hn::SwapAdjacentBlocks(pairs[top]));
    }
    for (int64_t i = 0; i < 2; ++i) {
      v[i] = hn::ConcatLowerLower(d, even[i + 2], even[i]);
      v[i + 4] = hn::ConcatUpperUpper(d, even[i + 2], even[i]);
      v[i + 2] = hn::ConcatLowerLower(d, odd[i + 2], odd[i]);
      v[i + 6] = hn::ConcatUpperUpper(d, odd[i + 2], odd[i]);
    }
  }
#else
  (void)v;
#endif
}

/** slab[s·lanes + t] = from[t][s] for eight instances. */
HWY_INLINE void LoadSlab(double* slab, const double* const* from, int64_t size, int64_t lanes) {
  const SquareTag d;
  int64_t s = 0;
  for (; s + kSquare <= size; s += kSquare) {
    for (int64_t t = 0; t < kSlab; t += kSquare) {
      hn::Vec<SquareTag> v[kSquare];
      for (int64_t i = 0; i < kSquare; ++i) v[i] = hn::LoadU(d, from[t + i] + s);
      TransposeSquare(v);
      for (int64_t i = 0; i < kSquare; ++i) hn::StoreU(v[i], d, slab + (s + i) * lanes + t);
    }
  }
  for (; s < size; ++s) {
    for (int64_t t = 0; t < kSlab; ++t) slab[s * lanes + t] = from[t][s];
  }
}

/** to[t][s] = slab[s·lanes + t] for eight instances. */
HWY_INLINE void StoreSlab(double* const* to, const double* slab, int64_t size, int64_t lanes) {
  const SquareTag d;
  int64_t s = 0;
  for (; s + kSquare <= size; s += kSquare) {
    for (int64_t t = 0; t < kSlab; t += kSquare) {
      hn::Vec<SquareTag> v[kSquare];
      for (int64_t i = 0; i < kSquare; ++i) v[i] = hn::LoadU(d, slab + (s + i) * lanes + t);
      TransposeSquare(v);
      for (int64_t i = 0; i < kSquare; ++i) hn::StoreU(v[i], d, to[t + i] + s);
    }
  }
  for (; s < size; ++s) {
    for (int64_t t = 0; t < kSlab; ++t) to[t][s] = slab[s * lanes + t];
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace onestep
HWY_AFTER_NAMESPACE();

#endif
