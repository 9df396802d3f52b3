// Cholesky, LU and triangular solves by scaled residuals, as LAPACK's own tests judge them, and what happens
// to lanes that are singular, indefinite or not finite.
#include "kernels/cholesky.h"
#include "kernels/lu.h"
#include "kernels/triangular.h"
#include "tests/tiles.h"

namespace onestep::tests {
namespace {

constexpr double kEpsilon = 0x1p-52;
/** The threshold of LAPACK's tests of linear equations. */
constexpr double kResidual = 30;

size_t at(int64_t i, int64_t j, int64_t cols) { return static_cast<size_t>(i * cols + j); }

/** The largest column sum of magnitudes. */
long double norm(const std::vector<long double>& a, int64_t rows, int64_t cols) {
  long double largest = 0;
  for (int64_t j = 0; j < cols; ++j) {
    long double sum = 0;
    for (int64_t i = 0; i < rows; ++i) sum += std::fabs(a[at(i, j, cols)]);
    largest = std::isnan(sum) ? kInfinity : std::max(largest, sum);
  }
  return largest;
}

std::vector<long double> exact(const Values& a) { return {a.begin(), a.end()}; }

/** At most `most` columns of a matrix, evenly spread. */
Values someColumns(const Values& a, int64_t cols, int64_t most) {
  if (cols <= most) return a;
  Values some;
  for (size_t row = 0; row < a.size(); row += static_cast<size_t>(cols)) {
    for (int64_t j = 0; j < most; ++j)
      some.push_back(a[row + static_cast<size_t>(j * (cols - 1) / (most - 1))]);
  }
  return some;
}

/** ‖B − op(A)X‖ / (‖A‖ ‖X‖ ε), judged by at most 100 columns. */
double solveRatio(const Values& a, const Values& allOfX, const Values& allOfB, int64_t n, int64_t allCols,
                  bool transpose) {
  const int64_t cols = std::min<int64_t>(allCols, 100);
  const Values x = someColumns(allOfX, allCols, cols), b = someColumns(allOfB, allCols, cols);
  std::vector<long double> residual = exact(b);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t l = 0; l < n; ++l) {
      const long double entry = a[transpose ? at(l, i, n) : at(i, l, n)];
      for (int64_t j = 0; j < cols; ++j) residual[at(i, j, cols)] -= entry * x[at(l, j, cols)];
    }
  }
  const long double scale = norm(exact(a), n, n) * norm(exact(x), n, cols) * kEpsilon;
  return scale == 0 ? 0 : static_cast<double>(norm(residual, n, cols) / scale);
}

enum class Kind { ordinary, tiny, huge, illConditioned, subnormal };

/** A symmetric positive definite matrix, or any, of one of the kinds. */
Values matrix(int64_t n, bool definite, Kind kind, Random& random) {
  Values a = random.values(n * n);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < i && definite; ++j) a[at(j, i, n)] = a[at(i, j, n)];
    if (definite) a[at(i, i, n)] += static_cast<double>(n);
  }
  // D·A·D with D from 1 to 1e-3 has a condition of about 1e6 and more.
  for (int64_t i = 0; i < n && kind == Kind::illConditioned; ++i) {
    for (int64_t j = 0; j < n; ++j)
      a[at(i, j, n)] *= std::pow(10.0, -3.0 * static_cast<double>(i + j) / static_cast<double>(n));
  }
  for (double& x : a)
    x *= kind == Kind::tiny ? 1e-300 : kind == Kind::huge ? 1e300 : kind == Kind::subnormal ? 1e-308 : 1;
  return a;
}

/** A tile with a matrix of another kind in every lane. */
Values matrices(int64_t n, int64_t lanes, bool definite, Random& random, int64_t kinds = 5) {
  Values tile(static_cast<size_t>(n * n * lanes));
  for (int64_t t = 0; t < lanes; ++t)
    setLane(tile, lanes, t, matrix(n, definite, static_cast<Kind>(t % kinds), random));
  return tile;
}

