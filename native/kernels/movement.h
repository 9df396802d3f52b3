// Movement: copies that rearrange, cut, widen and collect values.
//
// Shapes are lists of up to kMaxRank sizes. For a per-lane value the lane index is simply the last
// dimension; the functions over [outer, axis, inner] take the lanes as part of inner. Unless a function
// says otherwise, `out` does not overlap an input.
#pragma once

#include "kernels/lanes.h"
#include "kernels/tiles.h"

namespace onestep {

inline constexpr int kMaxRank = 8;

/** out[i] = value, i < count. */
void fillDense(double* out, double value, int64_t count, Poll stop = Poll());

/** out[i] = in[i], i < count. */
void copyDense(double* out, const double* in, int64_t count, Poll stop = Poll());

/**
 * out[Σ i·outStrides] = in[Σ i·inStrides] for every index i of `shape`. Strides are in doubles and may be 0
 * (broadcast, on the input's side) or negative. Everything below except the sums is this copy.
 */
void stridedCopy(double* out, const double* in, int rank, const int64_t* shape, const int64_t* outStrides,
                 const int64_t* inStrides, Poll stop = Poll());

/** Transposition: dimension d of out is dimension axes[d] of in. `shape` is that of in. */
void permute(double* out, const double* in, int rank, const int64_t* shape, const int64_t* axes,
             Poll stop = Poll());

/** in of `inShape`, whose sizes are 1 or those of `outShape`, repeated along the 1s. */
void broadcast(double* out, const double* in, int rank, const int64_t* outShape, const int64_t* inShape);

/** out[i] = in[start + i·step] along every dimension; a step may be negative. `outShape` is that of out. */
void slice(double* out, const double* in, int rank, const int64_t* inShape, const int64_t* outShape,
           const int64_t* start, const int64_t* step);

/**
 * The values of `in` set into a field of `value`: along dimension d, element i goes to low[d] +
 * i·(1 + interior[d]). `low` and `high` may be negative, which cuts. The size of out along d is
 * low + high + inShape + max(inShape − 1, 0)·interior.
 */
void pad(double* out, const double* in, int rank, const int64_t* inShape, const int64_t* low,
         const int64_t* high, const int64_t* interior, double value);

/**
 * One piece of a concatenation: in [outer, piece, inner] goes to out [outer, axis, inner] at position
 * `offset` of the axis.
 */
void concatPiece(double* out, const double* in, int64_t outer, int64_t axis, int64_t inner, int64_t offset,
                 int64_t piece, Poll stop = Poll());

/** out[o, j, i] = in[o, indices[j], i] for in [outer, axis, inner] and count indices within the axis. */
void gather(double* out, const double* in, int64_t outer, int64_t axis, int64_t inner, const int32_t* indices,
            int64_t count, Poll stop = Poll());

/**
 * out[o, indices[j], i] += in[o, j, i] for out [outer, axis, inner], added in the order of j. What `out`
 * held stays a summand: fill it first.
 */
void scatterAdd(double* out, const double* in, int64_t outer, int64_t axis, int64_t inner,
                const int32_t* indices, int64_t count, Poll stop = Poll());

enum class Triangle { lower, upper };

/**
 * Each matrix of in [outer, rows, cols, inner] with zeros outside its triangle. Kept are the entries with
 * col ≤ row + offset (lower) or col ≥ row + offset (upper). `out` and `in` may be the same memory.
 */
void triangle(double* out, const double* in, Triangle kept, int64_t outer, int64_t rows, int64_t cols,
              int64_t inner, int64_t offset, Poll stop = Poll());

/** out[o, i, l] = in[o, i, i, l] for in [outer, n, n, inner]. */
void diagonal(double* out, const double* in, int64_t outer, int64_t n, int64_t inner);

/** out [outer, n, n, inner] with in [outer, n, inner] on its diagonals and zeros elsewhere. */
void diagonalEmbed(double* out, const double* in, int64_t outer, int64_t n, int64_t inner);

}  // namespace onestep
