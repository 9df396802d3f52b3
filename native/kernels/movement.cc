#include "kernels/movement.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace onestep {
namespace {

struct Dimension {
  int64_t size, out, in;
  /** Numbers in one step, those of the dimensions inside. */
  int64_t inside = 1;
};

/** The strides of a dense row-major array. */
std::array<int64_t, kMaxRank> denseStrides(int rank, const int64_t* shape) {
  std::array<int64_t, kMaxRank> strides{};
  int64_t stride = 1;
  for (int d = rank - 1; d >= 0; --d) {
    strides[static_cast<size_t>(d)] = stride;
    stride *= shape[d];
  }
  return strides;
}

void copyRun(double* out, const double* in, Dimension run) {
  if (run.out == 1 && run.in == 1) {
    std::memcpy(out, in, static_cast<size_t>(run.size) * sizeof(double));
  } else if (run.out == 1 && run.in == 0) {
    std::fill_n(out, run.size, *in);
  } else {
    for (int64_t i = 0; i < run.size; ++i) out[i * run.out] = in[i * run.in];
  }
}

/** Two dimensions in squares that stay in the cache: along one the input is dense, along the other out. */
void copyPlane(double* out, const double* in, Dimension rows, Dimension cols, Poll stop) {
  constexpr int64_t kSide = 16;
  for (const int64_t r : Panels(rows.size, kSide, stop, kSide * cols.size)) {
    const int64_t height = std::min(kSide, rows.size - r);
    for (const int64_t c : Panels(cols.size, kSide, stop, kSide * kSide)) {
      const int64_t width = std::min(kSide, cols.size - c);
      for (int64_t i = r; i < r + height; ++i) {
        copyRun(out + i * rows.out + c * cols.out, in + i * rows.in + c * cols.in,
                {width, cols.out, cols.in});
      }
    }
  }
}

void copyNested(double* out, const double* in, int rank, const Dimension* dims, Poll stop) {
  if (rank == 0) {
    *out = *in;
    return;
  }
  const Dimension& outer = dims[0];
  if (rank == 1) {
    for (const int64_t i : Panels(outer.size, kPanelNumbers, stop)) {
      copyRun(out + i * outer.out, in + i * outer.in,
              {std::min(kPanelNumbers, outer.size - i), outer.out, outer.in});
    }
  } else if (rank == 2 && outer.in == 1 && dims[1].in != 1) {
    copyPlane(out, in, outer, dims[1], stop);
  } else {
    for (const int64_t i : Panels(outer.size, 1, stop, outer.inside)) {
      copyNested(out + i * outer.out, in + i * outer.in, rank - 1, dims + 1, stop);
    }
  }
}

}  // namespace

void fillDense(double* out, double value, int64_t count, Poll stop) {
  for (const int64_t i : Panels(count, kPanelNumbers, stop)) {
    const int64_t panel = std::min(kPanelNumbers, count - i);
    if (std::bit_cast<uint64_t>(value) == 0) {
      std::memset(out + i, 0, static_cast<size_t>(panel) * sizeof(double));
    } else {
      std::fill_n(out + i, panel, value);
    }
  }
}

void copyDense(double* out, const double* in, int64_t count, Poll stop) {
  for (const int64_t i : Panels(count, kPanelNumbers, stop)) {
    std::memcpy(out + i, in + i, static_cast<size_t>(std::min(kPanelNumbers, count - i)) * sizeof(double));
  }
}

void stridedCopy(double* out, const double* in, int rank, const int64_t* shape, const int64_t* outStrides,
                 const int64_t* inStrides, Poll stop) {
  // Dimensions of size 1 are dropped, and neighbours that step as one are joined.
  std::array<Dimension, kMaxRank> dims{};
  size_t count = 0;
  for (int d = 0; d < rank; ++d) {
    if (shape[d] == 0) return;
    if (shape[d] == 1) continue;
    const Dimension next{shape[d], outStrides[d], inStrides[d]};
    if (count > 0 && dims[count - 1].out == next.size * next.out &&
        dims[count - 1].in == next.size * next.in) {
      dims[count - 1] = {dims[count - 1].size * next.size, next.out, next.in};
    } else {
      dims[count++] = next;
    }
  }
  // Where the input is dense along another dimension than the last, that one is moved next to the last.
  if (count > 2 && dims[count - 1].in != 1) {
    for (size_t d = 0; d + 2 < count; ++d) {
      if (dims[d].in == 1) {
        std::rotate(dims.begin() + static_cast<ptrdiff_t>(d), dims.begin() + static_cast<ptrdiff_t>(d) + 1,
                    dims.begin() + static_cast<ptrdiff_t>(count) - 1);
        break;
      }
    }
  }
  int64_t inside = 1;
  for (size_t d = count; d-- > 0; inside *= dims[d].size) dims[d].inside = inside;
  copyNested(out, in, static_cast<int>(count), dims.data(), stop);
}

void permute(double* out, const double* in, int rank, const int64_t* shape, const int64_t* axes, Poll stop) {
  const auto dense = denseStrides(rank, shape);
  std::array<int64_t, kMaxRank> outShape{}, inStrides{};
  for (int d = 0; d < rank; ++d) {
    outShape[static_cast<size_t>(d)] = shape[axes[d]];
    inStrides[static_cast<size_t>(d)] = dense[static_cast<size_t>(axes[d])];
  }
  const auto outStrides = denseStrides(rank, outShape.data());
  stridedCopy(out, in, rank, outShape.data(), outStrides.data(), inStrides.data(), stop);
}