void testCholesky(Check& check, int64_t n, int64_t lanes, Random& random) {
  const std::vector<Operand> operands = {{matrices(n, lanes, true, random), true}};
  const Run run = [&](const std::vector<const double*>& in) {
    Values l(static_cast<size_t>(n * n * lanes) + 1, 55), scratch(choleskyScratch(n, lanes));
    cholesky(l.data(), in[0], n, lanes, scratch.data());
    check.expect(l.back() == 55, "cholesky wrote past its result");
    l.pop_back();
    return l;
  };
  const Values result = runWith(run, operands);
  Values inPlace = operands[0].values, scratch(choleskyScratch(n, lanes));
  cholesky(inPlace.data(), inPlace.data(), n, lanes, scratch.data());
  check.expect(std::equal(result.begin(), result.end(), inPlace.begin(), identical),
               "cholesky in place differs, n = %ld", long(n));
  Values half = operands[0].values, same(half.size());
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = i + 1; j < n; ++j) {
      for (int64_t t = 0; t < lanes; ++t) half[static_cast<size_t>((i * n + j) * lanes + t)] = kNaN;
    }
  }
  cholesky(same.data(), half.data(), n, lanes, scratch.data());
  check.expect(std::equal(result.begin(), result.end(), same.begin(), identical),
               "cholesky reads above the diagonal, n = %ld", long(n));
  for (int64_t t = 0; t<lanes; t += lanes> 24 ? 7 : 1) {
    const Values a = laneOf(operands[0].values, lanes, t), l = laneOf(result, lanes, t);
    std::vector<long double> residual = exact(a);
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        if (j > i) check.expect(l[at(i, j, n)] == 0, "cholesky: entry above the diagonal");
        for (int64_t k = 0; k <= std::min(i, j); ++k) {
          residual[at(i, j, n)] -= static_cast<long double>(l[at(i, k, n)]) * l[at(j, k, n)];
        }
      }
    }
    const double ratio = static_cast<double>(norm(residual, n, n) /
                                             (static_cast<double>(n) * norm(exact(a), n, n) * kEpsilon));
    check.expect(n == 0 || ratio < kResidual, "cholesky n = %ld, lane %ld of %ld: ratio %g", long(n), long(t),
                 long(lanes), ratio);
  }
  if (n > 0) expectIndependentLanes(check, "cholesky", lanes, operands, result, run);
  // Indefinite, singular and non-finite lanes are NaN everywhere, and only they.
  if (n == 0) return;
  Values spoiled = operands[0].values;
  const double bad[] = {-1, 0, kNaN, kInfinity, -kInfinity};
  for (int64_t t = 0; t < lanes; t += 2) {
    const int64_t i = random.below(n), j = t % 4 == 0 ? i : random.below(i + 1);
    const double value = i == j ? bad[random.below(5)] : bad[2 + random.below(3)];
    spoiled[static_cast<size_t>((i * n + j) * lanes + t)] = value;
  }
  const Values after = run({spoiled.data()});
  for (int64_t t = 0; t < lanes; ++t) {
    const Values lane = laneOf(after, lanes, t);
    const bool allNaN = std::all_of(lane.begin(), lane.end(), [](double x) { return std::isnan(x); });
    const Values good = laneOf(result, lanes, t);
    check.expect(t % 2 == 0 ? allNaN : std::equal(lane.begin(), lane.end(), good.begin(), identical),
                 "cholesky n = %ld: lane %ld of %ld %s", long(n), long(t), long(lanes),
                 t % 2 == 0 ? "is not NaN" : "was touched");
  }
}

