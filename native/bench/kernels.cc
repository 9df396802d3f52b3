// The kernels beside what they replace, in one process: LAPACK called for one instance after another,
// dgemm, and scalar loops over the C library. One JSON line a case; an argument picks cases by their start.
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>

#include "base/blas.h"
#include "bench/measure.h"
#include "kernels/cholesky.h"
#include "kernels/elementwise.h"
#include "kernels/gram.h"
#include "kernels/lu.h"
#include "kernels/matmul.h"
#include "kernels/reduce.h"
#include "kernels/tiles.h"
#include "kernels/triangular.h"

namespace onestep::bench {
namespace {

Values randomValues(int64_t count, double low = -1, double high = 1) {
  static std::mt19937_64 engine(7);
  std::uniform_real_distribution<double> uniform(low, high);
  Values v(static_cast<size_t>(count));
  for (double& x : v) x = uniform(engine);
  return v;
}

/** The rate of dgemm on 512 × 512 matrices, in FLOP/s: what this machine's BLAS can do at best. */
double gemmPeak() {
  const int64_t n = 512;
  const Values a = randomValues(n * n), b = randomValues(n * n);
  Values c(a.size());
  const double seconds = sideBySide(
      {[&] { blas::gemm('N', 'N', n, n, n, 1, a.data(), n, b.data(), n, 0, c.data(), n); }}, 15, 5e-3)[0];
  return 2.0 * static_cast<double>(n * n * n) / seconds;
}

/** Every unary kernel on a block in L1, beside a loop over the C library where it has the function. */
void elementwise() {
  const Values in = randomValues(512, -3, 3);
  Values positive = in, out(in.size());
  for (double& x : positive) x = std::fabs(x) + 0.01;
  const std::vector<std::pair<std::string, double (*)(double)>> library = {
      {"exp", std::exp},
      {"expm1", std::expm1},
      {"log", std::log},
      {"log1p", std::log1p},
      {"sin", std::sin},
      {"cos", std::cos},
      {"tanh", std::tanh},
      {"sqrt", std::sqrt},
      {"sigmoid", [](double x) { return 1 / (1 + std::exp(-x)); }},
      {"softplus", [](double x) { return std::fmax(x, 0) + std::log1p(std::exp(-std::fabs(x))); }}};
  for (const auto& [name, scalar] : library) {
    const Values& x = name.starts_with("log") || name == "sqrt" ? positive : in;
    const UnaryKernel kernel = findUnary(name);
    const auto function = scalar;
    const auto seconds = sideBySide({[&] { kernel(out.data(), x.data(), x.size()); },
                                     [&] {
                                       for (size_t i = 0; i < x.size(); ++i) out[i] = function(x[i]);
                                     }});
    report("elementwise " + name, {{"nanoseconds", seconds[0] / 512 * 1e9},
                                   {"libraryNanoseconds", seconds[1] / 512 * 1e9},
                                   {"speedup", seconds[1] / seconds[0]}});
  }
  const Values exponents = randomValues(512, -3, 3);
  const BinaryKernel pow = findBinary("pow")->vectorVector;
  const auto seconds = sideBySide({[&] { pow(out.data(), positive.data(), exponents.data(), out.size()); },
                                   [&] {
                                     for (size_t i = 0; i < out.size(); ++i)
                                       out[i] = std::pow(positive[i], exponents[i]);
                                   }});
  report("elementwise pow", {{"nanoseconds", seconds[0] / 512 * 1e9},
                             {"libraryNanoseconds", seconds[1] / 512 * 1e9},
                             {"speedup", seconds[1] / seconds[0]}});
}

/** The elementwise part of a logistic loss and its gradient, Σ softplus(−yz) and −y·sigmoid(−yz), in blocks.
 */
void logistic() {
  const size_t n = 512;
  const Values z = randomValues(n, -3, 3), y = randomValues(n);
  Values margin(n), loss(n), slope(n);
  const UnaryKernel softplus = findUnary("softplus"), sigmoid = findUnary("sigmoid"), neg = findUnary("neg");
  const BinaryKernel mul = findBinary("mul")->vectorVector;
  const ReduceKernel sum = findReduction("sum");
  double total = 0;
  const auto seconds =
      sideBySide({[&] {
                    mul(margin.data(), z.data(), y.data(), n);
                    neg(margin.data(), margin.data(), n);
                    softplus(loss.data(), margin.data(), n);
                    sum(&total, loss.data(), 1, static_cast<int64_t>(n), 1, Poll());
                    sigmoid(slope.data(), margin.data(), n);
                    mul(slope.data(), slope.data(), y.data(), n);
                    neg(slope.data(), slope.data(), n);
                  },
                  [&] {
                    for (size_t i = 0; i < n; ++i) margin[i] = -z[i] * y[i];
                    for (size_t i = 0; i < n; ++i) {
                      loss[i] = std::fmax(margin[i], 0) + std::log1p(std::exp(-std::fabs(margin[i])));
                    }
                    total = 0;
                    for (size_t i = 0; i < n; ++i) total += loss[i];
                    for (size_t i = 0; i < n; ++i) slope[i] = -y[i] / (1 + std::exp(-margin[i]));
                  }});
  report("logistic", {{"nanoseconds", seconds[0] / static_cast<double>(n) * 1e9},
                      {"libraryNanoseconds", seconds[1] / static_cast<double>(n) * 1e9},
                      {"speedup", seconds[1] / seconds[0]}});
}

/** A uniform matrix times lanes, beside one dgemm with as many columns, as fractions of dgemm's peak. */
void uniformProducts(double peak) {
  for (const auto& [rows, cols] : {std::pair<int64_t, int64_t>{8192, 12}, {512, 512}, {64, 64}}) {
    for (const bool transpose : {false, true}) {
      const Values a = randomValues(rows * cols);
      for (const int64_t lanes : {1, 8, 16, 24, 32, 64, 128}) {
        const int64_t out = transpose ? cols : rows, inner = transpose ? rows : cols;
        const Values x = randomValues(inner * lanes);
        Values y(static_cast<size_t>(out * lanes));
        const MatmulShape shape{out, inner, 1, lanes, false, true, transpose};
        Values scratch(matmulScratch(shape));
        const auto seconds = sideBySide({[&] { matmul(shape, y.data(), a.data(), x.data(), scratch.data()); },
                                         [&] {
                                           blas::gemm('N', transpose ? 'T' : 'N', lanes, out, inner, 1,
                                                      x.data(), lanes, a.data(), cols, 0, y.data(), lanes);
                                         }});
        const double flops = 2.0 * static_cast<double>(rows * cols * lanes);
        report(transpose ? "uniform A'Y" : "uniform AX", {{"rows", rows},
                                                          {"cols", cols},
                                                          {"lanes", lanes},
                                                          {"gflops", flops / seconds[0] / 1e9},
                                                          {"peakFraction", flops / seconds[0] / peak},
                                                          {"dgemmFraction", flops / seconds[1] / peak}});
      }
    }
  }
}

/** Products without lanes, beside dgemm. */
void plainProducts(double peak) {
  const int64_t sizes[][3] = {
      {4, 4, 4},       {8, 8, 8},          {16, 16, 16},   {33, 33, 33},  {64, 64, 64},   {200, 200, 200},
      {512, 512, 512}, {1000, 1000, 1000}, {8192, 12, 2},  {8192, 12, 4}, {8192, 12, 12}, {12, 8192, 12},
      {512, 512, 2},   {512, 512, 4},      {512, 512, 10}, {2, 512, 512}, {4, 512, 512}};
  for (const auto& [rows, inner, cols] : sizes) {
    for (int bits = 0; bits < 4; ++bits) {
      const MatmulShape shape{rows, inner, cols, 1, false, false, (bits & 2) != 0, (bits & 1) != 0};
      const Values a = randomValues(rows * inner), b = randomValues(inner * cols);
      Values c(static_cast<size_t>(rows * cols)), scratch(matmulScratch(shape));
      const auto seconds =
          sideBySide({[&] { matmul(shape, c.data(), a.data(), b.data(), scratch.data()); },
                      [&] {
                        blas::gemm(shape.transposeB ? 'T' : 'N', shape.transposeA ? 'T' : 'N', cols, rows,
                                   inner, 1, b.data(), shape.transposeB ? inner : cols, a.data(),
                                   shape.transposeA ? rows : inner, 0, c.data(), cols);
                      }},
                     5);
      const double flops = 2.0 * static_cast<double>(rows * inner * cols);
      report("plain product", {{"rows", rows},
                               {"inner", inner},
                               {"cols", cols},
                               {"transposeA", shape.transposeA},
                               {"transposeB", shape.transposeB},
                               {"gflops", flops / seconds[0] / 1e9},
                               {"peakFraction", flops / seconds[0] / peak},
                               {"speedupOverDgemm", seconds[1] / seconds[0]}});
    }
  }
}

void laneProducts(double peak) {
  for (const int64_t n : {4, 8, 16, 32, 64, 128, 256, 512}) {
    for (const int64_t lanes : {8, 64}) {
      if (n * n * lanes > 3'000'000) continue;
      const Values a = randomValues(n * n * lanes), b = randomValues(n * n * lanes);
      Values c(a.size());
      const MatmulShape shape{n, n, n, lanes, true, true};
      Values scratch(matmulScratch(shape));
      const auto seconds = sideBySide({[&] { matmul(shape, c.data(), a.data(), b.data(), scratch.data()); },
                                       [&] {
                                         for (int64_t t = 0; t < lanes; ++t) {
                                           blas::gemm('N', 'N', n, n, n, 1, a.data() + t * n * n, n,
                                                      b.data() + t * n * n, n, 0, c.data() + t * n * n, n);
                                         }
                                       }});
      const double flops = 2.0 * static_cast<double>(n * n * n * lanes);
      report("lane product", {{"n", n},
                              {"lanes", lanes},
                              {"gflops", flops / seconds[0] / 1e9},
                              {"peakFraction", flops / seconds[0] / peak},
                              {"speedupOverDgemmLoop", seconds[1] / seconds[0]}});
    }
  }
}

/** A random matrix in every lane, symmetric positive definite or not: as a tile, and one after another. */
struct Matrices {
  Values tile, batch;
};
Matrices randomMatrices(int64_t n, int64_t lanes, bool definite) {
  Matrices matrices{Values(static_cast<size_t>(n * n * lanes)), randomValues(n * n * lanes)};
  for (int64_t t = 0; t < lanes && definite; ++t) {
    double* a = matrices.batch.data() + t * n * n;
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < i; ++j) a[j * n + i] = a[i * n + j];
      a[i * n + i] += 2.0 * static_cast<double>(n);
    }
  }
  std::vector<int64_t> instances(static_cast<size_t>(lanes));
  std::iota(instances.begin(), instances.end(), 0);
  loadTile(matrices.tile.data(), matrices.batch.data(), n * n, lanes, instances.data());
  return matrices;
}

