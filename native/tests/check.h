// What the kernel tests share: a counter of failed expectations, random numbers, and exact comparison.
#pragma once

#include <bit>
#include <cmath>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <random>
#include <vector>

namespace onestep::tests {

inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

using Values = std::vector<double>;

/** Counts expectations; the first failures are printed with the values that the message names. */
class Check {
 public:
  [[gnu::format(printf, 3, 4)]] void expect(bool holds, const char* format, ...) {
    ++expectations;
    if (holds) return;
    if (++failures > 40) return;
    std::va_list values;
    va_start(values, format);
    std::printf("FAILED ");
    std::vprintf(format, values);
    std::printf("\n");
    va_end(values);
  }
  long expectations = 0;
  long failures = 0;
};

/** Random numbers from a fixed seed, so that a failure can be repeated. */
class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  uint64_t bits() { return engine_(); }
  double uniform(double low, double high) {
    return low + (high - low) * (static_cast<double>(engine_() >> 11) * 0x1p-53);
  }
  /** Any double at all: every exponent, both signs, NaN and infinity. */
  double any() { return std::bit_cast<double>(engine_()); }
  int64_t below(int64_t bound) { return static_cast<int64_t>(engine_() % static_cast<uint64_t>(bound)); }
  Values values(int64_t count, double low = -1, double high = 1) {
    Values v(static_cast<size_t>(count));
    for (double& x : v) x = uniform(low, high);
    return v;
  }

 private:
  std::mt19937_64 engine_;
};

/** The same bits, where every NaN counts as the same. */
inline bool identical(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

/** The distance of `value` from `exact` in units in the last place of the double nearest to `exact`. */
inline double ulps(double value, long double exact) {
  const double nearest = static_cast<double>(exact);
  if (std::isnan(value) || std::isnan(nearest))
    return std::isnan(value) && std::isnan(nearest) ? 0 : kInfinity;
  if (std::isinf(value) || std::isinf(nearest)) return value == nearest ? 0 : kInfinity;
  int exponent = 0;
  std::frexp(nearest, &exponent);
  const long double unit = std::ldexp(1.0L, nearest == 0 ? -1074 : std::max(exponent - 53, -1074));
  return static_cast<double>(std::fabs(value - exact) / unit);
}

void testElementwise(Check& check);
void testReduce(Check& check);
void testMatmul(Check& check);
void testGram(Check& check);
void testFactorizations(Check& check);
void testMovement(Check& check);
void testPanels(Check& check);

}  // namespace onestep::tests