void testLu(Check& check, int64_t n, int64_t lanes, Random& random) {
  const std::vector<Operand> operands = {{matrices(n, lanes, false, random), true}};
  // The result is the factors, followed by the permutation.
  const Run run = [&](const std::vector<const double*>& in) {
    Values result(static_cast<size_t>((n * n + n) * lanes) + 1, 55), scratch(luScratch(n, lanes));
    lu(result.data(), result.data() + n * n * lanes, in[0], n, lanes, scratch.data());
    check.expect(result.back() == 55, "lu wrote past its result");
    result.pop_back();
    return result;
  };
  const Values result = runWith(run, operands);
  Values inPlace = operands[0].values, permutation(static_cast<size_t>(n * lanes)),
         scratch(luScratch(n, lanes));
  lu(inPlace.data(), permutation.data(), inPlace.data(), n, lanes, scratch.data());
  check.expect(std::equal(inPlace.begin(), inPlace.end(), result.begin(), identical),
               "lu in place differs, n = %ld", long(n));
  for (int64_t t = 0; t<lanes; t += lanes> 24 ? 7 : 1) {
    const Values a = laneOf(operands[0].values, lanes, t), f = laneOf(result, lanes, t);
    std::vector<long double> residual(static_cast<size_t>(n * n));
    std::vector<bool> seen(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) {
      const auto row = static_cast<int64_t>(f[at(n, i, n)]);
      check.expect(row >= 0 && row < n && !seen[static_cast<size_t>(row)], "lu: not a permutation");
      seen[static_cast<size_t>(row)] = true;
      for (int64_t j = 0; j < n; ++j) {
        if (j < i)
          check.expect(std::fabs(f[at(i, j, n)]) <= 1 + kEpsilon, "lu: a multiplier of %g", f[at(i, j, n)]);
        residual[at(i, j, n)] = a[at(row, j, n)];
        for (int64_t k = 0; k <= std::min(i, j); ++k) {
          residual[at(i, j, n)] -=
              (k == i ? 1.0L : static_cast<long double>(f[at(i, k, n)])) * f[at(k, j, n)];
        }
      }
    }
    const double ratio = static_cast<double>(norm(residual, n, n) /
                                             (static_cast<double>(n) * norm(exact(a), n, n) * kEpsilon));
    check.expect(n == 0 || ratio < kResidual, "lu n = %ld, lane %ld of %ld: ratio %g", long(n), long(t),
                 long(lanes), ratio);
  }
  if (n == 0) return;
  expectIndependentLanes(check, "lu", lanes, operands, result, run);
  // A zero row or column, two equal rows, NaN or infinity: NaN in that lane, and only there.
  Values spoiled = operands[0].values;
  for (int64_t t = 0; t < lanes; t += 2) {
    Values a = laneOf(spoiled, lanes, t);
    const int64_t i = random.below(n);
    const int64_t what = random.below(n > 1 ? 5 : 4);
    for (int64_t j = 0; j < n; ++j) {
      if (what == 0) a[at(i, j, n)] = 0;
      if (what == 1) a[at(j, i, n)] = 0;
      if (what == 4) a[at(i, j, n)] = a[at((i + 1) % n, j, n)];
    }
    if (what == 2) a[at(i, random.below(n), n)] = kNaN;
    if (what == 3) a[at(i, random.below(n), n)] = -kInfinity;
    // Beyond one block, rounding may keep equal rows from cancelling exactly, as it may in LAPACK.
    if (what == 4 && n > 3) a[at(i, 0, n)] = kNaN;
    setLane(spoiled, lanes, t, a);
  }
  const Values after = run({spoiled.data()});
  for (int64_t t = 0; t < lanes; ++t) {
    const Values lane = laneOf(after, lanes, t), good = laneOf(result, lanes, t);
    bool isNaN = true;
    for (int64_t i = 0; i < n * n; ++i) isNaN = isNaN && std::isnan(lane[static_cast<size_t>(i)]);
    for (int64_t i = 0; i < n; ++i) isNaN = isNaN && lane[at(n, i, n)] == static_cast<double>(i);
    check.expect(t % 2 == 0 ? isNaN : std::equal(lane.begin(), lane.end(), good.begin(), identical),
                 "lu n = %ld: lane %ld of %ld %s", long(n), long(t), long(lanes),
                 t % 2 == 0 ? "is not NaN" : "was touched");
  }
}

