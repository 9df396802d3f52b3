// Products and Gram matrices against sums in long double, lane by lane.
#include "kernels/matmul.h"

#include "kernels/gram.h"
#include "tests/tiles.h"

namespace onestep::tests {
namespace {

constexpr double kEpsilon = 0x1p-52;

/** The product of one lane, and its size: the same with magnitudes, which bounds the rounding errors. */
struct Exact {
  std::vector<long double> value, size;
};

Exact product(const MatmulShape& s, const Values& a, const Values& b) {
  Exact c{std::vector<long double>(static_cast<size_t>(s.rows * s.cols)),
          std::vector<long double>(static_cast<size_t>(s.rows * s.cols))};
  for (int64_t i = 0; i < s.rows; ++i) {
    for (int64_t j = 0; j < s.cols; ++j) {
      for (int64_t l = 0; l < s.inner; ++l) {
        const long double left = a[static_cast<size_t>(s.transposeA ? l * s.rows + i : i * s.inner + l)];
        const long double right = b[static_cast<size_t>(s.transposeB ? j * s.inner + l : l * s.cols + j)];
        c.value[static_cast<size_t>(i * s.cols + j)] += left * right;
        c.size[static_cast<size_t>(i * s.cols + j)] += std::fabs(left * right);
      }
    }
  }
  return c;
}

void expectClose(Check& check, const char* name, const MatmulShape& s, const Values& lane, const Exact& exact,
                 int64_t t) {
  for (size_t i = 0; i < lane.size(); ++i) {
    const double bound = kEpsilon * static_cast<double>(s.inner + 2) * static_cast<double>(exact.size[i]);
    check.expect(std::fabs(static_cast<double>(lane[i] - exact.value[i])) <= bound,
                 "%s %ldx%ldx%ld, %ld lanes (A %d%d, B %d%d), lane %ld, entry %zu: %.17g, expected %.17g",
                 name, long(s.rows), long(s.inner), long(s.cols), long(s.lanes), s.laneA, s.transposeA,
                 s.laneB, s.transposeB, long(t), i, lane[i], static_cast<double>(exact.value[i]));
  }
}

void testProduct(Check& check, const MatmulShape& shape, Random& random) {
  MatmulShape s = shape;
  const bool perLane = s.lanes > 1 && (s.laneA || s.laneB);
  const std::vector<Operand> operands = {
      {random.values(s.rows * s.inner * (s.laneA ? s.lanes : 1)), s.laneA && s.lanes > 1},
      {random.values(s.inner * s.cols * (s.laneB ? s.lanes : 1)), s.laneB && s.lanes > 1}};
  const auto size = static_cast<size_t>(s.rows * s.cols * (perLane ? s.lanes : 1));
  const Run run = [&](const std::vector<const double*>& in) {
    Values c(size + 1, 55), scratch(matmulScratch(s));
    matmul(s, c.data(), in[0], in[1], scratch.data());
    check.expect(c[size] == 55, "matmul wrote past its result");
    c.pop_back();
    return c;
  };
  const Values result = runWith(run, operands);
  const int64_t resultLanes = perLane ? s.lanes : 1;
  for (int64_t t = 0; t < resultLanes; t += std::max<int64_t>(1, resultLanes / 3)) {
    expectClose(check, "matmul", s, laneOf(result, resultLanes, t),
                product(s, operands[0].lane(s.lanes, t), operands[1].lane(s.lanes, t)), t);
  }
  if (perLane) expectIndependentLanes(check, "matmul", s.lanes, operands, result, run);
  // Accumulated onto the result itself, everything doubles.
  s.accumulate = true;
  Values twice = result, scratch(matmulScratch(s));
  matmul(s, twice.data(), operands[0].values.data(), operands[1].values.data(), scratch.data());
  for (size_t i = 0; i < result.size(); ++i) {
    check.expect(std::fabs(twice[i] - 2 * result[i]) <= kEpsilon * static_cast<double>(4 * s.inner + 4),
                 "accumulated matmul");
  }
}

void testGram(Check& check, const GramShape& s, Random& random) {
  const bool perLane = s.lanes > 1 && (s.laneA || (s.weighted && s.laneW));
  const std::vector<Operand> operands = {
      {random.values(s.rows * s.cols * (s.laneA ? s.lanes : 1)), s.laneA && s.lanes > 1},
      {random.values(s.rows * (s.laneW ? s.lanes : 1)), s.laneW && s.lanes > 1}};
  const auto size = static_cast<size_t>(s.cols * s.cols * (perLane ? s.lanes : 1));
  const Run run = [&](const std::vector<const double*>& in) {
    Values g(size + 1, 55), scratch(gramScratch(s));
    gram(s, g.data(), in[0], s.weighted ? in[1] : nullptr, scratch.data());
    check.expect(g[size] == 55, "gram wrote past its result");
    g.pop_back();
    return g;
  };
  const Values result = runWith(run, operands);
  const int64_t resultLanes = perLane ? s.lanes : 1;
  const MatmulShape shape{s.cols, s.rows, s.cols, s.lanes, s.laneA, s.laneA, true};
  for (int64_t t = 0; t < resultLanes; t += std::max<int64_t>(1, resultLanes / 3)) {
    const Values a = operands[0].lane(s.lanes, t), w = operands[1].lane(s.lanes, t);
    Values scaled = a;
    for (int64_t r = 0; r < s.rows; ++r) {
      for (int64_t j = 0; j < s.cols; ++j)
        scaled[static_cast<size_t>(r * s.cols + j)] *= s.weighted ? w[static_cast<size_t>(r)] : 1;
    }
    const Values lane = laneOf(result, resultLanes, t);
    expectClose(check, "gram", shape, lane, product(shape, a, scaled), t);
    for (int64_t i = 0; i < s.cols; ++i) {
      for (int64_t j = 0; j < i; ++j) {
        check.expect(lane[static_cast<size_t>(i * s.cols + j)] == lane[static_cast<size_t>(j * s.cols + i)],
                     "gram is not symmetric");
      }
    }
  }
  if (perLane) expectIndependentLanes(check, "gram", s.lanes, operands, result, run);
}

}  // namespace

void testMatmul(Check& check) {
  Random random(3);
  const int64_t sizes[][3] = {{0, 3, 2},    {3, 0, 2},   {2, 3, 0},    {1, 1, 1},    {1, 7, 1},   {5, 1, 3},
                              {2, 3, 5},    {8, 8, 8},   {3, 10, 17},  {17, 5, 1},   {1, 33, 8},  {13, 64, 2},
                              {33, 17, 10}, {64, 33, 3}, {100, 70, 1}, {50, 300, 2}, {12, 530, 1}};
  for (const auto& [rows, inner, cols] : sizes) {
    for (const int64_t lanes : {1, 8, 16, 24, 64}) {
      if (lanes == 64 && rows * inner * cols > 4000) continue;
      for (int bits = 0; bits < 16; ++bits) {
        if (lanes == 1 && bits / 4 != 3) continue;
        testProduct(
            check,
            {rows, inner, cols, lanes, (bits & 8) != 0, (bits & 4) != 0, (bits & 2) != 0, (bits & 1) != 0},
            random);
      }
    }
  }
  // Just over a panel: rows of a pass, and numbers of a matrix that meets a vector.
  const int64_t large[][3] = {{1600, 3, 2},
                              {3, 270, 140},
                              {1100, 1000, 1},
                              {1, 1000, 1100},
                              {kPanelNumbers + 100, 2, 1},
                              {1, 2, kPanelNumbers + 100}};
  for (const auto& [rows, inner, cols] : large) {
    for (int bits = 0; bits < 4; ++bits) {
      const bool transposeA = (bits & 2) != 0, transposeB = (bits & 1) != 0;
      testProduct(check, {rows, inner, cols, 1, false, false, transposeA, transposeB}, random);
      if (rows * inner * cols > 300000) continue;
      for (int lane = 1; lane < 4; ++lane) {
        testProduct(check, {rows, inner, cols, 8, (lane & 2) != 0, (lane & 1) != 0, transposeA, transposeB},
                    random);
      }
    }
  }
  testProduct(check, {100, 100, 100, 8, true, true}, random);
  testProduct(check, {100, 100, 33, 24, false, true}, random);
  testProduct(check, {33, 100, 100, 8, true, false, true}, random);
}

void testGram(Check& check) {
  Random random(4);
  const int64_t sizes[][2] = {{0, 3},  {3, 0},   {1, 1},   {2, 5},    {5, 2},    {10, 8},
                              {17, 3}, {33, 17}, {64, 12}, {100, 33}, {300, 10}, {130, 70}};
  for (const auto& [rows, cols] : sizes) {
    for (const int64_t lanes : {1, 8, 16, 24, 64}) {
      if (lanes > 16 && rows * cols * cols > 20000) continue;
      for (int bits = 0; bits < 8; ++bits) {
        const bool weighted = (bits & 2) != 0;
        testGram(check, {rows, cols, lanes, (bits & 4) != 0, weighted, weighted && (bits & 1) != 0}, random);
      }
    }
  }
}

}  // namespace onestep::tests
