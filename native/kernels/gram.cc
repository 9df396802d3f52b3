#include "kernels/gram.h"

#include <algorithm>

#include "kernels/movement.h"

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

void UniformGram(const GramShape& s, double* g, const double* a, const double* w, Poll stop) {
  const int64_t p = s.cols, lanes = s.lanes;
  const Blocks widths(lanes / kSlab, kGramSlabs);
  fillDense(g, 0, p * p * lanes, stop);
  for (const int64_t start : Panels(s.rows, kGramRows, stop)) {
    const int64_t rows = std::min(kGramRows, s.rows - start);
    const double* const panel = a + start * p;
    for (int64_t group = 0, lane = 0; group < widths.count; lane += widths[group++] * kSlab) {
      for (const int64_t i : Panels(p, 1, stop, rows * p)) {
        const Blocks counts(i + 1, kMostRows);
        for (int64_t block = 0, j = 0; block < counts.count; j += counts[block++]) {
          kGramBlocks[static_cast<size_t>((widths[group] - 1) * kMostRows + counts[block] - 1)](
              rows, panel + i, panel + j, p, w + start * lanes + lane, lanes, g + (i * p + j) * lanes + lane);
        }
      }
    }
  }
}

/** A per lane: panels of rows, scaled by w, against the panels as they are. */
void LaneGram(const GramShape& s, double* g, const double* a, const double* w, double* scratch, Poll stop) {
  const int64_t p = s.cols, lanes = s.lanes;
  double* const scaled = scratch + kLaneScratch;
  for (const int64_t lane : Panels(lanes, kWidth, stop)) {
    Update update = Update::set;
    for (const int64_t start : Panels(std::max<int64_t>(s.rows, 1), kLaneDepth, stop)) {
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
                  scratch, stop);
      update = Update::add;
    }
  }
}

void LanesGram(const GramShape& s, double* g, const double* a, const double* w, double* scratch, Poll stop) {
  if (s.laneA) {
    LaneGram(s, g, a, w, scratch, stop);
  } else {
    UniformGram(s, g, a, w, stop);
  }
  for (const int64_t i : Panels(s.cols, 1, stop, s.cols * s.lanes)) {
    for (int64_t j = i + 1; j < s.cols; ++j) {
      CopyRows(1, s.lanes, g + (i * s.cols + j) * s.lanes, 0, g + (j * s.cols + i) * s.lanes, 0);
    }
  }
}

/** Columns in whole slabs. */
int64_t Padded(int64_t cols) { return (cols + kSlab - 1) / kSlab * kSlab; }

/**
 * The columns of G that one pass of a panel takes, in slabs: one register block. More would compute more of
 * the upper triangle in vain (measured, 16 against 3: p = 50 7.3 and 5.3 µs, p = 106 58 and 35 µs, p =
 * 1000 25.6 and 23.6 ms).
 */
constexpr int64_t kGramColumns = 3;

/**
 * Without lanes: the columns of diag(w) A stand where lanes stand in a product with a uniform matrix, Aᵀ.
 * Panels of rows are scaled, and meet the panel as it is in the blocks on and below the diagonal of G.
 */
void PlainGram(const GramShape& s, double* g, const double* a, const double* w, double* scratch, Poll stop) {
  const int64_t p = s.cols, wide = Padded(p);
  double* const scaled = scratch + kUniformScratch;
  // Whole slabs are written: where they would run over the end of a row, G is made with longer rows first.
  double* const out = wide == p ? g : scaled + kUniformChunk * wide;
  for (const int64_t start : Panels(s.rows, kUniformChunk, stop)) {
    const int64_t rows = std::min(kUniformChunk, s.rows - start);
    const double* const panel = a + start * p;
    for (int64_t r = 0; r < rows; ++r) {
      const double weight = s.weighted ? w[start + r] : 1;
      for (int64_t j = 0; j < p; ++j) scaled[r * wide + j] = weight * panel[r * p + j];
      std::fill_n(scaled + r * wide + p, wide - p, 0.0);
    }
    for (const int64_t j : Panels(p, kGramColumns * kSlab, stop)) {
      const int64_t slabs = std::min(kGramColumns, (wide - j) / kSlab);
      UniformProduct(start == 0 ? Update::set : Update::add, p - j, rows, In{panel + j, 1, p}, scaled + j,
                     wide, out + j * wide + j, wide, Slabs{slabs, kSlab, kSlab}, scratch, stop);
    }
  }
  if (out != g) {
    for (const int64_t i : Panels(p, 1, stop, p)) std::copy_n(out + i * wide, i + 1, g + i * p);
  }
  // The upper triangle, square by square, so that both sides of a square stay in the cache.
  constexpr int64_t kSquare = 32;
  for (const int64_t top : Panels(p, kSquare, stop, kSquare * p)) {
    for (int64_t left = top; left < p; left += kSquare) {
      const int64_t bottom = std::min(p, top + kSquare), right = std::min(p, left + kSquare);
      for (int64_t i = top; i < bottom; ++i) {
        for (int64_t j = std::max(left, i + 1); j < right; ++j) g[i * p + j] = g[j * p + i];
      }
    }
  }
}

int64_t PlainGramScratch(int64_t cols) {
  const int64_t wide = Padded(cols);
  return kUniformScratch + kUniformChunk * wide + (wide == cols ? 0 : cols * wide);
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
HWY_EXPORT(PlainGram);
HWY_EXPORT(PlainGramScratch);

/** The result is per lane. */
bool inLanes(const GramShape& s) { return s.lanes > 1 && (s.laneA || (s.weighted && s.laneW)); }

}  // namespace

size_t gramScratch(const GramShape& s) {
  if (!inLanes(s)) return static_cast<size_t>(HWY_DYNAMIC_DISPATCH(PlainGramScratch)(s.cols));
  return s.laneA ? static_cast<size_t>(HWY_DYNAMIC_DISPATCH(LaneGramScratch)(s.cols)) : 0;
}

void gram(const GramShape& s, double* g, const double* a, const double* w, double* scratch, Poll stop) {
  if (s.cols == 0) return;
  if (inLanes(s)) {
    HWY_DYNAMIC_DISPATCH(LanesGram)(s, g, a, w, scratch, stop);
  } else if (s.rows == 0) {
    fillDense(g, 0, s.cols * s.cols, stop);
  } else {
    HWY_DYNAMIC_DISPATCH(PlainGram)(s, g, a, w, scratch, stop);
  }
}

}  // namespace onestep
#endif
