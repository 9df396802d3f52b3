// Elementwise kernels: functions over a block of n numbers, looked up by name when a Program is loaded.
//
// `out` may be one of the inputs exactly (same pointer); other overlaps are not allowed. A NaN input gives
// a NaN result, except where C's pow says otherwise and in comparisons and logic, whose results are 0 or 1.
// The result of an element depends on that element alone, not on where it stands in the block.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/panels.h"

namespace onestep {

using UnaryKernel = void (*)(double* out, const double* a, size_t n);
using BinaryKernel = void (*)(double* out, const double* a, const double* b, size_t n);
using TernaryKernel = void (*)(double* out, const double* a, const double* b, const double* c, size_t n);

/** One binary operation in its three operand kinds; a scalar operand is read once, from its pointer. */
struct BinaryKernels {
  BinaryKernel vectorVector;
  BinaryKernel vectorScalar;
  BinaryKernel scalarVector;
};

/**
 * The kernel of a unary operation, or null when there is none of that name.
 *
 *   neg abs sign sqrt square reciprocal floor copy   correctly rounded; sign(±0) = ±0, sign(NaN) = NaN
 *   exp expm1 log log1p tanh                          ≤ 1.5 ulp over all doubles, subnormals included
 *   sigmoid                                           1 / (1 + e⁻ˣ), ≤ 1.5 ulp
 *   softplus                                          max(x, 0) + log1p(e⁻|ˣ|), ≤ 1.5 ulp
 *   sin cos                                           ≤ 1 ulp over all doubles; NaN for ±∞
 *   isFinite logicalNot                               0 or 1; logicalNot(x) is x = 0 (NaN is true, so 0)
 */
UnaryKernel findUnary(std::string_view name);

/**
 * The kernels of a binary operation, or null when there is none of that name.
 *
 *   add sub mul div                          correctly rounded
 *   pow                                      C's pow with its special cases, ≤ 1 ulp
 *   maximum minimum                          NaN if either is NaN; +0 is above −0
 *   less lessEqual greater greaterEqual      0 or 1; false with NaN
 *   equal notEqual                           0 or 1; with NaN false and true
 *   logicalAnd logicalOr                     0 or 1; an operand is true when it is not equal to 0 (NaN is)
 */
const BinaryKernels* findBinary(std::string_view name);

/**
 * The kernel of a ternary operation, or null when there is none of that name.
 *
 *   where(c, a, b)      a where c ≠ 0 (NaN is ≠ 0), else b: a choice, so nothing of the other branch leaks
 *   mulAdd(a, b, c)     ab + c, rounded once where the processor has a fused multiply-add
 */
TernaryKernel findTernary(std::string_view name);

/** Every name that the look-ups above know. */
std::span<const std::string_view> unaryNames();
std::span<const std::string_view> binaryNames();
std::span<const std::string_view> ternaryNames();

// Loaders: they bring operands of other layouts into a block. `start` is the position of the block's first
// element in the flat result, so that a block may begin anywhere.

/** out[i] = value. */
void fill(double* out, double value, size_t n);

/** out[i] = src[i · stride]; the stride may be 0 or negative. */
void gatherStrided(double* out, const double* src, ptrdiff_t stride, size_t n);

/** out[i] = src[(start + i) / times]: each value repeated `times` times, as a uniform value over lanes. */
void repeatEach(double* out, const double* src, size_t times, size_t start, size_t n);

/** out[i] = src[(start + i) mod period]: the whole of src repeated, as a row over the rows of a matrix. */
void tileRepeat(double* out, const double* src, size_t period, size_t start, size_t n);

/** Whether every element is finite; anything when told to stop. */
bool allFinite(const double* a, size_t n, Poll stop = Poll());

}  // namespace onestep
