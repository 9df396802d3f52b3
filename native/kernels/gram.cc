#include "kernels/gram.h"

#include <algorithm>

#include "base/blas.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/gram.cc"
// clang-format off
#include "kernels/targets.h"
#include <hwy/foreach_target.h>
// clang-format on
#include "kernels/product-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onestep {
namespace HWY_NAMESPACE {

/**
 * G[i, j … j + kCols) += Σᵣ A[r, i] w[r] A[r, j …] for uniform A and per-lane w, kSlabs slabs of lanes. The
 * product A[r, i] w[r] is formed once and meets kCols entries of row r. Short blocks keep several sums per
 * entry, since one sum waits for itself; how many is the same for every slab, and so is the order of a sum.
 */
template <int kSlabs, int kCols>
void GramBlock(int64_t rows, const double* ai, const double* aj, int64_t aRow, const double* w, int64_t lanes,
               double* g) {
  constexpr int kParts = static_cast<int>(kSlab / kWidth), kVectors = kSlabs * kParts;
  constexpr int kStreams = kParts * kCols >= 8 ? 1 : kParts * kCols >= 4 ? 2 : 4;
  LaneVector sums[kStreams][kCols][kVectors];
  ONESTEP_UNROLL for (int s = 0; s < kStreams; ++s) {
    ONESTEP_UNROLL for (int c = 0; c < kCols; ++c) {
      ONESTEP_UNROLL for (int v = 0; v < kVectors; ++v) sums[s][c][v] = hn::Zero(Lanes());
    }
  }
  int64_t r = 0;
  for (; r + kStreams <= rows; r += kStreams) {
    ONESTEP_UNROLL for (int s = 0; s < kStreams; ++s) {
      LaneVector scaled[kVectors];
      const LaneVector left = hn::Set(Lanes(), ai[(r + s) * aRow]);
      ONESTEP_UNROLL for (int v = 0; v < kVectors; ++v) {
        scaled[v] = hn::Mul(left, LoadLanes(w + (r + s) * lanes + v * kWidth));
      }
      ONESTEP_UNROLL for (int c = 0; c < kCols; ++c) {
        const LaneVector right = hn::Set(Lanes(), aj[(r + s) * aRow + c]);
        ONESTEP_UNROLL for (int v = 0; v < kVectors; ++v) {
          sums[s][c][v] = hn::MulAdd(right, scaled[v], sums[s][c][v]);
        }
      }
    }
  }
  for (; r < rows; ++r) {
    const LaneVector left = hn::Set(Lanes(), ai[r * aRow]);
    ONESTEP_UNROLL for (int v = 0; v < kVectors; ++v) {
      const LaneVector scaled = hn::Mul(left, LoadLanes(w + r * lanes + v * kWidth));
      ONESTEP_UNROLL for (int c = 0; c < kCols; ++c) {
        sums[0][c][v] = hn::MulAdd(hn::Set(Lanes(), aj[r * aRow + c]), scaled, sums[0][c][v]);
      }
    }
  }
  ONESTEP_UNROLL for (int c = 0; c < kCols; ++c) {
    ONESTEP_UNROLL for (int v = 0; v < kVectors; ++v) {
      LaneVector sum = sums[0][c][v];
      ONESTEP_UNROLL for (int s = 1; s < kStreams; ++s) sum = hn::Add(sum, sums[s][c][v]);
      Put(Update::add, sum, g + c * lanes + v * kWidth);
    }
  }
}

using GramBlockFunction = void (*)(int64_t, const double*, const double*, int64_t, const double*, int64_t,
                                   double*);

inline constexpr int kGramSlabs = HWY_TARGET == HWY_AVX3 ? 2 : 1;
struct GramBlocks {
  template <int kIndex>
  static constexpr GramBlockFunction Member() {
    return GramBlock<kIndex / kMostRows + 1, kIndex % kMostRows + 1>;
  }
};
constexpr auto kGramBlocks =
    FamilyTable<GramBlocks>(std::make_integer_sequence<int, kGramSlabs * kMostRows>());

/** The rows of A that one pass takes, so that they stay in the cache while all pairs of columns meet. */
constexpr int64_t kGramRows = 128;

void UniformGram(const GramShape& s, double* g, const double* a, const double* w) {
  const int64_t p = s.cols, lanes = s.lanes;
  std::fill_n(g, p * p * lanes, 0.0);
  for (int64_t start = 0; start < s.rows; start += kGramRows) {
    const int64_t rows = std::min(kGramRows, s.rows - start);
    const double* const panel = a + start * p;
    for (int64_t lane = 0; lane < lanes;) {
      const int64_t slabs = Balanced((lanes - lane) / kSlab, kGramSlabs);
      for (int64_t i = 0; i < p; ++i) {
        for (int64_t j = 0; j <= i;) {
          const int64_t count = Balanced(i + 1 - j, kMostRows);
          kGramBlocks[static_cast<size_t>((slabs - 1) * kMostRows + count - 1)](
              rows, panel + i, panel + j, p, w + start * lanes + lane, lanes, g + (i * p + j) * lanes + lane);
          j += count;
        }
      }
      lane += slabs * kSlab;
    }
  }
}

/** A per lane: panels of rows, scaled by w, against the panels as they are. */
void LaneGram(const GramShape& s, double* g, const double* a, const double* w, double* scratch) {
  const int64_t p = s.cols, lanes = s.lanes;
  double* const scaled = scratch + kLaneScratch;
  for (int64_t lane = 0; lane < lanes; lane += kWidth) {
    Update update = Update::set;
    for (int64_t start = 0; start == 0 || start < s.rows; start += kLaneDepth) {
      const int64_t rows = std::min(kLaneDepth, s.rows - start);
      const In panel{a + start * p * lanes + lane, p * lanes, lanes};
      In right = panel;
      if (s.weighted) {
        right = {scaled, p * kWidth, kWidth};
        for (int64_t r = 0; r < rows; ++r) {
          const LaneVector weight =
              s.laneW ? LoadLanes(w + (start + r) * lanes + lane) : hn::Set(Lanes(), w[start + r]);
          for (int64_t j = 0; j < p; ++j) {
            StoreLanes(hn::Mul(weight, LoadLanes(panel.at(r, j))), scaled + (r * p + j) * kWidth);
          }
        }
      }
      LaneProduct(update, Part::lower, p, rows, p, panel.transposed(), right, Out{g + lane, p * lanes, lanes},
                  scratch);
      update = Update::add;
    }
  }
}

void LanesGram(const GramShape& s, double* g, const double* a, const double* w, double* scratch) {
  if (s.laneA) {
    LaneGram(s, g, a, w, scratch);
  } else {
    UniformGram(s, g, a, w);
  }
  for (int64_t i = 0; i < s.cols; ++i) {
    for (int64_t j = i + 1; j < s.cols; ++j) {
      CopyRows(1, s.lanes, g + (i * s.cols + j) * s.lanes, 0, g + (j * s.cols + i) * s.lanes, 0);
    }
  }
}

int64_t LaneGramScratch(int64_t cols) { return kLaneScratch + kLaneDepth * cols * kWidth; }

}  // namespace HWY_NAMESPACE
}  // namespace onestep
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onestep {
namespace {

HWY_EXPORT(LanesGram);
HWY_EXPORT(LaneGramScratch);

/** The result is per lane. */
bool inLanes(const GramShape& s) { return s.lanes > 1 && (s.laneA || (s.weighted && s.laneW)); }

/** Without lanes: blocks of rows scaled by w, and the lower blocks of G by dgemm; without w, dsyrk. */
constexpr int64_t kPlainRows = 256;
constexpr int64_t kPlainCols = 64;

void plainGram(const GramShape& s, double* g, const double* a, const double* w, double* scratch) {
  const int64_t p = s.cols;
  if (!s.weighted) {
    // The row-major lower triangle is the column-major upper one.
    blas::syrk('U', 'N', p, s.rows, 1, a, p, 0, g, p);
  } else {
    std::fill_n(g, p * p, 0.0);
    for (int64_t start = 0; start < s.rows; start += kPlainRows) {
      const int64_t rows = std::min(kPlainRows, s.rows - start);
      const double* const panel = a + start * p;
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t j = 0; j < p; ++j) scratch[r * p + j] = w[start + r] * panel[r * p + j];
      }
      for (int64_t i = 0; i < p; i += kPlainCols) {
        const int64_t height = std::min(kPlainCols, p - i);
        blas::gemm('N', 'T', i + height, height, rows, 1, scratch, p, panel + i, p, 1, g + i * p, p);
      }
    }
  }
  for (int64_t i = 0; i < p; ++i) {
    for (int64_t j = i + 1; j < p; ++j) g[i * p + j] = g[j * p + i];
  }
}

}  // namespace

size_t gramScratch(const GramShape& s) {
  if (!inLanes(s)) return s.weighted ? static_cast<size_t>(kPlainRows * s.cols) : 0;
  return s.laneA ? static_cast<size_t>(HWY_DYNAMIC_DISPATCH(LaneGramScratch)(s.cols)) : 0;
}

void gram(const GramShape& s, double* g, const double* a, const double* w, double* scratch) {
  if (s.cols == 0) return;
  if (inLanes(s)) {
    HWY_DYNAMIC_DISPATCH(LanesGram)(s, g, a, w, scratch);
  } else if (s.rows == 0) {
    std::fill_n(g, s.cols * s.cols, 0.0);
  } else {
    plainGram(s, g, a, w, scratch);
  }
}

}  // namespace onestep
#endif
