#include "kernels/reduce.h"

#include <algorithm>
#include <cstring>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/reduce.cc"
// clang-format off
#include "kernels/targets.h"
#include <hwy/foreach_target.h>
// clang-format on
#include "kernels/vectormath-inl.h"

#define ONESTEP_REDUCTIONS(X) X(sum) X(prod) X(max) X(min)

HWY_BEFORE_NAMESPACE();
namespace onestep {
namespace HWY_NAMESPACE {
namespace reduction {

struct sum {
  static constexpr double kEmpty = 0;
  template <class V>
  static HWY_INLINE V Join(V a, V b) {
    return hn::Add(a, b);
  }
};
struct prod {
  static constexpr double kEmpty = 1;
  template <class V>
  static HWY_INLINE V Join(V a, V b) {
    return hn::Mul(a, b);
  }
};
struct max {
  static constexpr double kEmpty = -std::numeric_limits<double>::infinity();
  template <class V>
  static HWY_INLINE V Join(V a, V b) {
    return Maximum(a, b);
  }
};
struct min {
  static constexpr double kEmpty = std::numeric_limits<double>::infinity();
  template <class V>
  static HWY_INLINE V Join(V a, V b) {
    return Minimum(a, b);
  }
};

}  // namespace reduction

/**
 * Joins the results of blocks pairwise as they come: after block number b, those of the 2ᵏ last blocks are
 * one entry for every power of two in b, as the bits of a counter. `kVectors` columns of vectors at once.
 */
template <class R, class D, int kVectors>
class Tree {
 public:
  HWY_INLINE void Add(hn::Vec<D>* block) {
    for (uint64_t bits = blocks_++; bits & 1; bits >>= 1) {
      --depth_;
      for (int v = 0; v < kVectors; ++v) block[v] = R::Join(hn::Load(D(), entry(depth_, v)), block[v]);
    }
    for (int v = 0; v < kVectors; ++v) hn::Store(block[v], D(), entry(depth_, v));
    ++depth_;
  }
  HWY_INLINE void Finish(hn::Vec<D>* result) {
    for (int v = 0; v < kVectors; ++v) result[v] = hn::Set(D(), R::kEmpty);
    while (depth_ > 0) {
      --depth_;
      for (int v = 0; v < kVectors; ++v) result[v] = R::Join(hn::Load(D(), entry(depth_, v)), result[v]);
    }
  }

