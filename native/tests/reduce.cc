// Reductions against long double, the order of summation, and what NaN and infinity do.
#include "kernels/reduce.h"

#include "tests/tiles.h"

namespace onestep::tests {
namespace {

long double reference(std::string_view name, const std::vector<long double>& column) {
  long double result = name == "sum" ? 0 : name == "prod" ? 1 : name == "max" ? -kInfinity : kInfinity;
  for (const long double x : column) {
    if (name == "sum") result += x;
    if (name == "prod") result *= x;
    if (name == "max") result = std::isnan(result) || std::isnan(x) ? kNaN : std::max(result, x);
    if (name == "min") result = std::isnan(result) || std::isnan(x) ? kNaN : std::min(result, x);
  }
  return result;
}

void testReduction(Check& check, std::string_view name, int64_t outer, int64_t axis, int64_t inner,
                   Random& random) {
  const ReduceKernel kernel = findReduction(name);
  Values in =
      name == "prod" ? random.values(outer * axis * inner, 0.9, 1.1) : random.values(outer * axis * inner);
  if (name != "sum" && name != "prod" && axis > 0) {
    for (size_t i = 0; i < in.size(); i += 7) in[i] = i % 2 == 0 ? kNaN : -kInfinity;
  }
  Values out(static_cast<size_t>(outer * inner + 1), 55), again(out);
  kernel(out.data(), in.data(), outer, axis, inner, Poll());
  check.expect(out.back() == 55, "a reduction wrote past its result");
  kernel(again.data(), Misaligned(in, 3).data(), outer, axis, inner, Poll());
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t i = 0; i < inner; ++i) {
      std::vector<long double> column;
      long double size = 0;
      for (int64_t j = 0; j < axis; ++j) {
        column.push_back(in[static_cast<size_t>((o * axis + j) * inner + i)]);
        size += std::fabs(column.back());
      }
      const long double exact = reference(name, column);
      const double value = out[static_cast<size_t>(o * inner + i)];
      const long double bound = name == "sum"    ? size * 0x1p-52 * 20
                                : name == "prod" ? std::fabs(exact) * 0x1p-52 * (double(axis) + 1)
                                                 : 0;
      check.expect(
          (std::isnan(value) && std::isnan(exact)) || value == exact || std::fabs(value - exact) <= bound,
          "%.*s of [%ld, %ld, %ld] = %.17g, expected %.17g", int(name.size()), name.data(), long(outer),
          long(axis), long(inner), value, double(exact));
      check.expect(identical(value, again[static_cast<size_t>(o * inner + i)]), "%s depends on alignment",
                   name.data());
    }
  }
  // A column's bits do not depend on how many columns stand beside it, from two on.
  if (inner < 2 || outer == 0) return;
  Values alone(static_cast<size_t>(axis * 2)), result(2);
  for (int64_t j = 0; j < axis; ++j)
    alone[static_cast<size_t>(2 * j + 1)] = in[static_cast<size_t>(j * inner + inner - 1)];
  kernel(result.data(), alone.data(), 1, axis, 2, Poll());
  check.expect(identical(result[1], out[static_cast<size_t>(inner - 1)]),
               "%s depends on the neighbouring columns", name.data());
}

}  // namespace

void testReduce(Check& check) {
  Random random(2);
  for (const std::string_view name : reductionNames()) {
    for (const int64_t axis : {0, 1, 2, 3, 5, 8, 31, 33, 64, 100, 127, 128, 129, 300, 5000}) {
      for (const int64_t inner : {1, 2, 3, 7, 8, 16, 24, 64, 65, 77}) {
        if (axis * inner > 40000) continue;
        testReduction(check, name, axis > 1000 ? 1 : 3, axis, inner, random);
      }
    }
    testReduction(check, name, 0, 3, 8, random);
    testReduction(check, name, 2, 100003, 1, random);
    if (name == "prod") continue;
    // More than a panel.
    testReduction(check, name, 1, kPanelNumbers + 40003, 1, random);
    testReduction(check, name, 1, 400003, 3, random);
    testReduction(check, name, 1, 2, kPanelNumbers + 77, random);
  }
  check.expect(findReduction("mean") == nullptr, "an unknown reduction was found");
  // Many equal terms: pairwise summation keeps a tenth, added a million times, to a few ulp.
  Values tenths(1 << 20, 0.1);
  double sum = 0;
  findReduction("sum")(&sum, tenths.data(), 1, 1 << 20, 1, Poll());
  check.expect(std::fabs(sum - 0.1 * (1 << 20)) <= 1e-9, "a million tenths make %.17g", sum);
  for (const int64_t lanes : {1, 8, 24}) {
    for (int64_t bad = 0; bad < lanes; ++bad) {
      Values tile = random.values(10 * lanes), flags(static_cast<size_t>(lanes));
      tile[static_cast<size_t>(7 * lanes + bad)] = bad % 2 == 0 ? kNaN : kInfinity;
      finiteLanes(flags.data(), tile.data(), 10, lanes);
      for (int64_t t = 0; t < lanes; ++t)
        check.expect(flags[static_cast<size_t>(t)] == (t == bad ? 0 : 1), "finiteLanes");
    }
  }
}

}  // namespace onestep::tests
