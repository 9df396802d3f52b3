// Reductions over the middle axis: in [outer, axis, inner] → out [outer, inner].
#pragma once

#include <span>
#include <string_view>

#include "kernels/lanes.h"

namespace onestep {

using ReduceKernel = void (*)(double* out, const double* in, int64_t outer, int64_t axis, int64_t inner,
                              Poll stop);

/**
 * The kernel of a reduction, or null when there is none of that name.
 *
 *   sum     0 for an empty axis; summed pairwise over blocks, so the error grows like log(axis)
 *   prod    1 for an empty axis
 *   max     −∞ for an empty axis; NaN if any element is NaN
 *   min     +∞ for an empty axis; NaN if any element is NaN
 *
 * The order of summation depends on `axis` and on whether inner = 1, and on nothing else:
 * inner > 1   blocks of kSumBlock rows are added one row after another, and the block sums pairwise;
 * inner = 1   the same with kSumStreams interleaved partial sums in each block, joined as a fixed tree.
 * `out` must not overlap `in`.
 */
ReduceKernel findReduction(std::string_view name);

/** Every name that findReduction knows. */
std::span<const std::string_view> reductionNames();

inline constexpr int64_t kSumBlock = 128;
inline constexpr int64_t kSumStreams = 32;

/** flags[t] = 1 where every element of lane t of a [size, lanes] is finite, else 0. */
void finiteLanes(double* flags, const double* a, int64_t size, int64_t lanes);

}  // namespace onestep