void choleskys() {
  for (const int64_t n : {2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 100, 128, 192, 256, 384, 512, 1000}) {
    for (const int64_t lanes : {1, 8, 64}) {
      if (n * n * lanes > 3'000'000) continue;
      const Matrices a = randomMatrices(n, lanes, true);
      Values l(a.tile.size()), scratch(choleskyScratch(n, lanes)), one(a.batch.size());
      const auto seconds = sideBySide({[&] { cholesky(l.data(), a.tile.data(), n, lanes, scratch.data()); },
                                       [&] {
                                         std::copy(a.batch.begin(), a.batch.end(), one.begin());
                                         for (int64_t t = 0; t < lanes; ++t)
                                           blas::potrf('U', n, one.data() + t * n * n, n);
                                       }});
      report("cholesky", {{"n", n},
                          {"lanes", lanes},
                          {"nanoseconds", seconds[0] / static_cast<double>(lanes) * 1e9},
                          {"lapackNanoseconds", seconds[1] / static_cast<double>(lanes) * 1e9},
                          {"speedup", seconds[1] / seconds[0]}});
    }
  }
}

/** Factorization and the solve of one right-hand side. */
void lus() {
  for (const int64_t n : {2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512}) {
    for (const int64_t lanes : {8, 64}) {
      if (n * n * lanes > 3'000'000) continue;
      const Matrices a = randomMatrices(n, lanes, false);
      const Values b = randomValues(n * lanes);
      const LuSolveShape shape{n, 1, lanes, true};
      Values packed(a.tile.size()), permutation(b.size()), x(b.size()), one(a.batch.size());
      Values scratch(std::max(luScratch(n, lanes), luSolveScratch(shape)));
      std::vector<lapack_int> pivots(static_cast<size_t>(n));
      const auto seconds = sideBySide(
          {[&] {
             lu(packed.data(), permutation.data(), a.tile.data(), n, lanes, scratch.data());
             luSolve(shape, x.data(), packed.data(), permutation.data(), b.data(), scratch.data());
           },
           [&] {
             std::copy(a.batch.begin(), a.batch.end(), one.begin());
             std::copy(b.begin(), b.end(), x.begin());
             for (int64_t t = 0; t < lanes; ++t) {
               blas::getrf(n, n, one.data() + t * n * n, n, pivots.data());
               blas::getrs('N', n, 1, one.data() + t * n * n, n, pivots.data(), x.data() + t * n, n);
             }
           },
           [&] { lu(packed.data(), permutation.data(), a.tile.data(), n, lanes, scratch.data()); }});
      report("lu", {{"n", n},
                    {"lanes", lanes},
                    {"nanoseconds", seconds[0] / static_cast<double>(lanes) * 1e9},
                    {"factorization", seconds[2] / static_cast<double>(lanes) * 1e9},
                    {"lapackNanoseconds", seconds[1] / static_cast<double>(lanes) * 1e9},
                    {"speedup", seconds[1] / seconds[0]}});
    }
  }
}

