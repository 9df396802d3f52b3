// Movement: transpose, broadcast, slice and pad are one strided copy; concat, gather, scatterAdd and triangle
// see their operand as [outer, axis, inner]. The lane index is an axis like any other, the last.
#include "kernels/movement.h"

#include <array>

#include "executor/registry.h"
#include "kernels/elementwise.h"

namespace onestep {
namespace {

using Strides = std::array<int64_t, kMaxRank>;

/** The strides of a dense value of `shape` whose elements are `unit` doubles. */
Strides denseStrides(const Shape& shape, int64_t unit) {
  Strides strides{};
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = unit;
    unit *= shape[i];
  }
  return strides;
}

/** out[outOffset + Σ i·out] = in[inOffset + Σ i·in] for every index of `shape`, on a ground of zeros if
 * asked. */
struct StridedCopy {
  Shape shape;
  Strides out{};
  Strides in{};
  int64_t outOffset = 0;
  int64_t inOffset = 0;
  int64_t zeros = 0;
};

CommandPointer strided(const Call& call, StridedCopy copy) {
  call.requirePerLane(0);
  const int64_t lanes = call.lanes();
  if (lanes > 1) {
    copy.out[copy.shape.size()] = copy.in[copy.shape.size()] = 1;
    copy.shape.push_back(lanes);
  }
  copy.outOffset *= lanes;
  copy.inOffset *= lanes;
  copy.zeros *= lanes;
  return command([copy = std::move(copy), to = call.out(), from = call.in(0)](Frame& frame) {
    fillDense(frame[to], 0, copy.zeros, frame.stop);
    stridedCopy(frame[to] + copy.outOffset, frame[from] + copy.inOffset, static_cast<int>(copy.shape.size()),
                copy.shape.data(), copy.out.data(), copy.in.data(), frame.stop);
  });
}

CommandPointer makeTranspose(const Call& call) {
  call.arity(1, 1);
  const Shape& in = call.input(0).shape;
  StridedCopy copy{.shape = call.output().shape};
  const Strides dense = denseStrides(in, call.lanes());
  Reader attributes = call.attributes();
  call.require(copy.shape.size() == in.size(), "axes in another order");
  std::vector<bool> seen(in.size());
  for (size_t i = 0; i < in.size(); ++i) {
    const uint32_t axis = attributes.index("axis of transpose", in.size());
    call.require(!seen[axis] && copy.shape[i] == in[axis], "each axis once, in the order of the permutation");
    seen[axis] = true;
    copy.in[i] = dense[axis];
  }
  attributes.end("transpose");
  copy.out = denseStrides(copy.shape, call.lanes());
  return strided(call, std::move(copy));
}

CommandPointer makeBroadcast(const Call& call) {
  call.arity(1, 1);
  call.noAttributes();
  const Shape& in = call.input(0).shape;
  StridedCopy copy{.shape = call.output().shape, .out = denseStrides(call.output().shape, call.lanes())};
  call.require(in.size() <= copy.shape.size(), "a shape that broadcasts to that of the output");
  const size_t skip = copy.shape.size() - in.size();
  const Strides dense = denseStrides(in, call.lanes());
  for (size_t i = 0; i < in.size(); ++i) {
    call.require(in[i] == 1 || in[i] == copy.shape[skip + i],
                 "a shape that broadcasts to that of the output");
    copy.in[skip + i] = in[i] == 1 ? 0 : dense[i];
  }
  return strided(call, std::move(copy));
}

/** As many words as the input has axes. */
Shape amounts(const Call& call, Reader& attributes) {
  const auto words = attributes.take(call.input(0).shape.size(), "one word an axis");
  return Shape(words.begin(), words.end());
}

CommandPointer makeSlice(const Call& call) {
  call.arity(1, 1);
  const Shape& in = call.input(0).shape;
  Reader attributes = call.attributes();
  const Shape start = amounts(call, attributes), stop = amounts(call, attributes),
              step = amounts(call, attributes);
  attributes.end("slice");
  StridedCopy copy{.shape = call.output().shape, .out = denseStrides(call.output().shape, call.lanes())};
  call.require(copy.shape.size() == in.size(), "as many axes as the input");
  const Strides dense = denseStrides(in, 1);
  for (size_t i = 0; i < in.size(); ++i) {
    call.require(start[i] <= stop[i] && stop[i] <= in[i] && step[i] >= 1,
                 "0 ≤ start ≤ stop ≤ size, step ≥ 1");
    call.require(copy.shape[i] == (stop[i] - start[i] + step[i] - 1) / step[i],
                 "⌈(stop − start) / step⌉ elements");
    copy.inOffset += start[i] * dense[i];
    // With one element or none the step may lead far outside, and is not taken.
    copy.in[i] = copy.shape[i] > 1 ? step[i] * dense[i] * call.lanes() : 0;
  }
  return strided(call, std::move(copy));
}

CommandPointer makePad(const Call& call) {
  call.arity(1, 1);
  const Shape& in = call.input(0).shape;
  const Shape& out = call.output().shape;
  Reader attributes = call.attributes();
  const Shape low = amounts(call, attributes), high = amounts(call, attributes),
              interior = amounts(call, attributes);
  attributes.end("pad");
  call.require(out.size() == in.size(), "as many axes as the input");
  StridedCopy copy{.shape = in, .in = denseStrides(in, call.lanes()), .zeros = call.output().size};
  const Strides dense = denseStrides(out, 1);
  for (size_t i = 0; i < in.size(); ++i) {
    const int64_t gaps = std::max<int64_t>(in[i] - 1, 0);
    call.require((gaps == 0 || interior[i] <= out[i] / gaps) &&  // no overflow below
                     out[i] == low[i] + in[i] + gaps * interior[i] + high[i],
                 "low + size + (size − 1)·interior + high elements");
    copy.outOffset += low[i] * dense[i];
    copy.out[i] = gaps > 0 ? (1 + interior[i]) * dense[i] * call.lanes() : 0;
  }
  if (call.input(0).size == 0) copy.outOffset = 0;
  return strided(call, std::move(copy));
}

CommandPointer makeConcat(const Call& call) {
  call.arity(call.inputs(), 1);
  const Shape& out = call.output().shape;
  Reader attributes = call.attributes();
  const uint32_t axis = attributes.index("axis of concat", out.size());
  attributes.end("concat");
  struct Piece {
    Index from;
    int64_t offset;
    int64_t size;
  };
  std::vector<Piece> pieces;
  int64_t offset = 0;
  for (size_t i = 0; i < call.inputs(); ++i) {
    Shape shape = call.input(i).shape;
    call.require(shape.size() == out.size(), "pieces of as many axes");
    const int64_t size = std::exchange(shape[axis], out[axis]);
    call.require(shape == out, "pieces that differ from the output along the axis only");
    call.requirePerLane(i);
    pieces.push_back({call.in(i), offset, size});
    offset += size;
  }
  call.require(offset == out[axis], "pieces that fill the axis");
  return command([pieces = std::move(pieces), to = call.out(), outer = product(out, 0, axis),
                  size = out[axis], inner = product(out, axis + 1, out.size()) * call.lanes()](Frame& frame) {
    for (const Piece& piece : pieces) {
      concatPiece(frame[to], frame[piece.from], outer, size, inner, piece.offset, piece.size, frame.stop);
    }
  });
}

/** Attributes of gather and scatterAdd: an axis, and indices into it on the side where it is long. */
struct Indexing {
  uint32_t axis;
  std::vector<int32_t> indices;
};

Indexing readIndexing(const Call& call, const Shape& indexed, const Shape& listed) {
  Reader attributes = call.attributes();
  const uint32_t axis = attributes.index("axis", indexed.size());
  std::vector<int32_t> indices(attributes.count("indices"));
  const int64_t bound = std::min<int64_t>(indexed[axis], INT32_MAX);
  for (int32_t& index : indices) {
    index = static_cast<int32_t>(attributes.index("index", static_cast<size_t>(bound)));
  }
  attributes.end(call.name().c_str());
  Shape expected = indexed;
  expected[axis] = static_cast<int64_t>(indices.size());
  call.require(listed == expected, "one element along the axis for each index");
  call.requirePerLane(0);
  return {axis, std::move(indices)};
}

CommandPointer makeGather(const Call& call) {
  call.arity(1, 1);
  const Shape& in = call.input(0).shape;
  auto [axis, indices] = readIndexing(call, in, call.output().shape);
  return command([to = call.out(), from = call.in(0), outer = product(in, 0, axis), size = in[axis],
                  inner = product(in, axis + 1, in.size()) * call.lanes(),
                  indices = std::move(indices)](Frame& frame) {
    gather(frame[to], frame[from], outer, size, inner, indices.data(), static_cast<int64_t>(indices.size()),
           frame.stop);
  });
}

CommandPointer makeScatterAdd(const Call& call) {
  call.arity(1, 1);
  const Shape& out = call.output().shape;
  auto [axis, indices] = readIndexing(call, out, call.input(0).shape);
  return command([to = call.out(), from = call.in(0), outer = product(out, 0, axis), size = out[axis],
                  inner = product(out, axis + 1, out.size()) * call.lanes(),
                  indices = std::move(indices)](Frame& frame) {
    fillDense(frame[to], 0, outer * size * inner, frame.stop);
    scatterAdd(frame[to], frame[from], outer, size, inner, indices.data(),
               static_cast<int64_t>(indices.size()), frame.stop);
  });
}

CommandPointer makeTriangle(const Call& call) {
  call.arity(1, 1);
  Reader attributes = call.attributes();
  const Triangle kept = attributes.flag("lower") ? Triangle::lower : Triangle::upper;
  const int64_t offset = static_cast<int32_t>(attributes.word("offset"));
  attributes.end("triangle");
  const Shape& shape = call.input(0).shape;
  call.require(shape.size() >= 2 && call.output().shape == shape,
               "matrices, and an output of the same shape");
  call.requirePerLane(0);
  return command([=, to = call.out(), from = call.in(0), outer = product(shape, 0, shape.size() - 2),
                  rows = shape[shape.size() - 2], cols = shape.back(), lanes = call.lanes()](Frame& frame) {
    triangle(frame[to], frame[from], kept, outer, rows, cols, lanes, offset, frame.stop);
  });
}

/** The same elements in the same order; a uniform value is repeated over the lanes. */
CommandPointer makeCopy(const Call& call) {
  call.arity(1, 1);
  call.noAttributes();
  const int64_t size = call.output().size;
  call.require(call.input(0).size == size, "as many elements as the output");
  const int64_t doubles = size * call.lanes();
  if (call.lanes() > 1 && !call.perLane(0)) {
    const auto lanes = static_cast<size_t>(call.lanes());
    return command([=, to = call.out(), from = call.in(0)](Frame& frame) {
      for (const int64_t start : Panels(doubles, kPanelNumbers, frame.stop)) {
        repeatEach(frame[to] + start, frame[from], lanes, static_cast<size_t>(start),
                   static_cast<size_t>(std::min(kPanelNumbers, doubles - start)));
      }
    });
  }
  return command([=, to = call.out(), from = call.in(0)](Frame& frame) {
    copyDense(frame[to], frame[from], doubles, frame.stop);
  });
}

CommandPointer makeEye(const Call& call) {
  call.arity(0, 1);
  call.noAttributes();
  const Shape& shape = call.output().shape;
  call.require(shape.size() == 2 && shape[0] == shape[1], "→ [n, n]");
  return command([to = call.out(), n = shape[0], lanes = call.lanes()](Frame& frame) {
    double* out = frame[to];
    fillDense(out, 0, n * n * lanes, frame.stop);
    for (int64_t i = 0; i < n; ++i) std::fill_n(out + i * (n + 1) * lanes, lanes, 1.0);
  });
}

constexpr Kernel kKernels[] = {{"transpose", makeTranspose}, {"broadcast", makeBroadcast},
                               {"slice", makeSlice},         {"pad", makePad},
                               {"concat", makeConcat},       {"gather", makeGather},
                               {"copy", makeCopy},           {"scatterAdd", makeScatterAdd},
                               {"triangle", makeTriangle},   {"eye", makeEye}};

}  // namespace

std::span<const Kernel> movementKernels() { return kKernels; }

}  // namespace onestep
