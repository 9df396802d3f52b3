// selfCheck(): what this build runs on, and whether it computes correctly here. JavaScript judges.
#include <hwy/targets.h>
#include <napi.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/blas.h"
#include "binding/entry.h"
#include "binding/registry.h"

namespace onestep::binding {
namespace {

constexpr lapack_int kOrder = 48;
using Matrix = std::vector<double>;  // column-major, kOrder × kOrder

/** Entries in [-1, 1), the same on every machine. */
Matrix pseudoRandom(std::uint64_t state) {
  Matrix a(kOrder * kOrder);
  for (double& entry : a) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    entry = static_cast<double>(static_cast<std::int64_t>(state) >> 11) * 0x1p-52;
  }
  return a;
}

/** ‖A‖₁, the largest column sum. NaN comes out as NaN. */
double norm1(const Matrix& a) {
  double largest = 0;
  for (lapack_int j = 0; j < kOrder; ++j) {
    double sum = 0;
    for (lapack_int i = 0; i < kOrder; ++i) sum += std::abs(a[i + j * kOrder]);
    if (!(sum <= largest)) largest = sum;
  }
  return largest;
}

/** ‖A − product‖₁ / (n ε ‖A‖₁): LAPACK's own test ratio, which its tests want below 30. */
double ratio(const Matrix& a, const Matrix& product) {
  Matrix difference(a);
  for (std::size_t i = 0; i < a.size(); ++i) difference[i] -= product[i];
  return norm1(difference) / (kOrder * std::numeric_limits<double>::epsilon() * norm1(a));
}

/** L·R by three loops, where `left` and `right` say which entries of the packed factors count. */
template <typename Left, typename Right>
Matrix multiply(const Left& left, const Right& right) {
  Matrix product(kOrder * kOrder);
  for (lapack_int j = 0; j < kOrder; ++j) {
    for (lapack_int i = 0; i < kOrder; ++i) {
      double sum = 0;
      for (lapack_int k = 0; k < kOrder; ++k) sum += left(i, k) * right(k, j);
      product[i + j * kOrder] = sum;
    }
  }
  return product;
}

double choleskyResidual() {
  const Matrix m = pseudoRandom(1);
  Matrix a = multiply([&](int i, int k) { return m[i + k * kOrder]; },
                      [&](int k, int j) { return m[j + k * kOrder]; });  // A = MMᵀ + nI
  for (lapack_int i = 0; i < kOrder; ++i) a[i + i * kOrder] += kOrder;
  Matrix l(a);
  lapack_int info = 0;
  dpotrf_("L", &kOrder, l.data(), &kOrder, &info);
  if (info != 0) return std::numeric_limits<double>::infinity();
  const auto lower = [&](int i, int k) { return i >= k ? l[i + k * kOrder] : 0; };
  return ratio(a, multiply(lower, [&](int k, int j) { return lower(j, k); }));
}

double luResidual() {
  Matrix a = pseudoRandom(2);
  Matrix lu(a);
  std::vector<lapack_int> pivots(kOrder);
  lapack_int info = 0;
  dgetrf_(&kOrder, &kOrder, lu.data(), &kOrder, pivots.data(), &info);
  if (info != 0) return std::numeric_limits<double>::infinity();
  for (lapack_int i = 0; i < kOrder; ++i) {  // A becomes PA
    for (lapack_int j = 0; j < kOrder; ++j) std::swap(a[i + j * kOrder], a[pivots[i] - 1 + j * kOrder]);
  }
  const auto lower = [&](int i, int k) { return i == k ? 1 : i > k ? lu[i + k * kOrder] : 0; };
  const auto upper = [&](int k, int j) { return k <= j ? lu[k + j * kOrder] : 0; };
  return ratio(a, multiply(lower, upper));
}

/** Whether this thread turns subnormal inputs or results into zero. */
bool flushesSubnormals() {
  volatile double tiny = std::numeric_limits<double>::denorm_min();
  volatile double small = std::numeric_limits<double>::min();
  return !(tiny * 1.0 > 0) || !(small * 0.5 > 0);
}

Napi::Value selfCheck(const Napi::CallbackInfo& info) {
  const std::string config = openblas_get_config();
  const bool wide = config.find("USE64BITINT") != std::string::npos;
  const double unknown = std::numeric_limits<double>::quiet_NaN();

  Napi::Object blas = Napi::Object::New(info.Env());
  blas["config"] = config;
  blas["core"] = std::string(openblas_get_corename());
  blas["threads"] = openblas_get_num_threads();
  blas["singleThreaded"] = openblas_get_parallel() == 0;
  blas["integerBits"] = wide ? 64 : 32;

  Napi::Object report = Napi::Object::New(info.Env());
  report["blas"] = blas;
  report["simd"] = std::string(hwy::TargetName(hwy::SupportedAndGeneratedTargets().front()));
  report["flushesSubnormals"] = flushesSubnormals();
  // With 64-bit integers the calls below would read past their arguments.
  report["choleskyResidual"] = wide ? unknown : choleskyResidual();
  report["luResidual"] = wide ? unknown : luResidual();
  return report;
}

}  // namespace

void registerSelfCheck(Napi::Env env, Napi::Object exports) { entry<selfCheck>(env, exports, "selfCheck"); }

}  // namespace onestep::binding