/** AᵀWA by its useful arithmetic, beside the scaled copy and dgemm for each lane that it replaces. */
void grams(double peak) {
  for (const auto& [rows, cols] : {std::pair<int64_t, int64_t>{8192, 12},
                                   {2048, 64},
                                   {512, 256},
                                   {500, 1000},
                                   {100, 100},
                                   {32, 8},
                                   {64, 32}}) {
    for (const bool laneA : {false, true}) {
      for (const int64_t lanes : {1, 8, 16, 64}) {
        if ((laneA ? rows * lanes : rows) * cols > 3'000'000 || cols * cols * lanes > 3'000'000) continue;
        const GramShape shape{rows, cols, lanes, laneA, true, true};
        const Values a = randomValues(rows * cols * (laneA ? lanes : 1)), w = randomValues(rows * lanes);
        Values g(static_cast<size_t>(cols * cols * lanes)), scratch(gramScratch(shape)),
            copy(static_cast<size_t>(rows * cols));
        const auto seconds = sideBySide({[&] { gram(shape, g.data(), a.data(), w.data(), scratch.data()); },
                                         [&] {
                                           for (int64_t t = 0; t < lanes; ++t) {
                                             const double* one = a.data() + (laneA ? t * rows * cols : 0);
                                             for (int64_t r = 0; r < rows; ++r) {
                                               for (int64_t j = 0; j < cols; ++j)
                                                 copy[r * cols + j] = w[t * rows + r] * one[r * cols + j];
                                             }
                                             blas::gemm('N', 'T', cols, cols, rows, 1, copy.data(), cols, one,
                                                        cols, 0, g.data() + t * cols * cols, cols);
                                           }
                                         }},
                                        5);
        const double flops = static_cast<double>(rows * cols * (cols + 1) * lanes);
        report(laneA ? "gram lane A" : "gram uniform A", {{"rows", rows},
                                                          {"cols", cols},
                                                          {"lanes", lanes},
                                                          {"gflops", flops / seconds[0] / 1e9},
                                                          {"peakFraction", flops / seconds[0] / peak},
                                                          {"speedupOverDgemmLoop", seconds[1] / seconds[0]}});
      }
    }
  }
}