/** A matrix whose triangles are well conditioned: a dominant diagonal. */
Values dominant(int64_t n, int64_t lanes, Random& random) {
  Values a = random.values(n * n * lanes);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t t = 0; t < lanes; ++t)
      a[static_cast<size_t>((i * n + i) * lanes + t)] += 2 + static_cast<double>(n) / 4;
  }
  return a;
}

/** The triangle that a solve reads, as a full matrix. */
Values triangleOf(const Values& r, int64_t n, bool lower, bool unit) {
  Values full = r;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      if (lower ? j > i : j < i) full[at(i, j, n)] = 0;
      if (unit && i == j) full[at(i, j, n)] = 1;
    }
  }
  return full;
}

/** A solve of any kind: runs it, in place too, and judges each lane's X by the matrix that `full` gives. */
using FullMatrix = std::function<Values(const Values& factor)>;
using Solve = std::function<void(double* x, const std::vector<const double*>& in)>;
void expectSolved(Check& check, const char* name, int64_t n, int64_t cols, int64_t lanes, bool laneFactor,
                  std::vector<Operand> operands, bool transpose, const FullMatrix& full, const Solve& solve) {
  const auto size = static_cast<size_t>(n * cols * lanes);
  const Run run = [&](const std::vector<const double*>& in) {
    Values x(size + 1, 55);
    solve(x.data(), in);
    check.expect(x[size] == 55, "%s wrote past its result", name);
    x.pop_back();
    return x;
  };
  const Values result = runWith(run, operands);
  // B is the last operand, and may be the memory of X.
  std::vector<const double*> pointers;
  for (const Operand& operand : operands) pointers.push_back(operand.values.data());
  Values inPlace = operands.back().values;
  pointers.back() = inPlace.data();
  solve(inPlace.data(), pointers);
  check.expect(std::equal(result.begin(), result.end(), inPlace.begin(), identical), "%s in place differs",
               name);
  for (int64_t t = 0; t<lanes; t += lanes> 24 ? 7 : 1) {
    const Values a = full(laneFactor ? laneOf(operands[0].values, lanes, t) : operands[0].values);
    const double ratio =
        solveRatio(a, laneOf(result, lanes, t), laneOf(operands.back().values, lanes, t), n, cols, transpose);
    check.expect(ratio < kResidual, "%s n = %ld, %ld columns, %ld lanes%s: ratio %g", name, long(n),
                 long(cols), long(lanes), transpose ? ", transposed" : "", ratio);
  }
  if (n > 0 && cols > 0) expectIndependentLanes(check, name, lanes, operands, result, run);
}

void testTriangular(Check& check, int64_t n, int64_t cols, int64_t lanes, bool laneFactor, Random& random) {
  const int64_t factorLanes = laneFactor ? lanes : 1;
  const bool perLane = laneFactor && lanes > 1;
  const Operand right{random.values(n * cols * lanes), lanes > 1};
  const Operand r{dominant(n, factorLanes, random), perLane};
  for (int bits = 0; bits < 8; ++bits) {
    const TriangularShape s{n, cols, lanes, laneFactor, (bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0};
    Operand factor = r;
    // A unit triangle with entries up to 1 is as ill conditioned as 2ⁿ: make them small.
    for (double& x : factor.values) x /= s.unitDiagonal ? static_cast<double>(n) : 1;
    // What is not to be read is NaN.
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        if (!(s.lower ? j > i : j < i) && !(s.unitDiagonal && i == j)) continue;
        for (int64_t t = 0; t < factorLanes; ++t) {
          factor.values[static_cast<size_t>((i * n + j) * factorLanes + t)] = kNaN;
        }
      }
    }
    Values scratch(triangularScratch(s));
    expectSolved(
        check, "triangularSolve", n, cols, lanes, laneFactor, {factor, right}, s.transpose,
        [&](const Values& one) { return triangleOf(one, n, s.lower, s.unitDiagonal); },
        [&](double* x, const std::vector<const double*>& in) {
          triangularSolve(s, x, in[0], in[1], scratch.data());
        });
  }
}

