// Vector mathematics: exp, log and their relatives for any length of vector, NaN and the ends of the range
// included. Compiled once per target.
//
// The method is the classical one (Cody and Waite 1980; Tang 1989, 1990; the FDLIBM notes): reduce the
// argument exactly, evaluate a minimax polynomial (computed for this file by Remez exchange; each one's
// error is stated), and carry the rounding errors that matter in a second number. Vectors of both signs,
// huge and tiny, are mixed freely: every choice is a select, made by each element for itself.
#if defined(ONESTEP_KERNELS_VECTORMATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ONESTEP_KERNELS_VECTORMATH_INL_H_
#undef ONESTEP_KERNELS_VECTORMATH_INL_H_
#else
#define ONESTEP_KERNELS_VECTORMATH_INL_H_
#endif

#include <hwy/highway.h>

#include <cmath>
#include <limits>

HWY_BEFORE_NAMESPACE();
namespace onestep {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/** A block's vector: at most one slab of eight doubles. */
using Tag = hn::CappedTag<double, 8>;
using Vector = hn::Vec<Tag>;
using Mask = hn::Mask<Tag>;

HWY_INLINE Vector Constant(double value) { return hn::Set(Tag(), value); }
HWY_INLINE Vector NaNs() { return Constant(std::numeric_limits<double>::quiet_NaN()); }
HWY_INLINE Vector Infinities() { return Constant(std::numeric_limits<double>::infinity()); }

/** The larger of each pair: NaN if either is, +0 above −0. Equal numbers differ at most in a zero's sign. */
template <class V>
HWY_INLINE V Maximum(V a, V b) {
  const V larger = hn::IfThenElse(hn::Gt(a, b), a, b);
  const V ordered = hn::IfThenElse(hn::Eq(a, b), hn::And(a, b), larger);
  return hn::IfThenElse(hn::Eq(a, a), ordered, a);
}

/** The smaller of each pair: NaN if either is, −0 below +0. */
template <class V>
HWY_INLINE V Minimum(V a, V b) {
  const V smaller = hn::IfThenElse(hn::Lt(a, b), a, b);
  const V ordered = hn::IfThenElse(hn::Eq(a, b), hn::Or(a, b), smaller);
  return hn::IfThenElse(hn::Eq(a, a), ordered, a);
}

/** An unevaluated sum hi + lo, with |lo| at most about an ulp of hi. */
struct Pair {
  Vector hi, lo;
};

/** a + b exactly, for |a| ≥ |b| or a = 0 (Dekker 1971). */
HWY_INLINE Pair FastTwoSum(Vector a, Vector b) {
  const Vector sum = hn::Add(a, b);
  return {sum, hn::Sub(b, hn::Sub(sum, a))};
}

/** a + b exactly (Knuth). */
HWY_INLINE Pair TwoSum(Vector a, Vector b) {
  const Vector sum = hn::Add(a, b);
  const Vector shift = hn::Sub(sum, a);
  return {sum, hn::Add(hn::Sub(a, hn::Sub(sum, shift)), hn::Sub(b, shift))};
}

/** a·b exactly, away from overflow and underflow: by FMA, else with Dekker's and Veltkamp's splitting. */
HWY_INLINE Pair TwoProduct(Vector a, Vector b) {
  const Vector product = hn::Mul(a, b);
#if HWY_NATIVE_FMA
  return {product, hn::MulSub(a, b, product)};
#else
  const Vector splitter = Constant(134217729.0);  // 2²⁷ + 1
  const Vector scaledA = hn::Mul(splitter, a), scaledB = hn::Mul(splitter, b);
  const Vector highA = hn::Sub(scaledA, hn::Sub(scaledA, a)), lowA = hn::Sub(a, highA);
  const Vector highB = hn::Sub(scaledB, hn::Sub(scaledB, b)), lowB = hn::Sub(b, highB);
  const Vector error = hn::Sub(hn::Mul(highA, highB), product);
  return {product,
          hn::Add(hn::Add(hn::Add(error, hn::Mul(highA, lowB)), hn::Mul(lowA, highB)), hn::Mul(lowA, lowB))};
#endif
}

/** (n.hi + n.lo) / (d.hi + d.lo), rounded about once. */
HWY_INLINE Vector DividePairs(Pair n, Pair d) {
  const Vector reciprocal = hn::Div(Constant(1.0), d.hi);
  const Vector quotient = hn::Mul(n.hi, reciprocal);
  const Pair product = TwoProduct(quotient, d.hi);
  const Vector rest = hn::Sub(hn::Sub(n.hi, product.hi), product.lo);
  return hn::MulAdd(hn::Sub(hn::Add(rest, n.lo), hn::Mul(quotient, d.lo)), reciprocal, quotient);
}

/** c[0] + c[1]·x + … by Horner's rule. */
template <size_t kTerms>
HWY_INLINE Vector Polynomial(Vector x, const double (&c)[kTerms]) {
  Vector sum = Constant(c[kTerms - 1]);
  for (size_t i = kTerms - 1; i-- > 0;) sum = hn::MulAdd(sum, x, Constant(c[i]));
  return sum;
}

inline constexpr double kShifter = 6755399441055744.0;   // 1.5·2⁵²: adding it rounds to an integer
inline constexpr double kLog2Hi = 0x1.62e42fefa2000p-1;  // log 2, its first 40 bits
inline constexpr double kLog2Lo = 0x1.9ef35793c7673p-41;

/** 2ᵏ for integers −1022 ≤ k ≤ 1024 (where it is infinite). */
HWY_INLINE Vector PowerOfTwo(Vector k) {
  const hn::RebindToUnsigned<Tag> du;
  const auto bits = hn::BitCast(du, hn::Add(k, Constant(kShifter)));
  return hn::BitCast(Tag(), hn::ShiftLeft<52>(hn::Add(bits, hn::Set(du, uint64_t{1023}))));
}

/** v·2ᵏ for |k| ≤ 2000, rounded once more only where the result is subnormal. */
HWY_INLINE Vector ScaleByPower(Vector v, Vector k) {
  const Vector half = hn::Sub(hn::Add(hn::Mul(k, Constant(0.5)), Constant(kShifter)), Constant(kShifter));
  return hn::Mul(hn::Mul(v, PowerOfTwo(half)), PowerOfTwo(hn::Sub(k, half)));
}

/** x = k·log 2 + r with |r| ≤ log(2)/2, and eʳ − 1 = r + tail. */
struct ExpParts {
  Vector k, r, tail;
};

HWY_INLINE ExpParts ReduceExp(Vector x) {
  // (eʳ − 1 − r) / r², degree 9 on |r| ≤ log(2)/2; the error of eʳ is 2⁻⁵⁸.
  static constexpr double kTail[] = {0x1.000000000000bp-1,  0x1.5555555555561p-3,  0x1.5555555550034p-5,
                                     0x1.111111110d5fap-7,  0x1.6c16c185a6a6cp-10, 0x1.a01a01baf5c3ep-13,
                                     0x1.a019969553b99p-16, 0x1.71dddfa51c03fp-19, 0x1.28b047cf05e80p-22,
                                     0x1.af85bdbfbcde1p-26};
  const Vector shifter = Constant(kShifter);
  const Vector k = hn::Sub(hn::Add(hn::Mul(x, Constant(1.4426950408889634)), shifter), shifter);
  const Vector high = hn::Sub(x, hn::Mul(k, Constant(kLog2Hi)));  // exact
  const Vector low = hn::Mul(k, Constant(kLog2Lo));
  const Vector r = hn::Sub(high, low);
  const Vector error = hn::Sub(hn::Sub(high, r), low);
  return {k, r, hn::MulAdd(hn::Mul(r, r), Polynomial(r, kTail), error)};
}

/** eˣ as a pair, for −1000 ≤ x ≤ 700 (a result below 2⁻⁹⁶⁹ has no meaningful lo). */
HWY_INLINE Pair ExpPair(Vector x) {
  const ExpParts parts = ReduceExp(x);
  const Pair sum = FastTwoSum(Constant(1.0), parts.r);
  const Pair result = FastTwoSum(sum.hi, hn::Add(sum.lo, parts.tail));
  return {ScaleByPower(result.hi, parts.k), ScaleByPower(result.lo, parts.k)};
}

HWY_INLINE Vector Exp(Vector x) {
  const ExpParts parts = ReduceExp(hn::Min(hn::Max(x, Constant(-800.0)), Constant(800.0)));
  const Pair sum = FastTwoSum(Constant(1.0), parts.r);
  const Vector y = ScaleByPower(hn::Add(sum.hi, hn::Add(sum.lo, parts.tail)), parts.k);
  return hn::IfThenElse(hn::Eq(x, x), y, x);
}

/** eˣ − 1 as a pair, for −700 ≤ x ≤ 700 and |x| ≥ 2⁻⁵⁴. */
HWY_INLINE Pair Expm1Pair(Vector x) {
  // With h = 2ᵏ⁻¹, (eˣ − 1)/2 = (h − ½) + h·r + h·tail.
  const ExpParts parts = ReduceExp(x);
  const Vector h = PowerOfTwo(hn::Sub(parts.k, Constant(1.0)));
  const Pair sum = TwoSum(hn::Sub(h, Constant(0.5)), hn::Mul(h, parts.r));
  const Pair result = FastTwoSum(sum.hi, hn::MulAdd(h, parts.tail, sum.lo));
  return {hn::Add(result.hi, result.hi), hn::Add(result.lo, result.lo)};
}

HWY_INLINE Vector Expm1(Vector x) {
  const Vector clamped = hn::Min(hn::Max(x, Constant(-50.0)), Constant(709.79));
  const Vector y = hn::IfThenElse(hn::Gt(x, Constant(709.79)), Infinities(), Expm1Pair(clamped).hi);
  // The first comparison is false for NaN, which is returned as it is.
  return hn::IfThenElse(hn::Ge(hn::Abs(x), Constant(0x1p-54)), y, x);
}

/** x = 2ᵏ(1 + f) with √½ ≤ 1 + f < √2, for x positive and normal. */
struct LogParts {
  Vector k, f;
};

HWY_INLINE LogParts ReduceLog(Vector x) {
  const hn::RebindToUnsigned<Tag> du;
  const auto sqrtHalf = hn::Set(du, uint64_t{0x3fe6a09e667f3bcd}), one = hn::Set(du, uint64_t{0x3ff0} << 48);
  const auto bits = hn::Add(hn::BitCast(du, x), hn::Sub(one, sqrtHalf));
  const auto exponent = hn::ShiftRight<52>(bits);
  const auto mantissa = hn::Add(hn::And(bits, hn::Set(du, (uint64_t{1} << 52) - 1)), sqrtHalf);
  // An integer e < 2⁵² with the exponent of 2⁵² put above it is the double 2⁵² + e.
  const Vector biased = hn::BitCast(Tag(), hn::Or(exponent, hn::Set(du, uint64_t{0x4330} << 48)));
  return {hn::Sub(biased, Constant(0x1p52 + 1023)), hn::Sub(hn::BitCast(Tag(), mantissa), Constant(1.0))};
}

/** k·log 2 + log(1 + f) + c, where c is small beside f. */
HWY_INLINE Vector ComposeLog(LogParts parts, Vector c) {
  // With s = f/(2 + f) and z = s², log(1 + f) = 2s + s·z·R(z); degree 6 on 0 ≤ z ≤ 0.0295, error 2⁻⁵⁸.
  static constexpr double kR[] = {0x1.5555555555592p-1, 0x1.999999997fd73p-2, 0x1.24924941f5297p-2,
                                  0x1.c71c5205e8d89p-3, 0x1.74663fa7d5e93p-3, 0x1.39a1a66db4b9ap-3,
                                  0x1.2f0639c88beb0p-3};
  const Vector f = parts.f;
  const Vector s = hn::Div(f, hn::Add(Constant(2.0), f));
  const Vector z = hn::Mul(s, s);
  const Vector halfSquare = hn::Mul(hn::Mul(Constant(0.5), f), f);
  // 2s = f − s·f, and s·f = f²/2 − s·f²/2: the large part f stays exact until the last subtraction.
  const Vector rest = hn::Mul(s, hn::MulAdd(z, Polynomial(z, kR), halfSquare));
  const Vector low = hn::Add(rest, hn::MulAdd(parts.k, Constant(kLog2Lo), c));
  return hn::Sub(hn::Mul(parts.k, Constant(kLog2Hi)), hn::Sub(hn::Sub(halfSquare, low), f));
}

HWY_INLINE Vector Log(Vector x) {
  const Mask subnormal = hn::Lt(x, Constant(0x1p-1022));
  LogParts parts = ReduceLog(hn::IfThenElse(subnormal, hn::Mul(x, Constant(0x1p54)), x));
  parts.k = hn::Sub(parts.k, hn::IfThenElseZero(subnormal, Constant(54.0)));
  Vector y = ComposeLog(parts, Constant(0.0));
  y = hn::IfThenElse(hn::Lt(x, Infinities()), y, x);  // ∞ and NaN stay
  y = hn::IfThenElse(hn::Eq(x, Constant(0.0)), hn::Neg(Infinities()), y);
  return hn::IfThenElse(hn::Lt(x, Constant(0.0)), NaNs(), y);
}

/** log(1 + x + low) for finite x > −1, |x| ≥ 2⁻⁵⁴, and low at most about an ulp of x. */
HWY_INLINE Vector Log1pPair(Vector x, Vector low) {
  const Pair u = TwoSum(Constant(1.0), x);
  LogParts parts = ReduceLog(u.hi);
  // Where no power of two is taken out, f = x exactly; else the rounding of 1 + x is the small term.
  const Mask plain = hn::Eq(parts.k, Constant(0.0));
  parts.f = hn::IfThenElse(plain, x, parts.f);
  const Vector error = hn::Add(hn::IfThenZeroElse(plain, u.lo), low);
  return ComposeLog(parts, hn::Div(error, u.hi));
}

HWY_INLINE Vector Log1p(Vector x) {
  Vector y = Log1pPair(x, Constant(0.0));
  y = hn::IfThenElse(hn::Lt(x, Infinities()), y, x);
  y = hn::IfThenElse(hn::Eq(x, Constant(-1.0)), hn::Neg(Infinities()), y);
  y = hn::IfThenElse(hn::Lt(x, Constant(-1.0)), NaNs(), y);
  return hn::IfThenElse(hn::Lt(hn::Abs(x), Constant(0x1p-54)), x, y);
}

/** tanh|x| = m/(m + 2) with m = e^{2|x|} − 1. */
HWY_INLINE Vector Tanh(Vector x) {
  const Vector magnitude = hn::Abs(x);
  const Pair m = Expm1Pair(hn::Min(hn::Add(magnitude, magnitude), Constant(50.0)));
  const Pair divisor = TwoSum(m.hi, Constant(2.0));
  const Vector y = DividePairs(m, {divisor.hi, hn::Add(divisor.lo, m.lo)});
  const Vector limited = hn::IfThenElse(hn::Gt(magnitude, Constant(20.0)), Constant(1.0), y);
  const Vector result = hn::IfThenElse(hn::Lt(magnitude, Constant(0x1p-28)), magnitude, limited);
  return hn::IfThenElse(hn::Eq(x, x), hn::CopySign(result, x), x);
}

/** With e = e⁻|ˣ|: 1/(1 + e) for x ≥ 0, e/(1 + e) below. */
HWY_INLINE Vector Sigmoid(Vector x) {
  const Vector magnitude = hn::Min(hn::Abs(x), Constant(800.0));
  const Pair e = ExpPair(hn::Neg(magnitude));
  const Mask positive = hn::Ge(x, Constant(0.0));
  const Pair sum = FastTwoSum(Constant(1.0), e.hi);
  const Pair numerator = {hn::IfThenElse(positive, Constant(1.0), e.hi), hn::IfThenZeroElse(positive, e.lo)};
  Vector y = DividePairs(numerator, {sum.hi, hn::Add(sum.lo, e.lo)});
  // Far out the result is 1 or e itself, and the exact products above would underflow.
  const Vector far = hn::IfThenElse(positive, Constant(1.0), e.hi);
  y = hn::IfThenElse(hn::Gt(magnitude, Constant(40.0)), far, y);
  return hn::IfThenElse(hn::Eq(x, x), y, x);
}

/** log(1 + eˣ) = max(x, 0) + log1p(e⁻|ˣ|). */
HWY_INLINE Vector Softplus(Vector x) {
  const Vector magnitude = hn::Min(hn::Abs(x), Constant(800.0));
  const Pair e = ExpPair(hn::Neg(magnitude));
  const Vector small = hn::IfThenElse(hn::Gt(magnitude, Constant(40.0)), e.hi, Log1pPair(e.hi, e.lo));
  const Vector y = hn::Add(hn::Max(x, Constant(0.0)), small);
  return hn::IfThenElse(hn::Eq(x, x), y, x);
}

/** a·b, rounded about once in twice the precision. */
HWY_INLINE Pair MulPairs(Pair a, Pair b) {
  const Pair product = TwoProduct(a.hi, b.hi);
  return FastTwoSum(product.hi, hn::Add(product.lo, hn::MulAdd(a.hi, b.lo, hn::Mul(a.lo, b.hi))));
}

/** log x as a pair, for x positive and normal, with a relative error below 2⁻⁶⁴. */
HWY_INLINE Pair LogPair(Vector x, Vector exponentShift) {
  // With s = f/(2 + f) and z = s²: log(1 + f) = 2s + (s·z)·(⅔ + z·P(z)). The last sum and its factors are
  // pairs; P, where a double's rounding is 2⁻⁵⁹ of the sum, is not. Degree 6 on 0 ≤ z ≤ 0.0295, error 2⁻⁶⁶.
  static constexpr double kP[] = {0x1.9999999999b30p-2, 0x1.2492492457d31p-2, 0x1.c71c722d6a45bp-3,
                                  0x1.745ce9e1f33d6p-3, 0x1.3b1eec505306ap-3, 0x1.0f7fe2d99127fp-3,
                                  0x1.0e42ef433eefcp-3};
  LogParts parts = ReduceLog(x);
  parts.k = hn::Sub(parts.k, exponentShift);
  const Vector f = parts.f;
  const Pair divisor = FastTwoSum(Constant(2.0), f);
  const Vector quotient = hn::Div(f, divisor.hi);
  const Pair back = TwoProduct(quotient, divisor.hi);
  const Vector rest = hn::Sub(hn::Sub(hn::Sub(f, back.hi), back.lo), hn::Mul(quotient, divisor.lo));
  const Pair s = FastTwoSum(quotient, hn::Div(rest, divisor.hi));
  const Pair z = MulPairs(s, s);
  const Pair inner = TwoSum(Constant(0x1.5555555555555p-1), hn::Mul(z.hi, Polynomial(z.hi, kP)));
  const Pair factor = {inner.hi, hn::Add(inner.lo, Constant(0x1.5555555555555p-55))};
  const Pair term = MulPairs(MulPairs(s, z), factor);
  // k·log 2 (its high part exact) + 2s + term, from the largest to the smallest.
  const Pair power = TwoSum(hn::Mul(parts.k, Constant(kLog2Hi)), hn::Add(s.hi, s.hi));
  const Pair sum = TwoSum(power.hi, term.hi);
  const Vector low = hn::Add(hn::Add(power.lo, sum.lo), hn::Add(term.lo, hn::Add(s.lo, s.lo)));
  const Pair log2Low = TwoProduct(parts.k, Constant(kLog2Lo));
  const Pair total = TwoSum(sum.hi, log2Low.hi);
  return FastTwoSum(total.hi, hn::Add(hn::Add(total.lo, low),
                                      hn::MulAdd(parts.k, Constant(0x1.f97b57a079a19p-103), log2Low.lo)));
}

/** C's pow: e^{y·log|x|} in twice the precision, and the sign and the special cases by selection. */
HWY_INLINE Vector Pow(Vector x, Vector y) {
  const Vector zero = Constant(0.0), one = Constant(1.0), magnitude = hn::Abs(x);
  // The power of an ordinary magnitude.
  const Mask subnormal = hn::Lt(magnitude, Constant(0x1p-1022));
  const Vector scaled = hn::IfThenElse(subnormal, hn::Mul(magnitude, Constant(0x1p54)), magnitude);
  const Pair logarithm = LogPair(scaled, hn::IfThenElseZero(subnormal, Constant(54.0)));
  // Beyond 2⁷⁰ an exponent has long over- or underflowed; it is bounded to keep the products finite.
  const Vector bounded = hn::Min(hn::Max(y, Constant(-0x1p70)), Constant(0x1p70));
  const Pair product = MulPairs({bounded, zero}, logarithm);
  const Mask moderate = hn::Lt(hn::Abs(product.hi), Constant(800.0));
  const ExpParts parts = ReduceExp(hn::Min(hn::Max(product.hi, Constant(-800.0)), Constant(800.0)));
  const Vector low = hn::IfThenElseZero(moderate, product.lo);
  const Pair sum = FastTwoSum(one, parts.r);
  // eʰ⁺ˡ = eʰ(1 + l), and eʰ is 1 + r + tail.
  const Vector tail = hn::Add(parts.tail, hn::MulAdd(low, hn::Add(parts.r, parts.tail), low));
  Vector power = ScaleByPower(hn::Add(sum.hi, hn::Add(sum.lo, tail)), parts.k);

  // 0, ∞ and 1 as magnitudes, and an infinite exponent: the result is 0, 1 or ∞.
  const Mask up = hn::Xor(hn::Gt(y, zero), hn::Lt(magnitude, one));
  const Mask infinite = hn::Eq(hn::Abs(y), Infinities());
  const Mask extreme = hn::Or(infinite, hn::Or(hn::Eq(magnitude, zero), hn::Eq(magnitude, Infinities())));
  power = hn::IfThenElse(extreme, hn::IfThenElseZero(up, Infinities()), power);
  power = hn::IfThenElse(hn::Eq(magnitude, one), one, power);
  // A negative base: the sign of an odd exponent, and NaN where the exponent is no integer.
  const Mask negative = hn::Lt(hn::CopySign(one, x), zero);
  const Mask integer = hn::Eq(hn::Floor(y), y);
  const Vector half = hn::Mul(y, Constant(0.5));
  const Mask odd = hn::And(integer, hn::Not(hn::Eq(hn::Floor(half), half)));
  power = hn::IfThenElse(hn::And(negative, odd), hn::Neg(power), power);
  const Mask finiteBase = hn::And(hn::Gt(magnitude, zero), hn::Lt(magnitude, Infinities()));
  const Mask undefined = hn::AndNot(integer, hn::And(hn::And(negative, finiteBase), hn::Not(infinite)));
  power = hn::IfThenElse(undefined, NaNs(), power);
  power = hn::IfThenElse(hn::And(hn::Eq(x, x), hn::Eq(y, y)), power, hn::Add(x, y));
  return hn::IfThenElse(hn::Or(hn::Eq(y, zero), hn::Eq(x, one)), one, power);
}

/** x = k·π/2 + (r.hi + r.lo) with |r| ≤ π/4, for |x| ≤ kExactAngle. */
struct AngleParts {
  Vector k;
  Pair r;
};

/** Up to here k < 2²⁰, so that the first three products below are exact. */
inline constexpr double kExactAngle = 1e6;

HWY_INLINE AngleParts ReduceAngle(Vector x) {
  const Vector shifter = Constant(kShifter);
  const Vector k = hn::Sub(hn::Add(hn::Mul(x, Constant(0x1.45f306dc9c883p-1)), shifter), shifter);
  const Vector first = hn::Sub(x, hn::Mul(k, Constant(0x1.921fb54400000p+0)));  // exact
  const Pair second = TwoSum(first, hn::Neg(hn::Mul(k, Constant(0x1.0b4611a600000p-34))));
  const Pair third = TwoSum(second.hi, hn::Neg(hn::Mul(k, Constant(0x1.3198a2e000000p-69))));
  const Vector rest = hn::Sub(hn::Add(second.lo, third.lo), hn::Mul(k, Constant(0x1.b839a252049c1p-104)));
  return {k, FastTwoSum(third.hi, rest)};
}

/** sin(x + quarter·π/2): one polynomial pair serves sine (quarter 0) and cosine (quarter 1). */
template <int kQuarter>
HWY_INLINE Vector Sine(Vector x) {
  // (sin r − r)/r³ and (cos r − 1 + r²/2)/r⁴ as polynomials of r² on |r| ≤ π/4; errors 2⁻⁵⁸ and 2⁻⁶⁴.
  static constexpr double kSin[] = {-0x1.5555555555549p-3, 0x1.111111110f87ap-7,   -0x1.a01a019c11987p-13,
                                    0x1.71de3577b6511p-19, -0x1.ae5e663a94bbep-26, 0x1.5d93010af8a54p-33};
  static constexpr double kCos[] = {0x1.555555555554cp-5,   -0x1.6c16c16c1517ep-10, 0x1.a01a019cb1c08p-16,
                                    -0x1.27e4f809f2703p-22, 0x1.1ee9ebea5221fp-29,  -0x1.8fae9d0727b00p-37};
  const hn::RebindToUnsigned<Tag> du;
  const Mask exact = hn::Le(hn::Abs(x), Constant(kExactAngle));
  const AngleParts parts = ReduceAngle(hn::IfThenElseZero(exact, x));
  const Vector r = parts.r.hi, low = parts.r.lo, z = hn::Mul(r, r), halfZ = hn::Mul(z, Constant(0.5));

  const Vector sine =
      hn::Add(r, hn::MulAdd(hn::Mul(r, z), Polynomial(z, kSin), hn::Mul(low, hn::Sub(Constant(1.0), halfZ))));
  const Vector w = hn::Sub(Constant(1.0), halfZ);
  const Vector rounding = hn::Sub(hn::Sub(Constant(1.0), w), halfZ);
  const Vector cosine =
      hn::Add(w, hn::Add(rounding, hn::Sub(hn::Mul(hn::Mul(z, z), Polynomial(z, kCos)), hn::Mul(r, low))));

  const auto quadrant =
      hn::Add(hn::BitCast(du, hn::Add(parts.k, Constant(kShifter))), hn::Set(du, uint64_t{kQuarter}));
  const Mask useCosine = hn::RebindMask(Tag(), hn::TestBit(quadrant, hn::Set(du, uint64_t{1})));
  const auto negative = hn::ShiftLeft<63>(hn::ShiftRight<1>(quadrant));  // bit 1 becomes the sign
  Vector y = hn::Xor(hn::IfThenElse(useCosine, cosine, sine), hn::BitCast(Tag(), negative));
  if (kQuarter == 0) y = hn::IfThenElse(hn::Lt(hn::Abs(x), Constant(0x1p-28)), x, y);

  if (HWY_LIKELY(hn::AllTrue(Tag(), exact))) return y;
  // Beyond: the C library's own reduction, element by element. NaN and ±∞ give NaN there.
  HWY_ALIGN double in[8], out[8];
  hn::Store(x, Tag(), in);
  for (size_t i = 0; i < hn::Lanes(Tag()); ++i) out[i] = kQuarter == 0 ? std::sin(in[i]) : std::cos(in[i]);
  return hn::IfThenElse(exact, y, hn::Load(Tag(), out));
}

}  // namespace HWY_NAMESPACE
}  // namespace onestep
HWY_AFTER_NAMESPACE();

#endif
