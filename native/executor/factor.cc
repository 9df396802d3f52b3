// Factorizations and the solves that use them: one matrix after another, each by the kernel of its shape.
#include "base/blas.h"
#include "executor/batch.h"
#include "executor/registry.h"
#include "kernels/cholesky.h"
#include "kernels/lu.h"
#include "kernels/triangular.h"

namespace onestep {
namespace {

void requireFits(const Call& call, int64_t size) {
  call.require(blas::fits(size * call.lanes()), "sizes below 2^31, lanes included");
}

/** The shape of a square matrix operand. */
MatrixShape squareShape(const Call& call, const Shape& shape) {
  const auto matrix = matrixShape(call, shape);
  call.require(matrix.rows == matrix.cols, "a square matrix");
  requireFits(call, matrix.rows);
  return matrix;
}

CommandPointer makeCholesky(const Call& call) {
  call.arity(1, 1);
  call.noAttributes();
  const auto a = squareShape(call, call.input(0).shape);
  call.require(call.output().shape == call.input(0).shape, "A [n, n] → L [n, n]");
  call.requirePerLane(0);
  const int64_t n = a.rows, lanes = call.lanes(), unit = n * n * lanes;
  Batch batch(a.lead);
  batch.operand(call, a.lead, unit);
  const Index scratch = call.scratch(static_cast<int64_t>(choleskyScratch(n, lanes)));
  return command([=, out = call.out(), in = call.in(0)](Frame& frame) {
    batch.each(frame.stop, [&](const Batch::Offsets& at) {
      cholesky(frame[out] + at[0], frame[in] + at[0], n, lanes, frame[scratch], frame.stop);
    });
  });
}

CommandPointer makeLu(const Call& call) {
  call.arity(1, 2);
  call.noAttributes();
  const auto a = squareShape(call, call.input(0).shape);
  Shape rows = a.lead;
  rows.push_back(a.rows);
  call.require(call.output(0).shape == call.input(0).shape && call.output(1).shape == rows,
               "A [n, n] → packed [n, n], permutation [n]");
  call.requirePerLane(0);
  const int64_t n = a.rows, lanes = call.lanes();
  Batch batch(a.lead);
  batch.operand(call, a.lead, n * n * lanes);
  batch.operand(call, a.lead, n * lanes);
  const Index scratch = call.scratch(static_cast<int64_t>(luScratch(n, lanes)));
  return command([=, packed = call.out(0), permutation = call.out(1), in = call.in(0)](Frame& frame) {
    batch.each(frame.stop, [&](const Batch::Offsets& at) {
      lu(frame[packed] + at[0], frame[permutation] + at[1], frame[in] + at[0], n, lanes, frame[scratch],
         frame.stop);
    });
  });
}

/** The shapes of a solve: factor [..., n, n] and right-hand side [..., n, m] → [..., n, m]. */
struct Solve {
  int64_t n;
  int64_t cols;
  bool laneFactor;
  /** Operands: the output, the factor, the right-hand side. */
  Batch batch;
};

Solve solveShape(const Call& call, size_t right) {
  const auto factor = squareShape(call, call.input(0).shape);
  const auto b = matrixShape(call, call.input(right).shape);
  const auto x = matrixShape(call, call.output().shape);
  const int64_t n = factor.rows, lanes = call.lanes();
  call.require(b.rows == n && x.rows == n && b.cols == x.cols, "a factor [n, n] and B [n, m] → [n, m]");
  requireFits(call, x.cols);
  call.requirePerLane(right);
  Solve solve{.n = n, .cols = x.cols, .laneFactor = call.perLane(0), .batch = Batch(x.lead)};
  solve.batch.operand(call, x.lead, n * x.cols * lanes);
  solve.batch.operand(call, factor.lead, n * n * (solve.laneFactor ? lanes : 1));
  solve.batch.operand(call, b.lead, n * x.cols * lanes);
  return solve;
}

// op(R) X = B
CommandPointer makeTriangularSolve(const Call& call) {
  call.arity(2, 1);
  Reader attributes = call.attributes();
  const bool lower = attributes.flag("lower");
  const bool transpose = attributes.flag("transpose");
  const bool unit = attributes.flag("unit");
  attributes.end("triangularSolve");
  const Solve solve = solveShape(call, 1);
  const TriangularShape shape{.n = solve.n,
                              .cols = solve.cols,
                              .lanes = call.lanes(),
                              .laneFactor = solve.laneFactor,
                              .lower = lower,
                              .transpose = transpose,
                              .unitDiagonal = unit};
  const Index scratch = call.scratch(static_cast<int64_t>(triangularScratch(shape)));
  return command([=, out = call.out(), r = call.in(0), b = call.in(1)](Frame& frame) {
    solve.batch.each(frame.stop, [&](const Batch::Offsets& at) {
      triangularSolve(shape, frame[out] + at[0], frame[r] + at[1], frame[b] + at[2], frame[scratch],
                      frame.stop);
    });
  });
}

// LLᵀ X = B; A is symmetric, so that its transpose is solved with the same factor
CommandPointer makeCholeskySolve(const Call& call) {
  call.arity(2, 1);
  Reader attributes = call.attributes();
  attributes.flag("transpose");
  attributes.end("choleskySolve");
  const Solve solve = solveShape(call, 1);
  const int64_t lanes = call.lanes();
  const Index scratch =
      call.scratch(static_cast<int64_t>(choleskySolveScratch(solve.n, solve.cols, lanes, solve.laneFactor)));
  return command([=, out = call.out(), l = call.in(0), b = call.in(1)](Frame& frame) {
    solve.batch.each(frame.stop, [&](const Batch::Offsets& at) {
      choleskySolve(frame[out] + at[0], frame[l] + at[1], frame[b] + at[2], solve.n, solve.cols, lanes,
                    solve.laneFactor, frame[scratch], frame.stop);
    });
  });
}

// op(A) X = B with PA = LU
CommandPointer makeLuSolve(const Call& call) {
  call.arity(3, 1);
  Reader attributes = call.attributes();
  const bool transpose = attributes.flag("transpose");
  attributes.end("luSolve");
  Solve solve = solveShape(call, 2);
  Shape rows = call.input(1).shape;
  call.require(!rows.empty() && rows.back() == solve.n, "a permutation [n]");
  rows.pop_back();
  call.require(call.perLane(1) == solve.laneFactor, "packed and permutation both uniform or both per lane");
  solve.batch.operand(call, rows, solve.n * (solve.laneFactor ? call.lanes() : 1));
  const LuSolveShape shape{.n = solve.n,
                           .cols = solve.cols,
                           .lanes = call.lanes(),
                           .laneFactor = solve.laneFactor,
                           .transpose = transpose};
  const Index scratch = call.scratch(static_cast<int64_t>(luSolveScratch(shape)));
  return command(
      [=, out = call.out(), packed = call.in(0), permutation = call.in(1), b = call.in(2)](Frame& frame) {
        solve.batch.each(frame.stop, [&](const Batch::Offsets& at) {
          luSolve(shape, frame[out] + at[0], frame[packed] + at[1], frame[permutation] + at[3],
                  frame[b] + at[2], frame[scratch], frame.stop);
        });
      });
}

constexpr Kernel kKernels[] = {{"cholesky", makeCholesky},
                               {"lu", makeLu},
                               {"triangularSolve", makeTriangularSolve},
                               {"choleskySolve", makeCholeskySolve},
                               {"luSolve", makeLuSolve}};

}  // namespace

std::span<const Kernel> factorKernels() { return kKernels; }

}  // namespace onestep
