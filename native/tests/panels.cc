// Panels, and that every kernel that may take long stops between them: told to stop from the start, it never
// comes to the number that it needs last.
#include "base/panels.h"

#include "kernels/cholesky.h"
#include "kernels/gram.h"
#include "kernels/lu.h"
#include "kernels/matmul.h"
#include "kernels/movement.h"
#include "kernels/reduce.h"
#include "kernels/triangular.h"
#include "tests/tiles.h"

namespace onestep::tests {
namespace {

std::vector<int64_t> visited(const Panels& panels) {
  std::vector<int64_t> all;
  for (const int64_t i : panels) all.push_back(i);
  return all;
}

void testLoop(Check& check) {
  int32_t word = 0;
  const Poll stop(&word);
  using Expected = std::vector<int64_t>;
  check.expect(visited({0, 3, stop}).empty() && visited({10, 4, stop}) == Expected{0, 4, 8} &&
                   visited({8, 4, Poll()}) == Expected{0, 4},
               "panels that nobody stops");
  const int64_t half = kPanelNumbers / 2;
  Expected seen;
  for (const int64_t i : Panels(100, 10, stop)) {
    seen.push_back(i);
    if (i == 30) word = 1;
  }
  check.expect(seen == Expected{0, 10, 20, 30}, "panels go on after the word, or stop before it");
  check.expect(visited({10, 4, stop}) == Expected{0}, "the first panel comes before the first question");
  check.expect(visited({10, 1, stop, half}) == Expected{0, 1}, "a question after so many numbers");
  check.expect(visited({10, 1, stop, 1}).size() == 10, "no question within one panel");
  word = 2;
  check.expect(visited({10, 4, stop}).size() == 3, "only to abort ends panels");
}

/** A kernel with operands of so many numbers each; out is where its result goes. */
struct Work {
  const char* name;
  std::vector<int64_t> operands;
  int64_t size;
  std::function<void(double* out, const std::vector<Values>& in, Poll stop)> run;
  /** It ends with the first numbers of the last operand and of the result, instead of the last ones. */
  bool backwards = false;
};

/**
 * NaN where the last operand is needed last comes out at the end of the result; told to stop, the kernel
 * never gets there.
 */
void testStop(Check& check, const Work& work, Random& random) {
  std::vector<Values> in;
  for (const int64_t size : work.operands) in.push_back(random.values(size, 0.5, 1));
  (work.backwards ? in.back().front() : in.back().back()) = kNaN;
  const auto reached = [&](Poll stop) {
    Values out(static_cast<size_t>(work.size), 55);
    work.run(out.data(), in, stop);
    return std::isnan(work.backwards ? out.front() : out.back());
  };
  int32_t word = 0;
  check.expect(reached(Poll(&word)), "%s does not read all of its operands", work.name);
  word = 1;
  check.expect(!reached(Poll(&word)), "%s does not stop", work.name);
}

Work product(const char* name, MatmulShape s) {
  const int64_t lanesA = s.laneA ? s.lanes : 1, lanesB = s.laneB ? s.lanes : 1;
  return {name,
          {s.rows * s.inner * lanesA, s.inner * s.cols * lanesB},
          s.rows * s.cols * std::max(lanesA, lanesB),
          [s](double* out, const std::vector<Values>& in, Poll stop) {
            Values scratch(matmulScratch(s));
            matmul(s, out, in[0].data(), in[1].data(), scratch.data(), stop);
          }};
}

Work gramOf(const char* name, GramShape s) {
  const int64_t lanesA = s.laneA ? s.lanes : 1, lanesW = s.laneW ? s.lanes : 1;
  return {name,
          {s.rows * lanesW, s.rows * s.cols * lanesA},
          s.cols * s.cols * std::max(lanesA, lanesW),
          [s](double* out, const std::vector<Values>& in, Poll stop) {
            Values scratch(gramScratch(s));
            gram(s, out, in[1].data(), in[0].data(), scratch.data(), stop);
          }};
}

/** Symmetric positive definite as far as it is read, and all its leading minors are regular. */
Values dominant(const Values& a, int64_t n, int64_t lanes) {
  Values dominant = a;
  for (int64_t i = 0; i < n * lanes; ++i) {
    dominant[static_cast<size_t>((i / lanes * (n + 1)) * lanes + i % lanes)] += static_cast<double>(n);
  }
  return dominant;
}

Work factor(const char* name, int64_t n, int64_t lanes, bool definite) {
  return {name, {n * n * lanes}, n * n * lanes, [=](double* out, const std::vector<Values>& in, Poll stop) {
            const Values a = dominant(in[0], n, lanes);
            Values scratch(std::max(choleskyScratch(n, lanes), luScratch(n, lanes))),
                permutation(static_cast<size_t>(n * lanes));
            if (definite) {
              cholesky(out, a.data(), n, lanes, scratch.data(), stop);
            } else {
              lu(out, permutation.data(), a.data(), n, lanes, scratch.data(), stop);
            }
          }};
}

Work solve(const char* name, TriangularShape s) {
  return {name,
          {s.n * s.cols * s.lanes, s.n * s.n * (s.laneFactor ? s.lanes : 1)},
          s.n * s.cols * s.lanes,
          [s](double* out, const std::vector<Values>& in, Poll stop) {
            Values scratch(triangularScratch(s));
            triangularSolve(s, out, dominant(in[1], s.n, s.laneFactor ? s.lanes : 1).data(), in[0].data(),
                            scratch.data(), stop);
          },
          s.lower == s.transpose};
}

Work luSolveOf(const char* name, LuSolveShape s) {
  return {name,
          {s.n * s.n * (s.laneFactor ? s.lanes : 1), s.n * s.cols * s.lanes},
          s.n * s.cols * s.lanes,
          [s](double* out, const std::vector<Values>& in, Poll stop) {
            const int64_t lanes = s.laneFactor ? s.lanes : 1;
            Values scratch(luSolveScratch(s)), permutation;
            for (int64_t i = 0; i < s.n * lanes; ++i) permutation.push_back(static_cast<double>(i / lanes));
            luSolve(s, out, dominant(in[0], s.n, lanes).data(), permutation.data(), in[1].data(),
                    scratch.data(), stop);
          }};
}

Work reduction(std::string_view name, int64_t outer, int64_t axis, int64_t inner) {
  return {name.data(),
          {outer * axis * inner},
          outer * inner,
          [=](double* out, const std::vector<Values>& in, Poll stop) {
            findReduction(name)(out, in[0].data(), outer, axis, inner, stop);
          }};
}

/** A movement that puts the last number of its operand last. */
using Move = std::function<void(double* out, const double* in, Poll stop)>;
Work movement(const char* name, int64_t size, const Move& move) {
  return {name, {size}, size, [=](double* out, const std::vector<Values>& in, Poll stop) {
            move(out, in[0].data(), stop);
          }};
}

/** More than one panel of memory. */
constexpr int64_t kMany = kPanelNumbers + 128;

std::vector<Work> movements() {
  const auto permuted = [](std::vector<int64_t> shape, std::vector<int64_t> axes) {
    return [=](double* out, const double* in, Poll stop) {
      permute(out, in, static_cast<int>(shape.size()), shape.data(), axes.data(), stop);
    };
  };
  static const std::vector<int32_t> same = [] {
    std::vector<int32_t> indices(kMany);
    for (size_t i = 0; i < indices.size(); ++i) indices[i] = static_cast<int32_t>(i);
    return indices;
  }();
  std::vector<Work> all = {
      movement("copyDense", kMany,
               [](double* out, const double* in, Poll stop) { copyDense(out, in, kMany, stop); }),
      movement("transpose", 1100 * 1100, permuted({1100, 1100}, {1, 0})),
      movement("transpose, wide", 2 * kMany, permuted({2, kMany}, {1, 0})),
      movement("transpose, tall", 2 * kMany, permuted({kMany, 2}, {1, 0})),
      movement("permute", 300 * 70 * 64, permuted({300, 70, 64}, {1, 0, 2})),
      movement("permute, long rows", 4 * kMany, permuted({2, 2, kMany}, {1, 0, 2})),
      movement("concatPiece", 2 * kMany, [](double* out, const double* in, Poll stop) {
        concatPiece(out, in, 2, kMany, 1, 0, kMany, stop);
      })};
  for (const auto& [outer, axis, inner] : {std::array{int64_t{1}, kMany, int64_t{1}},
                                           {kMany, int64_t{1}, int64_t{1}},
                                           {int64_t{1}, int64_t{1}, kMany},
                                           {int64_t{12}, int64_t{1000}, int64_t{100}}}) {
    const std::array shape = {outer, axis, inner};
    all.push_back(movement("gather", outer * axis * inner, [shape](double* out, const double* in, Poll stop) {
      gather(out, in, shape[0], shape[1], shape[2], same.data(), shape[1], stop);
    }));
    all.push_back(
        movement("scatterAdd", outer * axis * inner, [shape](double* out, const double* in, Poll stop) {
          scatterAdd(out, in, shape[0], shape[1], shape[2], same.data(), shape[1], stop);
        }));
    all.push_back(
        movement("triangle", outer * axis * inner, [shape](double* out, const double* in, Poll stop) {
          triangle(out, in, Triangle::lower, shape[0], shape[1], shape[2], 1, shape[2], stop);
        }));
  }
  return all;
}

}  // namespace

void testPanels(Check& check) {
  testLoop(check);
  Random random(11);
  std::vector<Work> all = {
      product("product", {300, 300, 300, 1, false, false}),
      product("product, A transposed", {300, 20, 300, 1, false, false, true}),
      product("product, B transposed", {3, 300, 300, 1, false, false, false, true}),
      product("product, tall", {20000, 20, 20, 1, false, false}),
      product("matrix-vector", {1100, 1100, 1, 1, false, false}),
      product("matrix-vector, transposed", {1100, 1100, 1, 1, false, false, true}),
      product("vector-matrix", {1, 1100, 1100, 1, false, false}),
      product("vector-matrix, transposed", {1, 1100, 1100, 1, false, false, false, true}),
      product("matrix-vector, long", {kMany, 2, 1, 1, false, false, true}),
      product("uniform × lane", {20, 20, 8, 24, false, true}),
      product("uniform × lane, deep", {20, 300, 1, 24, false, true}),
      product("lane × uniform", {8, 20, 20, 24, true, false}),
      product("lane × lane", {20, 20, 20, 24, true, true}),
      product("lane × lane, deep", {20, 100, 20, 8, true, true}),
      product("lane × lane, tall", {1600, 2, 2, 8, true, true}),
      gramOf("gram", {300, 16, 1, false, true, false}),
      gramOf("gram, wide", {20, 40, 1, false, true, false}),
      gramOf("gram, uniform A", {300, 16, 24, false, true, true}),
      gramOf("gram, lane A", {100, 16, 24, true, true, true}),
      factor("cholesky", 1100, 1, true),
      factor("cholesky, lanes", 20, 24, true),
      factor("cholesky, one vector of lanes", 20, 8, true),
      factor("lu", 1100, 1, false),
      factor("lu, lanes", 20, 24, false),
      luSolveOf("luSolve, lanes", {20, 2, 24, true}),
      luSolveOf("luSolve", {2, kMany, 1, false}),
      reduction("sum", 1, kMany, 1),
      reduction("sum", 2, kMany, 3),
      reduction("max", 3, kMany / 2, 1),
      reduction("min", 1, 2, kMany),
      reduction("prod", kMany / 2, 2, 2)};
  for (int bits = 0; bits < 4; ++bits) {
    const bool lower = (bits & 1) != 0, transpose = (bits & 2) != 0;
    all.push_back(solve("triangularSolve", {700, 600, 1, false, lower, transpose}));
    all.push_back(solve("triangularSolve, a vector", {1980, 1, 1, false, lower, transpose}));
    all.push_back(solve("triangularSolve, uniform", {20, 30, 8, false, lower, transpose}));
    all.push_back(solve("triangularSolve, lanes", {20, 3, 24, true, lower, transpose}));
  }
  for (const Work& work : movements()) all.push_back(work);
  for (const Work& work : all) testStop(check, work, random);
}

}  // namespace onestep::tests