/** Solves with a lower triangular matrix, uniform or per lane, beside dtrsm. */
void triangulars() {
  for (const bool laneFactor : {false, true}) {
    for (const int64_t n : {8, 32, 64, 100, 256, 1000}) {
      for (const int64_t cols : {1, 4, 25, 32, 250}) {
        for (const int64_t lanes : {1, 8, 64}) {
          if (lanes == 1 ? laneFactor : cols > 1 && cols != 32) continue;
          if ((laneFactor ? n * n * lanes : 0) + n * cols * lanes > 2'000'000) continue;
          Matrices a = randomMatrices(n, laneFactor ? lanes : 1, true);
          const Values b = randomValues(n * cols * lanes);
          const TriangularShape shape{n, cols, lanes, laneFactor, true};
          Values x(b.size()), scratch(triangularScratch(shape));
          const int64_t calls = laneFactor ? lanes : 1, width = laneFactor ? cols : cols * lanes;
          const auto seconds =
              sideBySide({[&] { triangularSolve(shape, x.data(), a.tile.data(), b.data(), scratch.data()); },
                          [&] {
                            std::copy(b.begin(), b.end(), x.begin());
                            for (int64_t t = 0; t < calls; ++t) {
                              const double* const factor = a.batch.data() + t * n * n;
                              double* const part = x.data() + t * n * width;
                              if (width == 1) {
                                blas::trsv('U', 'T', 'N', n, factor, n, part);
                              } else {
                                blas::trsm('R', 'U', 'N', 'N', width, n, 1, factor, n, part, width);
                              }
                            }
                          }});
          const double flops = static_cast<double>(n * n * cols * lanes);
          report(laneFactor ? "triangular lane" : "triangular uniform",
                 {{"n", n},
                  {"cols", cols},
                  {"lanes", lanes},
                  {"gflops", flops / seconds[0] / 1e9},
                  {"microseconds", seconds[0] * 1e6},
                  {"dtrsmGflops", flops / seconds[1] / 1e9},
                  {"speedup", seconds[1] / seconds[0]}});
        }
      }
    }
  }
}

