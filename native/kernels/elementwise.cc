#include "kernels/elementwise.h"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise.cc"
// clang-format off
#include "kernels/targets.h"
#include <hwy/foreach_target.h>
// clang-format on
#include "kernels/vectormath-inl.h"

// The operations by name. The order of a list is the order of the tables of kernels.
#define ONESTEP_UNARY(X) \
  X(neg)                 \
  X(abs)                 \
  X(sign)                \
  X(sqrt)                \
  X(square)              \
  X(reciprocal)          \
  X(exp)                 \
  X(expm1)               \
  X(log) X(log1p) X(sin) X(cos) X(tanh) X(sigmoid) X(softplus) X(isFinite) X(floor) X(copy) X(logicalNot)
#define ONESTEP_BINARY(X) \
  X(add)                  \
  X(sub)                  \
  X(mul)                  \
  X(div)                  \
  X(pow)                  \
  X(maximum)              \
  X(minimum) X(less) X(lessEqual) X(greater) X(greaterEqual) X(equal) X(notEqual) X(logicalAnd) X(logicalOr)
#define ONESTEP_TERNARY(X) X(where) X(mulAdd)

HWY_BEFORE_NAMESPACE();
namespace onestep {
namespace HWY_NAMESPACE {
namespace operation {

HWY_INLINE Vector Flag(Mask m) { return hn::IfThenElseZero(m, Constant(1.0)); }
/** x ≠ 0, which NaN is. (Highway's Ne is false for NaN.) */
HWY_INLINE Mask True(Vector x) { return hn::Not(hn::Eq(x, Constant(0.0))); }

struct neg {
  static HWY_INLINE Vector Apply(Vector x) { return hn::Neg(x); }
};
struct abs {
  static HWY_INLINE Vector Apply(Vector x) { return hn::Abs(x); }
};
struct sign {
  static HWY_INLINE Vector Apply(Vector x) {
    return hn::IfThenElse(hn::Gt(hn::Abs(x), Constant(0.0)), hn::CopySign(Constant(1.0), x), x);
  }
};
struct sqrt {
  static HWY_INLINE Vector Apply(Vector x) { return hn::Sqrt(x); }
};
struct square {
  static HWY_INLINE Vector Apply(Vector x) { return hn::Mul(x, x); }
};
struct reciprocal {
  static HWY_INLINE Vector Apply(Vector x) { return hn::Div(Constant(1.0), x); }
};
struct exp {
  static HWY_INLINE Vector Apply(Vector x) { return Exp(x); }
};
struct expm1 {
  static HWY_INLINE Vector Apply(Vector x) { return Expm1(x); }
};
struct log {
  static HWY_INLINE Vector Apply(Vector x) { return Log(x); }
};
struct log1p {
  static HWY_INLINE Vector Apply(Vector x) { return Log1p(x); }
};
struct sin {
  static HWY_INLINE Vector Apply(Vector x) { return Sine<0>(x); }
};
struct cos {
  static HWY_INLINE Vector Apply(Vector x) { return Sine<1>(x); }
};
struct tanh {
  static HWY_INLINE Vector Apply(Vector x) { return Tanh(x); }
};
struct sigmoid {
  static HWY_INLINE Vector Apply(Vector x) { return Sigmoid(x); }
};
struct softplus {
  static HWY_INLINE Vector Apply(Vector x) { return Softplus(x); }
};
struct isFinite {
  static HWY_INLINE Vector Apply(Vector x) { return Flag(hn::Lt(hn::Abs(x), Infinities())); }
};
struct floor {
  // (Highway's plain C++ target loses the sign of −0.)
  static HWY_INLINE Vector Apply(Vector x) { return hn::CopySign(hn::Floor(x), x); }
};
struct copy {
  static HWY_INLINE Vector Apply(Vector x) { return x; }
};
struct logicalNot {
  static HWY_INLINE Vector Apply(Vector x) { return Flag(hn::Eq(x, Constant(0.0))); }
};

struct add {
  static HWY_INLINE Vector Apply(Vector a, Vector b) { return hn::Add(a, b); }
};
struct sub {
  static HWY_INLINE Vector Apply(Vector a, Vector b) { return hn::Sub(a, b); }
};
struct mul {
  static HWY_INLINE Vector Apply(Vector a, Vector b) { return hn::Mul(a, b); }
};
struct div {
  static HWY_INLINE Vector Apply(Vector a, Vector b) { return hn::Div(a, b); }
};

/** The exponents that occur most are a multiplication, a division or a root. */
struct pow {
  static HWY_INLINE Vector Apply(Vector x, Vector y) {
    const Tag d;
    const Mask square = hn::Eq(y, Constant(2.0));
    if (hn::AllTrue(d, square)) return hn::Mul(x, x);
    const Mask reciprocal = hn::Eq(y, Constant(-1.0)), root = hn::Eq(y, Constant(0.5));
    const Mask known = hn::Or(square, hn::Or(reciprocal, root));
    Vector result = hn::Mul(x, x);
    if (!hn::AllFalse(d, reciprocal)) result = hn::IfThenElse(reciprocal, hn::Div(Constant(1.0), x), result);
    if (!hn::AllFalse(d, root)) {
      // C's pow takes −0 to +0 and −∞ to +∞.
      const Vector positive = hn::IfThenElse(hn::Eq(x, hn::Neg(Infinities())), Infinities(), x);
      result = hn::IfThenElse(root, hn::Sqrt(hn::Add(positive, Constant(0.0))), result);
    }
    return hn::AllTrue(d, known) ? result : hn::IfThenElse(known, result, Pow(x, y));
  }
};

struct maximum {
  static HWY_INLINE Vector Apply(Vector a, Vector b) { return Maximum(a, b); }
};
struct minimum {
  static HWY_INLINE Vector Apply(Vector a, Vector b) { return Minimum(a, b); }
};
struct less {
  static HWY_INLINE Vector Apply(Vector a, Vector b) { return Flag(hn::Lt(a, b)); }
};
struct lessEqual {
  static HWY_INLINE Vector Apply(Vector a, Vector b) { return Flag(hn::Le(a, b)); }
};
struct greater {
  static HWY_INLINE Vector Apply(Vector a, Vector b) { return Flag(hn::Gt(a, b)); }
};
struct greaterEqual {
  static HWY_INLINE Vector Apply(Vector a, Vector b) { return Flag(hn::Ge(a, b)); }
};
struct equal {
  static HWY_INLINE Vector Apply(Vector a, Vector b) { return Flag(hn::Eq(a, b)); }
};
struct notEqual {
  static HWY_INLINE Vector Apply(Vector a, Vector b) { return Flag(hn::Not(hn::Eq(a, b))); }
};
struct logicalAnd {
  static HWY_INLINE Vector Apply(Vector a, Vector b) { return Flag(hn::And(True(a), True(b))); }
};
struct logicalOr {
  static HWY_INLINE Vector Apply(Vector a, Vector b) { return Flag(hn::Or(True(a), True(b))); }
};

struct where {
  static HWY_INLINE Vector Apply(Vector c, Vector a, Vector b) { return hn::IfThenElse(True(c), a, b); }
};
struct mulAdd {
  static HWY_INLINE Vector Apply(Vector a, Vector b, Vector c) { return hn::MulAdd(a, b, c); }
};

}  // namespace operation

// An operand: n numbers in memory, or one scalar for all of them. The rest of a block that does not fill a
// vector goes through a buffer and the same instructions, so that no element's result depends on its place.
struct Elements {
  const double* from;
  explicit HWY_INLINE Elements(const double* p) : from(p) {}
  HWY_INLINE Vector At(size_t i) const { return hn::LoadU(Tag(), from + i); }
  HWY_INLINE Vector Rest(size_t i, size_t n) const {
    HWY_ALIGN double buffer[8] = {};
    std::memcpy(buffer, from + i, (n - i) * sizeof(double));
    return hn::Load(Tag(), buffer);
  }
};
struct Scalar {
  Vector value;
  explicit HWY_INLINE Scalar(const double* p) : value(Constant(*p)) {}
  HWY_INLINE Vector At(size_t) const { return value; }
  HWY_INLINE Vector Rest(size_t, size_t) const { return value; }
};

template <class Operation, class... Operands>
HWY_INLINE void Loop(double* out, size_t n, Operands... operands) {
  const size_t lanes = hn::Lanes(Tag());
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(Operation::Apply(operands.At(i)...), Tag(), out + i);
  if (i == n) return;
  HWY_ALIGN double buffer[8];
  hn::Store(Operation::Apply(operands.Rest(i, n)...), Tag(), buffer);
  std::memcpy(out + i, buffer, (n - i) * sizeof(double));
}

template <class Operation>
void Unary(double* out, const double* a, size_t n) {
  Loop<Operation>(out, n, Elements(a));
}

template <class Operation, class A, class B>
void Binary(double* out, const double* a, const double* b, size_t n) {
  if (n > 0) Loop<Operation>(out, n, A(a), B(b));
}

template <class Operation>
void Ternary(double* out, const double* a, const double* b, const double* c, size_t n) {
  Loop<Operation>(out, n, Elements(a), Elements(b), Elements(c));
}

template <class Operation>
constexpr BinaryKernels AllKinds() {
  return {Binary<Operation, Elements, Elements>, Binary<Operation, Elements, Scalar>,
          Binary<Operation, Scalar, Elements>};
}

#define ONESTEP_ENTRY(name) Unary<operation::name>,
const UnaryKernel* UnaryTable() {
  static constexpr UnaryKernel table[] = {ONESTEP_UNARY(ONESTEP_ENTRY)};
  return table;
}
#undef ONESTEP_ENTRY
#define ONESTEP_ENTRY(name) AllKinds<operation::name>(),
const BinaryKernels* BinaryTable() {
  static constexpr BinaryKernels table[] = {ONESTEP_BINARY(ONESTEP_ENTRY)};
  return table;
}
#undef ONESTEP_ENTRY
#define ONESTEP_ENTRY(name) Ternary<operation::name>,
const TernaryKernel* TernaryTable() {
  static constexpr TernaryKernel table[] = {ONESTEP_TERNARY(ONESTEP_ENTRY)};
  return table;
}
#undef ONESTEP_ENTRY

bool AllFinite(const double* a, size_t n) {
  const size_t lanes = hn::Lanes(Tag());
  size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    // x·0 is 0 or NaN, and a NaN stays in the sum.
    const Vector zero = Constant(0.0);
    const Vector pair =
        hn::MulAdd(hn::LoadU(Tag(), a + i), zero, hn::Mul(hn::LoadU(Tag(), a + i + lanes), zero));
    const Vector other = hn::MulAdd(hn::LoadU(Tag(), a + i + 2 * lanes), zero,
                                    hn::Mul(hn::LoadU(Tag(), a + i + 3 * lanes), zero));
    const Vector sum = hn::Add(pair, other);
    if (!hn::AllTrue(Tag(), hn::Eq(sum, sum))) return false;
  }
  for (; i < n; ++i) {
    if (!std::isfinite(a[i])) return false;
  }
  return true;
}

}  // namespace HWY_NAMESPACE
}  // namespace onestep
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onestep {
namespace {

HWY_EXPORT(UnaryTable);
HWY_EXPORT(BinaryTable);
HWY_EXPORT(TernaryTable);
HWY_EXPORT(AllFinite);

#define ONESTEP_NAME(name) #name,
constexpr std::string_view kUnaryNames[] = {ONESTEP_UNARY(ONESTEP_NAME)};
constexpr std::string_view kBinaryNames[] = {ONESTEP_BINARY(ONESTEP_NAME)};
constexpr std::string_view kTernaryNames[] = {ONESTEP_TERNARY(ONESTEP_NAME)};
#undef ONESTEP_NAME

/** The place of a name in a list, or −1. */
ptrdiff_t place(std::span<const std::string_view> names, std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? -1 : found - names.begin();
}

}  // namespace

std::span<const std::string_view> unaryNames() { return kUnaryNames; }
std::span<const std::string_view> binaryNames() { return kBinaryNames; }
std::span<const std::string_view> ternaryNames() { return kTernaryNames; }

UnaryKernel findUnary(std::string_view name) {
  const ptrdiff_t i = place(kUnaryNames, name);
  return i < 0 ? nullptr : HWY_DYNAMIC_DISPATCH(UnaryTable)()[i];
}

const BinaryKernels* findBinary(std::string_view name) {
  const ptrdiff_t i = place(kBinaryNames, name);
  return i < 0 ? nullptr : HWY_DYNAMIC_DISPATCH(BinaryTable)() + i;
}

TernaryKernel findTernary(std::string_view name) {
  const ptrdiff_t i = place(kTernaryNames, name);
  return i < 0 ? nullptr : HWY_DYNAMIC_DISPATCH(TernaryTable)()[i];
}

bool allFinite(const double* a, size_t n, Poll stop) {
  const auto total = static_cast<int64_t>(n);
  for (const int64_t i : Panels(total, kPanelNumbers, stop)) {
    const int64_t count = std::min(kPanelNumbers, total - i);
    if (!HWY_DYNAMIC_DISPATCH(AllFinite)(a + i, static_cast<size_t>(count))) return false;
  }
  return true;
}

void fill(double* out, double value, size_t n) { std::fill_n(out, n, value); }

void gatherStrided(double* out, const double* src, ptrdiff_t stride, size_t n) {
  for (size_t i = 0; i < n; ++i) out[i] = src[static_cast<ptrdiff_t>(i) * stride];
}

void repeatEach(double* out, const double* src, size_t times, size_t start, size_t n) {
  if (n == 0) return;
  const double* value = src + start / times;
  size_t left = std::min(n, times - start % times);
  while (n > 0) {
    std::fill_n(out, left, *value++);
    out += left;
    n -= left;
    left = std::min(n, times);
  }
}

void tileRepeat(double* out, const double* src, size_t period, size_t start, size_t n) {
  if (n == 0) return;
  size_t from = start % period;
  while (n > 0) {
    const size_t count = std::min(n, period - from);
    std::memcpy(out, src + from, count * sizeof(double));
    out += count;
    n -= count;
    from = 0;
  }
}

}  // namespace onestep
#endif