 private:
  static constexpr size_t kLanes = hn::MaxLanes(D());
  HWY_INLINE double* entry(int depth, int v) {
    return entries_ + (static_cast<size_t>(depth * kVectors + v)) * kLanes;
  }
  uint64_t blocks_ = 0;
  int depth_ = 0;
  HWY_ALIGN double entries_[48 * kVectors * kLanes];
};

/** What a row of so many columns costs: rows that lie apart are read by lines of eight numbers. */
constexpr int64_t RowNumbers(int64_t columns) { return std::max(columns, kSlab); }

/** kVectors vectors of columns, all rows. */
template <class R, int kVectors, class D>
HWY_INLINE void Columns(D d, double* out, const double* in, int64_t axis, int64_t inner, Poll stop) {
  constexpr int64_t kLanes = hn::MaxLanes(D());
  hn::Vec<D> total[kVectors];
  Tree<R, D, kVectors> tree;
  for (const int64_t start :
       Panels(std::max<int64_t>(axis, 1), kSumBlock, stop, kSumBlock * RowNumbers(kVectors * kLanes))) {
    for (int v = 0; v < kVectors; ++v) total[v] = hn::Set(d, R::kEmpty);
    const int64_t end = std::min(axis, start + kSumBlock);
    for (int64_t r = start; r < end; ++r) {
      for (int v = 0; v < kVectors; ++v) {
        total[v] = R::Join(total[v], hn::LoadU(d, in + r * inner + v * kLanes));
      }
    }
    if (start == 0 && end == axis) break;
    tree.Add(total);
  }
  if (axis > kSumBlock) tree.Finish(total);
  for (int v = 0; v < kVectors; ++v) hn::StoreU(total[v], d, out + v * kLanes);
}

/** One contiguous run of numbers, in kSumStreams interleaved streams. */
template <class R>
HWY_INLINE double Run(const double* in, int64_t axis, Poll stop) {
  constexpr int64_t kLanes = hn::MaxLanes(Tag());
  constexpr int kVectors = static_cast<int>(kSumStreams / kLanes);
  Vector total[kVectors];
  const int64_t whole = axis / kSumStreams;
  HWY_ALIGN double streams[kSumStreams];
  Columns<R, kVectors>(Tag(), streams, in, whole, kSumStreams, stop);
  for (int64_t i = whole * kSumStreams; i < axis; ++i) {
    const hn::CappedTag<double, 1> one;
    double& stream = streams[i % kSumStreams];
    stream = hn::GetLane(R::Join(hn::Set(one, stream), hn::Set(one, in[i])));
  }
  for (int v = 0; v < kVectors; ++v) total[v] = hn::Load(Tag(), streams + v * kLanes);
  for (int half = kVectors / 2; half > 0; half /= 2) {
    for (int v = 0; v < half; ++v) total[v] = R::Join(total[v], total[v + half]);
  }
  hn::Store(total[0], Tag(), streams);
  const hn::CappedTag<double, 1> one;
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (int64_t i = 0; i < half; ++i) {
      streams[i] = hn::GetLane(R::Join(hn::Set(one, streams[i]), hn::Set(one, streams[i + half])));
    }
  }
  return streams[0];
}

/** As many strips of kVectors vectors of columns as there are from column `first` on; returns where they end.
 */
template <class R, int kVectors, class D>
HWY_INLINE int64_t Strips(D d, double* out, const double* in, int64_t axis, int64_t inner, int64_t first,
                          Poll stop) {
  constexpr int64_t kStrip = kVectors * static_cast<int64_t>(hn::MaxLanes(D()));
  const int64_t columns = (inner - first) / kStrip * kStrip;
  for (const int64_t i : Panels(columns, kStrip, stop, axis * RowNumbers(kStrip))) {
    Columns<R, kVectors>(d, out + first + i, in + first + i, axis, inner, stop);
  }
  return first + columns;
}

template <class R>
void Reduce(double* out, const double* in, int64_t outer, int64_t axis, int64_t inner, Poll stop) {
  for (const int64_t o : Panels(outer, 1, stop, axis * inner)) {
    const double* const from = in + o * axis * inner;
    double* const to = out + o * inner;
    if (inner == 1) {
      *to = Run<R>(from, axis, stop);
      continue;
    }
    int64_t done = Strips<R, 8>(Tag(), to, from, axis, inner, 0, stop);
    done = Strips<R, 1>(Tag(), to, from, axis, inner, done, stop);
    Strips<R, 1>(hn::CappedTag<double, 1>(), to, from, axis, inner, done, stop);
  }
}

#define ONESTEP_ENTRY(name) Reduce<reduction::name>,
const ReduceKernel* ReduceTable() {
  static constexpr ReduceKernel table[] = {ONESTEP_REDUCTIONS(ONESTEP_ENTRY)};
  return table;
}
#undef ONESTEP_ENTRY

template <class D>
HWY_INLINE void FiniteColumn(D d, double* flags, const double* a, int64_t size, int64_t lanes) {
  // x·0 is 0 or NaN, and a NaN stays in the sum.
  hn::Vec<D> sum = hn::Zero(d);
  for (int64_t i = 0; i < size; ++i) sum = hn::MulAdd(hn::LoadU(d, a + i * lanes), hn::Zero(d), sum);
  hn::StoreU(hn::IfThenElseZero(hn::Eq(sum, sum), hn::Set(d, 1.0)), d, flags);
}

void FiniteLanes(double* flags, const double* a, int64_t size, int64_t lanes) {
  constexpr int64_t kLanes = hn::MaxLanes(Tag());
  int64_t t = 0;
  for (; t + kLanes <= lanes; t += kLanes) FiniteColumn(Tag(), flags + t, a + t, size, lanes);
  for (; t < lanes; ++t) FiniteColumn(hn::CappedTag<double, 1>(), flags + t, a + t, size, lanes);
}

}  // namespace HWY_NAMESPACE
}  // namespace onestep
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onestep {
namespace {

HWY_EXPORT(ReduceTable);
HWY_EXPORT(FiniteLanes);

#define ONESTEP_NAME(name) #name,
constexpr std::string_view kNames[] = {ONESTEP_REDUCTIONS(ONESTEP_NAME)};
#undef ONESTEP_NAME

}  // namespace

std::span<const std::string_view> reductionNames() { return kNames; }

ReduceKernel findReduction(std::string_view name) {
  const auto found = std::find(std::begin(kNames), std::end(kNames), name);
  return found == std::end(kNames) ? nullptr : HWY_DYNAMIC_DISPATCH(ReduceTable)()[found - kNames];
}

void finiteLanes(double* flags, const double* a, int64_t size, int64_t lanes) {
  HWY_DYNAMIC_DISPATCH(FiniteLanes)(flags, a, size, lanes);
}

}  // namespace onestep
#endif