/** Matrix times vector, and transposed, where the matrix, the vector, or both are per lane. */
void vectors() {
  for (const int64_t n : {8, 32, 100, 128, 500, 1000}) {
    for (const int64_t lanes : {1, 8, 64}) {
      for (int which = 1; which < 4; ++which) {
        for (const bool transpose : {false, true}) {
          if (lanes == 1 ? which < 3 : n > 128) continue;
          const MatmulShape shape{n, n, 1, lanes, (which & 2) != 0, (which & 1) != 0, transpose};
          const Values a = randomValues(n * n * (shape.laneA ? lanes : 1)),
                       b = randomValues(n * (shape.laneB ? lanes : 1));
          Values c(static_cast<size_t>(n * lanes)), scratch(matmulScratch(shape));
          const auto seconds = sideBySide(
              {[&] { matmul(shape, c.data(), a.data(), b.data(), scratch.data()); },
               [&] {
                 for (int64_t t = 0; t < lanes; ++t) {
                   blas::gemv(transpose ? 'N' : 'T', n, n, 1, a.data() + (shape.laneA ? t * n * n : 0), n,
                              b.data() + (shape.laneB ? t * n : 0), 0, c.data() + t * n);
                 }
               }});
          report("matrix-vector", {{"n", n},
                                   {"lanes", lanes},
                                   {"laneA", shape.laneA},
                                   {"laneB", shape.laneB},
                                   {"transposeA", transpose},
                                   {"gflops", 2.0 * static_cast<double>(n * n * lanes) / seconds[0] / 1e9},
                                   {"nanoseconds", seconds[0] * 1e9},
                                   {"speedupOverDgemv", seconds[1] / seconds[0]}});
        }
      }
    }
  }
}

/** A batch into a tile and back. */
void tiles() {
  for (const int64_t size : {8, 64, 1000}) {
    for (const int64_t lanes : {8, 64}) {
      const Values batch = randomValues(size * lanes);
      Values tile(batch.size()), back(batch.size());
      std::vector<int64_t> instances(static_cast<size_t>(lanes));
      std::iota(instances.begin(), instances.end(), 0);
      const auto seconds =
          sideBySide({[&] { loadTile(tile.data(), batch.data(), size, lanes, instances.data()); },
                      [&] { storeTile(back.data(), tile.data(), size, lanes, instances.data()); },
                      [&] { std::copy(batch.begin(), batch.end(), back.begin()); }});
      const double bytes = 16.0 * static_cast<double>(size * lanes) / 1e9;
      report("tile", {{"size", size},
                      {"lanes", lanes},
                      {"loadGBs", bytes / seconds[0]},
                      {"storeGBs", bytes / seconds[1]},
                      {"memcpyGBs", bytes / seconds[2]}});
    }
  }
}

}  // namespace
}  // namespace onestep::bench

int main(int argc, char** argv) {
  using namespace onestep::bench;
  openblas_set_num_threads(1);
  const auto wanted = [&](const char* name) {
    return argc < 2 || std::strncmp(argv[1], name, std::strlen(argv[1])) == 0;
  };
  const double peak = gemmPeak();
  report("dgemm peak", {{"gflops", peak / 1e9}});
  if (wanted("elementwise")) elementwise();
  if (wanted("logistic")) logistic();
  if (wanted("uniform")) uniformProducts(peak);
  if (wanted("plain product")) plainProducts(peak);
  if (wanted("lane product")) laneProducts(peak);
  if (wanted("gram")) grams(peak);
  if (wanted("cholesky")) choleskys();
  if (wanted("lu")) lus();
  if (wanted("triangular")) triangulars();
  if (wanted("matrix-vector")) vectors();
  if (wanted("tile")) tiles();
}