void broadcast(double* out, const double* in, int rank, const int64_t* outShape, const int64_t* inShape) {
  const auto outStrides = denseStrides(rank, outShape);
  auto inStrides = denseStrides(rank, inShape);
  for (int d = 0; d < rank; ++d) {
    if (inShape[d] == 1) inStrides[static_cast<size_t>(d)] = 0;
  }
  stridedCopy(out, in, rank, outShape, outStrides.data(), inStrides.data());
}

void slice(double* out, const double* in, int rank, const int64_t* inShape, const int64_t* outShape,
           const int64_t* start, const int64_t* step) {
  const auto outStrides = denseStrides(rank, outShape);
  auto inStrides = denseStrides(rank, inShape);
  for (int d = 0; d < rank; ++d) {
    in += start[d] * inStrides[static_cast<size_t>(d)];
    inStrides[static_cast<size_t>(d)] *= step[d];
  }
  stridedCopy(out, in, rank, outShape, outStrides.data(), inStrides.data());
}

void pad(double* out, const double* in, int rank, const int64_t* inShape, const int64_t* low,
         const int64_t* high, const int64_t* interior, double value) {
  std::array<int64_t, kMaxRank> outShape{}, kept{};
  int64_t size = 1;
  for (int d = 0; d < rank; ++d) {
    const int64_t spread = inShape[d] + std::max<int64_t>(inShape[d] - 1, 0) * interior[d];
    outShape[static_cast<size_t>(d)] = low[d] + spread + high[d];
    size *= outShape[static_cast<size_t>(d)];
  }
  std::fill_n(out, size, value);
  auto outStrides = denseStrides(rank, outShape.data());
  const auto inStrides = denseStrides(rank, inShape);
  for (int d = 0; d < rank; ++d) {
    const auto e = static_cast<size_t>(d);
    // Element i lands on low + i·step; the first and the last i that land inside:
    const int64_t step = 1 + interior[d];
    const int64_t first = low[d] < 0 ? (-low[d] + step - 1) / step : 0;
    const int64_t room = outShape[e] - 1 - low[d];
    const int64_t last = room < 0 ? -1 : std::min(inShape[d] - 1, room / step);
    kept[e] = std::max<int64_t>(last - first + 1, 0);
    if (kept[e] == 0) return;
    in += first * inStrides[e];
    out += (low[d] + first * step) * outStrides[e];
    outStrides[e] *= step;
  }
  stridedCopy(out, in, rank, kept.data(), outStrides.data(), inStrides.data());
}

void concatPiece(double* out, const double* in, int64_t outer, int64_t axis, int64_t inner, int64_t offset,
                 int64_t piece, Poll stop) {
  const int64_t shape[] = {outer, piece * inner};
  const int64_t outStrides[] = {axis * inner, 1}, inStrides[] = {piece * inner, 1};
  stridedCopy(out + offset * inner, in, 2, shape, outStrides, inStrides, stop);
}

void gather(double* out, const double* in, int64_t outer, int64_t axis, int64_t inner, const int32_t* indices,
            int64_t count, Poll stop) {
  for (const int64_t o : Panels(outer, 1, stop, count * inner)) {
    const double* const from = in + o * axis * inner;
    double* const to = out + o * count * inner;
    for (const int64_t j : Panels(count, 1, stop, inner)) {
      copyDense(to + j * inner, from + indices[j] * inner, inner, stop);
    }
  }
}

void scatterAdd(double* out, const double* in, int64_t outer, int64_t axis, int64_t inner,
                const int32_t* indices, int64_t count, Poll stop) {
  for (const int64_t o : Panels(outer, 1, stop, count * inner)) {
    for (const int64_t j : Panels(count, 1, stop, inner)) {
      double* const to = out + (o * axis + indices[j]) * inner;
      const double* const from = in + (o * count + j) * inner;
      for (const int64_t panel : Panels(inner, kPanelNumbers, stop)) {
        const int64_t end = std::min(inner, panel + kPanelNumbers);
        for (int64_t i = panel; i < end; ++i) to[i] += from[i];
      }
    }
  }
}

void triangle(double* out, const double* in, Triangle kept, int64_t outer, int64_t rows, int64_t cols,
              int64_t inner, int64_t offset, Poll stop) {
  const int64_t row = cols * inner;
  for (const int64_t o : Panels(outer, 1, stop, rows * row)) {
    for (const int64_t r : Panels(rows, 1, stop, row)) {
      double* const to = out + (o * rows + r) * row;
      const double* const from = in + (o * rows + r) * row;
      // [first, last) is kept.
      const int64_t edge = std::clamp<int64_t>(r + offset + (kept == Triangle::lower ? 1 : 0), 0, cols);
      const int64_t first = kept == Triangle::lower ? 0 : edge, last = kept == Triangle::lower ? edge : cols;
      fillDense(to, 0, first * inner, stop);
      if (to != from) copyDense(to + first * inner, from + first * inner, (last - first) * inner, stop);
      fillDense(to + last * inner, 0, (cols - last) * inner, stop);
    }
  }
}

void diagonal(double* out, const double* in, int64_t outer, int64_t n, int64_t inner) {
  const int64_t shape[] = {outer, n, inner};
  const int64_t outStrides[] = {n * inner, inner, 1}, inStrides[] = {n * n * inner, (n + 1) * inner, 1};
  stridedCopy(out, in, 3, shape, outStrides, inStrides);
}

void diagonalEmbed(double* out, const double* in, int64_t outer, int64_t n, int64_t inner) {
  std::fill_n(out, outer * n * n * inner, 0.0);
  const int64_t shape[] = {outer, n, inner};
  const int64_t outStrides[] = {n * n * inner, (n + 1) * inner, 1}, inStrides[] = {n * inner, inner, 1};
  stridedCopy(out, in, 3, shape, outStrides, inStrides);
}

}  // namespace onestep