void testSolves(Check& check, int64_t n, int64_t cols, int64_t lanes, bool laneFactor, Random& random) {
  testTriangular(check, n, cols, lanes, laneFactor, random);
  const int64_t factorLanes = laneFactor ? lanes : 1;
  const bool perLane = laneFactor && lanes > 1;
  const Operand right{random.values(n * cols * lanes), lanes > 1};
  // Without the subnormal kind, whose solutions overflow.
  const Values a = matrices(n, factorLanes, true, random, 4);
  Operand l{Values(a.size()), perLane};
  Values scratch(choleskyScratch(n, factorLanes)),
      solveScratch(choleskySolveScratch(n, cols, lanes, laneFactor));
  cholesky(l.values.data(), a.data(), n, factorLanes, scratch.data());
  expectSolved(
      check, "choleskySolve", n, cols, lanes, laneFactor, {l, right}, false,
      [&](const Values& one) {
        Values product(one.size());
        for (int64_t i = 0; i < n; ++i) {
          for (int64_t j = 0; j < n; ++j) {
            long double sum = 0;
            for (int64_t k = 0; k < n; ++k)
              sum += static_cast<long double>(one[at(i, k, n)]) * one[at(j, k, n)];
            product[at(i, j, n)] = static_cast<double>(sum);
          }
        }
        return product;
      },
      [&](double* x, const std::vector<const double*>& in) {
        choleskySolve(x, in[0], in[1], n, cols, lanes, laneFactor, solveScratch.data());
      });
  const Values square = dominant(n, factorLanes, random);
  Operand packed{Values(square.size()), perLane},
      permutation{Values(static_cast<size_t>(n * factorLanes)), perLane};
  Values luWork(luScratch(n, factorLanes));
  lu(packed.values.data(), permutation.values.data(), square.data(), n, factorLanes, luWork.data());
  for (const bool transpose : {false, true}) {
    const LuSolveShape s{n, cols, lanes, laneFactor, transpose};
    Values work(luSolveScratch(s));
    // The first operand only tells the matrix to the residual.
    expectSolved(
        check, "luSolve", n, cols, lanes, laneFactor, {{square, perLane}, packed, permutation, right},
        transpose, [](const Values& one) { return one; },
        [&](double* x, const std::vector<const double*>& in) {
          luSolve(s, x, in[1], in[2], in[3], work.data());
        });
  }
}

}  // namespace

void testFactorizations(Check& check) {
  Random random(5);
  for (const int64_t n : {0, 1, 2, 3, 5, 8, 10, 17, 33, 64, 100}) {
    for (const int64_t lanes : {1, 8, 16, 24, 64}) {
      if (lanes > 16 && n > 33) continue;
      testCholesky(check, n, lanes, random);
      testLu(check, n, lanes, random);
      for (const int64_t cols : {0, 1, 2, 5, 17}) {
        if (n * n * cols * lanes > 400000) continue;
        testSolves(check, n, cols, lanes, true, random);
        testSolves(check, n, cols, lanes, false, random);
      }
    }
  }
  testSolves(check, 33, 100, 8, false, random);
  testSolves(check, 7, 300, 16, true, random);
  // Rows beyond one chunk of a product, and more than U in scratch pays for.
  testCholesky(check, 300, 1, random);
  testCholesky(check, 1030, 1, random);
  // Just over what LAPACK does in one call: 2.5·10⁸ flops.
  testLu(check, 728, 1, random);
  testSolves(check, 600, 700, 1, false, random);
  testTriangular(check, 1980, 1, 1, false, random);
}

}  // namespace onestep::tests
