// Elementwise kernels against the C library in long double, on special values, ranges and random bits.
#include "kernels/elementwise.h"

#include <cmath>
#include <string>

#include "tests/check.h"

namespace onestep::tests {
namespace {

using Exact = long double (*)(long double);

struct UnaryCase {
  const char* name;
  Exact exact;
  double tolerance;  // ulp; 0 is exact
  std::vector<std::pair<double, double>> ranges;
};

const std::vector<UnaryCase> kUnary = {
    {"neg", [](long double x) { return -x; }, 0, {{-5, 5}}},
    {"abs", [](long double x) { return std::fabs(x); }, 0, {{-5, 5}}},
    {"sign", [](long double x) { return x > 0   ? 1
                                        : x < 0 ? -1
                                                : x; }, 0, {{-5, 5}}},
    {"sqrt",
     [](long double x) { return static_cast<long double>(std::sqrt(static_cast<double>(x))); },
     0,
     {{0, 5}}},
    {"square",
     [](long double x) { return static_cast<long double>(static_cast<double>(x) * static_cast<double>(x)); },
     0,
     {{-5, 5}}},
    {"reciprocal",
     [](long double x) { return static_cast<long double>(1 / static_cast<double>(x)); },
     0,
     {{-5, 5}}},
    {"exp",
     [](long double x) { return std::exp(x); },
     1,
     {{-1, 1}, {-745.2, -708}, {-708, 709.8}, {-50, 50}}},
    {"expm1",
     [](long double x) { return std::expm1(x); },
     1.5,
     {{-1, 1}, {-1e-5, 1e-5}, {-60, 709.8}, {-1e-15, 1e-15}}},
    {"log",
     [](long double x) { return std::log(x); },
     1,
     {{0, 2}, {0.99, 1.01}, {0, 1e300}, {0, 1e-300}, {0, 1e-315}}},
    {"log1p",
     [](long double x) { return std::log1p(x); },
     1,
     {{-1, 1}, {-1e-5, 1e-5}, {-1e-15, 1e-15}, {0, 1e17}, {-1, -0.999999}, {0.4, 0.5}, {-0.35, -0.25}}},
    {"sin",
     [](long double x) { return std::sin(x); },
     1,
     {{-1, 1}, {-100, 100}, {-1e5, 1e5}, {-1e8, 1e8}, {3.14159, 3.1416}, {355 - 1e-3, 355}}},
    {"cos",
     [](long double x) { return std::cos(x); },
     1,
     {{-1, 1}, {-100, 100}, {-1e5, 1e5}, {-1e8, 1e8}, {1.5707, 1.5708}}},
    {"tanh", [](long double x) { return std::tanh(x); }, 1.5, {{-1, 1}, {-25, 25}, {-1e-7, 1e-7}}},
    {"sigmoid",
     [](long double x) { return 1 / (1 + std::exp(-x)); },
     1.5,
     {{-1, 1}, {-50, 50}, {-760, -700}, {-700, 40}}},
    {"softplus",
     [](long double x) { return std::log1p(std::exp(-std::fabs(x))) + std::fmax(x, 0.0L); },
     1.5,
     {{-1, 1}, {-50, 50}, {-760, -700}, {-700, 40}}},
    {"isFinite", [](long double x) { return std::isfinite(x) ? 1.0L : 0.0L; }, 0, {{-5, 5}}},
    {"floor", [](long double x) { return std::floor(x); }, 0, {{-5, 5}, {-1e17, 1e17}}},
    {"copy", [](long double x) { return x; }, 0, {{-5, 5}}},
    {"logicalNot", [](long double x) { return x == 0 ? 1.0L : 0.0L; }, 0, {{-5, 5}}},
};

const Values kSpecial = {0.0,
                         -0.0,
                         5e-324,
                         -5e-324,
                         1e-310,
                         -1e-310,
                         0x1p-1022,
                         -0x1p-1022,
                         1e-300,
                         0x1p-54,
                         -0x1p-54,
                         0x1p-53,
                         1e-8,
                         0.25,
                         -0.25,
                         0.5,
                         -0.5,
                         1,
                         -1,
                         1 + 0x1p-52,
                         1 - 0x1p-53,
                         -1 + 0x1p-53,
                         2,
                         -2,
                         3,
                         -3,
                         4,
                         10,
                         19.9,
                         20.1,
                         -40,
                         40,
                         41,
                         709.78,
                         709.79,
                         710,
                         -708.5,
                         -745.1,
                         -745.2,
                         -746,
                         800,
                         -800,
                         1000,
                         -1000,
                         1e5,
                         1e6,
                         1000001,
                         1e15,
                         0x1p52,
                         0x1p53,
                         -0x1p53,
                         1e22,
                         1e300,
                         -1e300,
                         std::numeric_limits<double>::max(),
                         -std::numeric_limits<double>::max(),
                         kInfinity,
                         -kInfinity,
                         kNaN,
                         -kNaN};

bool isZeroOfSign(double x, bool negative) { return x == 0 && std::signbit(x) == negative; }

void testUnary(Check& check, const UnaryCase& test, Random& random) {
  const UnaryKernel kernel = findUnary(test.name);
  check.expect(kernel != nullptr, "%s is not there", test.name);
  if (kernel == nullptr) return;
  Values in = kSpecial;
  for (const auto& [low, high] : test.ranges) {
    for (int i = 0; i < 20000; ++i) in.push_back(random.uniform(low, high));
  }
  for (int i = 0; i < 20000; ++i) in.push_back(random.any());
  Values out(in.size());
  kernel(out.data(), in.data(), in.size());
  double worst = 0, at = 0;
  for (size_t i = 0; i < in.size(); ++i) {
    const long double exact = test.exact(in[i]);
    const double error = ulps(out[i], exact);
    if (!(error <= worst)) worst = error, at = in[i];
    check.expect(error <= test.tolerance, "%s(%.17g) = %.17g, expected %.20Lg: %g ulp", test.name, in[i],
                 out[i], exact, error);
    if (in[i] == 0 && exact == 0) {
      check.expect(isZeroOfSign(out[i], std::signbit(exact)), "%s(%g) = %g", test.name, in[i], out[i]);
    }
  }
  if (std::getenv("VERBOSE")) std::printf("  %-12s %.3f ulp at %.17g\n", test.name, worst, at);
  // The place in the block and the alignment change nothing, and out may be the input.
  for (size_t n : {0, 1, 2, 3, 5, 7, 8, 9, 15, 17, 33}) {
    for (size_t offset : {0, 1, 3}) {
      Values block(in.begin() + static_cast<long>(offset), in.begin() + static_cast<long>(offset + n));
      block.push_back(123);
      kernel(block.data(), block.data(), n);
      check.expect(block[n] == 123, "%s wrote past %zu elements", test.name, n);
      for (size_t i = 0; i < n; ++i) {
        check.expect(identical(block[i], out[offset + i]), "%s depends on the place of %g", test.name,
                     in[offset + i]);
      }
    }
  }
}

struct BinaryCase {
  const char* name;
  long double (*exact)(double, double);
  double tolerance;
};

double larger(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return kNaN;
  if (a == b) return std::signbit(a) ? b : a;
  return a > b ? a : b;
}

const std::vector<BinaryCase> kBinary = {
    {"add", [](double a, double b) -> long double { return a + b; }, 0},
    {"sub", [](double a, double b) -> long double { return a - b; }, 0},
    {"mul", [](double a, double b) -> long double { return a * b; }, 0},
    {"div", [](double a, double b) -> long double { return a / b; }, 0},
    {"pow",
     [](double a, double b) -> long double {
       return std::pow(static_cast<long double>(a), static_cast<long double>(b));
     },
     1},
    {"maximum", [](double a, double b) -> long double { return larger(a, b); }, 0},
    {"minimum", [](double a, double b) -> long double { return -larger(-a, -b); }, 0},
    {"less", [](double a, double b) -> long double { return a < b ? 1.0 : 0.0; }, 0},
    {"lessEqual", [](double a, double b) -> long double { return a <= b ? 1.0 : 0.0; }, 0},
    {"greater", [](double a, double b) -> long double { return a > b ? 1.0 : 0.0; }, 0},
    {"greaterEqual", [](double a, double b) -> long double { return a >= b ? 1.0 : 0.0; }, 0},
    {"equal", [](double a, double b) -> long double { return a == b ? 1.0 : 0.0; }, 0},
    {"notEqual", [](double a, double b) -> long double { return a != b ? 1.0 : 0.0; }, 0},
    {"logicalAnd", [](double a, double b) -> long double { return a != 0 && b != 0 ? 1.0 : 0.0; }, 0},
    {"logicalOr", [](double a, double b) -> long double { return a != 0 || b != 0 ? 1.0 : 0.0; }, 0},
};

void testBinary(Check& check, const BinaryCase& test, Random& random) {
  const BinaryKernels* kernels = findBinary(test.name);
  check.expect(kernels != nullptr, "%s is not there", test.name);
  if (kernels == nullptr) return;
  Values a, b;
  for (double x : kSpecial) {
    for (double y : kSpecial) a.push_back(x), b.push_back(y);
    for (double y : {1.5, -0.5, 2.5, 7.0, -3.0, 0.1}) a.push_back(x), b.push_back(y);
  }
  for (int i = 0; i < 20000; ++i) {
    a.push_back(random.any()), b.push_back(random.any());
    a.push_back(random.uniform(0, 10)), b.push_back(random.uniform(-20, 20));
    a.push_back(random.uniform(-10, 10)), b.push_back(static_cast<double>(random.below(9) - 4));
    a.push_back(random.uniform(0.999, 1.001)), b.push_back(random.uniform(-7e5, 7e5));
    a.push_back(std::exp(random.uniform(-700, 700))), b.push_back(random.uniform(-1.05, 1.05));
    a.push_back(static_cast<double>(random.below(40))), b.push_back(static_cast<double>(random.below(12)));
  }
  Values out(a.size());
  kernels->vectorVector(out.data(), a.data(), b.data(), a.size());
  for (size_t i = 0; i < a.size(); ++i) {
    const long double exact = test.exact(a[i], b[i]);
    const auto rounded = static_cast<double>(exact);
    check.expect(test.tolerance == 0 ? identical(out[i], rounded) : ulps(out[i], exact) <= test.tolerance,
                 "%s(%.17g, %.17g) = %.17g, expected %.20Lg", test.name, a[i], b[i], out[i], exact);
    if (rounded == 0) {
      check.expect(isZeroOfSign(out[i], std::signbit(exact)), "%s(%g, %g) = %g", test.name, a[i], b[i],
                   out[i]);
    }
  }
  for (size_t n : {0, 1, 3, 8, 13}) {
    Values scalars(n + 1, 77);
    for (size_t first = 0; first < 4000; first += 97) {
      Values constant(n, b[first]), expected(n);
      kernels->vectorVector(expected.data(), a.data() + first, constant.data(), n);
      kernels->vectorScalar(scalars.data(), a.data() + first, &b[first], n);
      for (size_t i = 0; i < n; ++i)
        check.expect(identical(scalars[i], expected[i]), "%s vectorScalar", test.name);
      kernels->vectorVector(expected.data(), constant.data(), a.data() + first, n);
      kernels->scalarVector(scalars.data(), &b[first], a.data() + first, n);
      for (size_t i = 0; i < n; ++i)
        check.expect(identical(scalars[i], expected[i]), "%s scalarVector", test.name);
      check.expect(scalars[n] == 77, "%s wrote past its block", test.name);
    }
  }
}

void testTernary(Check& check) {
  const TernaryKernel where = findTernary("where"), mulAdd = findTernary("mulAdd");
  Values c = kSpecial, a(c.size(), 3.0), b(c.size(), kNaN), out(c.size());
  for (int swap = 0; swap < 2; ++swap) {
    where(out.data(), c.data(), a.data(), b.data(), c.size());
    for (size_t i = 0; i < c.size(); ++i) {
      check.expect(identical(out[i], c[i] != 0 ? a[i] : b[i]), "where(%g, %g, %g) = %g", c[i], a[i], b[i],
                   out[i]);
    }
    std::swap(a, b);
  }
  mulAdd(out.data(), a.data(), a.data(), a.data(), 5);
  check.expect(out[4] == 12, "mulAdd(3, 3, 3) = %g", out[4]);
}

void testLoaders(Check& check) {
  Values src = {1, 2, 3, 4, 5, 6, 7};
  Values out(64);
  for (size_t times : {1, 3, 8}) {
    for (size_t start : {0, 1, 5, 9}) {
      const size_t n =
          12 < 7 * times - std::min(start, 7 * times) ? 12 : 7 * times - std::min(start, 7 * times);
      repeatEach(out.data(), src.data(), times, start, n);
      for (size_t i = 0; i < n; ++i)
        check.expect(out[i] == src[(start + i) / times], "repeatEach %zu %zu", times, i);
    }
  }
  for (size_t start : {0, 3, 7, 12}) {
    tileRepeat(out.data(), src.data(), 7, start, 30);
    for (size_t i = 0; i < 30; ++i)
      check.expect(out[i] == src[(start + i) % 7], "tileRepeat %zu %zu", start, i);
  }
  gatherStrided(out.data(), src.data() + 6, -2, 4);
  check.expect(out[0] == 7 && out[3] == 1, "gatherStrided");
  fill(out.data(), 9, 5);
  check.expect(out[0] == 9 && out[4] == 9, "fill");
  for (size_t n : {1, 7, 8, 31, 32, 33, 100}) {
    for (double bad : {kNaN, kInfinity, -kInfinity}) {
      for (size_t at = 0; at < n; at += 3) {
        Values v(n, 1e308);
        check.expect(allFinite(v.data(), n), "allFinite of %zu finite numbers", n);
        v[at] = bad;
        check.expect(!allFinite(v.data(), n), "allFinite of %zu with %g at %zu", n, bad, at);
      }
    }
  }
}

}  // namespace

void testElementwise(Check& check) {
  Random random(1);
  check.expect(kUnary.size() == unaryNames().size(), "a unary kernel has no test");
  check.expect(kBinary.size() == binaryNames().size(), "a binary kernel has no test");
  for (const UnaryCase& test : kUnary) testUnary(check, test, random);
  for (const BinaryCase& test : kBinary) testBinary(check, test, random);
  testTernary(check);
  testLoaders(check);
  check.expect(findUnary("nothing") == nullptr && findBinary("exp") == nullptr, "an unknown name was found");
}

}  // namespace onestep::tests
