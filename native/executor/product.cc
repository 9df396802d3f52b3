// matmul and gram: one matrix after another, each by the kernel of its shape.
#include "base/blas.h"
#include "executor/batch.h"
#include "executor/registry.h"
#include "kernels/gram.h"
#include "kernels/matmul.h"

namespace onestep {
namespace {

/** BLAS counts in 32 bits: no axis, with the lanes behind it, may be longer. */
void requireFits(const Call& call, std::initializer_list<int64_t> sizes) {
  for (const int64_t size : sizes) {
    call.require(blas::fits(size * call.lanes()), "sizes below 2^31, lanes included");
  }
}

// C = op(A) op(B)
CommandPointer makeMatmul(const Call& call) {
  call.arity(2, 1);
  Reader attributes = call.attributes();
  const bool transposeA = attributes.flag("transposeA");
  const bool transposeB = attributes.flag("transposeB");
  attributes.end("matmul");
  const auto a = matrixShape(call, call.input(0).shape);
  const auto b = matrixShape(call, call.input(1).shape);
  const auto c = matrixShape(call, call.output().shape);
  const int64_t inner = transposeA ? a.rows : a.cols;
  call.require((transposeA ? a.cols : a.rows) == c.rows && (transposeB ? b.rows : b.cols) == c.cols &&
                   (transposeB ? b.cols : b.rows) == inner,
               "op(A) [n, k], op(B) [k, m] → [n, m]");
  call.require(call.lanes() == 1 || call.perLane(0) || call.perLane(1), "a per-lane operand, in lane code");
  requireFits(call, {c.rows, c.cols, inner});

  const MatmulShape shape{.rows = c.rows,
                          .inner = inner,
                          .cols = c.cols,
                          .lanes = call.lanes(),
                          .laneA = call.perLane(0),
                          .laneB = call.perLane(1),
                          .transposeA = transposeA,
                          .transposeB = transposeB};
  const auto lanes = [&](bool perLane) { return perLane ? call.lanes() : 1; };
  Batch batch(c.lead);
  batch.operand(call, c.lead, c.rows * c.cols * call.lanes());
  batch.operand(call, a.lead, a.rows * a.cols * lanes(shape.laneA));
  batch.operand(call, b.lead, b.rows * b.cols * lanes(shape.laneB));
  const Index scratch = call.scratch(static_cast<int64_t>(matmulScratch(shape)));
  return command([=, out = call.out(), left = call.in(0), right = call.in(1)](Frame& frame) {
    batch.each(frame.stop, [&](const Batch::Offsets& at) {
      matmul(shape, frame[out] + at[0], frame[left] + at[1], frame[right] + at[2], frame[scratch],
             frame.stop);
    });
  });
}

// G = Aᵀ diag(w) A
CommandPointer makeGram(const Call& call) {
  call.arity(2, 1);
  call.noAttributes();
  const auto a = matrixShape(call, call.input(0).shape);
  const auto g = matrixShape(call, call.output().shape);
  Shape weights = call.input(1).shape;
  call.require(!weights.empty() && weights.back() == a.rows && g.rows == a.cols && g.cols == a.cols,
               "A [n, p], w [n] → [p, p]");
  weights.pop_back();
  call.require(call.lanes() == 1 || call.perLane(0) || call.perLane(1), "a per-lane operand, in lane code");
  requireFits(call, {a.rows, a.cols});

  const GramShape shape{.rows = a.rows,
                        .cols = a.cols,
                        .lanes = call.lanes(),
                        .laneA = call.perLane(0),
                        .weighted = true,
                        .laneW = call.perLane(1)};
  const auto lanes = [&](bool perLane) { return perLane ? call.lanes() : 1; };
  Batch batch(g.lead);
  batch.operand(call, g.lead, g.rows * g.cols * call.lanes());
  batch.operand(call, a.lead, a.rows * a.cols * lanes(shape.laneA));
  batch.operand(call, weights, a.rows * lanes(shape.laneW));
  const Index scratch = call.scratch(static_cast<int64_t>(gramScratch(shape)));
  return command([=, out = call.out(), matrix = call.in(0), w = call.in(1)](Frame& frame) {
    batch.each(frame.stop, [&](const Batch::Offsets& at) {
      gram(shape, frame[out] + at[0], frame[matrix] + at[1], frame[w] + at[2], frame[scratch], frame.stop);
    });
  });
}

constexpr Kernel kKernels[] = {{"matmul", makeMatmul}, {"gram", makeGram}};

}  // namespace

std::span<const Kernel> productKernels() { return kKernels; }

}  // namespace onestep
