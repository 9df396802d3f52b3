#include "kernels/matmul.h"

#include <algorithm>

#include "base/blas.h"
#include "kernels/movement.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/matmul.cc"
// clang-format off
#include "kernels/targets.h"
#include <hwy/foreach_target.h>
// clang-format on
#include "kernels/product-inl.h"
#include "kernels/tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onestep {
namespace HWY_NAMESPACE {

/** Both per lane: blocks of C for one vector of lanes after another. */
void LaneByLane(const MatmulShape& s, double* c, const double* a, const double* b, double* scratch,
                Poll stop) {
  const int64_t t = s.lanes;
  const int64_t aRow = s.transposeA ? t : s.inner * t, aCol = s.transposeA ? s.rows * t : t;
  const int64_t bRow = s.transposeB ? t : s.cols * t, bCol = s.transposeB ? s.inner * t : t;
  for (const int64_t lane : Panels(t, kWidth, stop)) {
    const In left{a + lane, aRow, aCol};
    const Out out{c + lane, s.cols * t, t};
    for (const int64_t i : Panels(s.rows, kPanelRows, stop)) {
      LaneProduct(s.accumulate ? Update::add : Update::set, Part::all, std::min(kPanelRows, s.rows - i),
                  s.inner, s.cols, left.from(i, 0), In{b + lane, bRow, bCol}, out.from(i, 0), scratch, stop);
    }
  }
}

/**
 * Uniform A [rows, inner] times `groups` matrices X [inner, lanes] whose rows are xRow apart, group after
 * group xGroup apart; C likewise.
 */
void UniformByLane(Update update, int64_t rows, int64_t inner, int64_t groups, int64_t lanes, In a,
                   const double* x, int64_t xRow, int64_t xGroup, double* c, int64_t cRow, int64_t cGroup,
                   double* scratch, Poll stop) {
  if (xGroup == lanes && cGroup == lanes) {
    lanes *= groups;
    groups = 1;
  }
  if (lanes == kSlab) {
    UniformProduct(update, rows, inner, a, x, xRow, c, cRow, Slabs{groups, xGroup, cGroup}, scratch, stop);
    return;
  }
  for (const int64_t g : Panels(groups, 1, stop)) {
    UniformProduct(update, rows, inner, a, x + g * xGroup, xRow, c + g * cGroup, cRow,
                   Slabs{lanes / kSlab, kSlab, kSlab}, scratch, stop);
  }
}

void LaneMatmul(const MatmulShape& s, double* c, const double* a, const double* b, double* scratch,
                Poll stop) {
  const Update update = s.accumulate ? Update::add : Update::set;
  const int64_t t = s.lanes;
  if (s.laneA && s.laneB) {
    LaneByLane(s, c, a, b, scratch, stop);
  } else if (s.laneB) {
    const In left = s.transposeA ? In{a, 1, s.rows} : In{a, s.inner, 1};
    const int64_t xRow = s.transposeB ? t : s.cols * t, xGroup = s.transposeB ? s.inner * t : t;
    UniformByLane(update, s.rows, s.inner, s.cols, t, left, b, xRow, xGroup, c, s.cols * t, t, scratch, stop);
  } else {
    // Row i of C is Bᵀ times row i of A.
    const In left = s.transposeB ? In{b, s.inner, 1} : In{b, 1, s.cols};
    const int64_t xRow = s.transposeA ? s.rows * t : t, xGroup = s.transposeA ? t : s.inner * t;
    UniformByLane(update, s.cols, s.inner, s.rows, t, left, a, xRow, xGroup, c, t, s.cols * t, scratch, stop);
  }
}

/** Row i of kCols columns of C, at c + i·cRow + j·cCol, becomes row i of a slab, or plus or minus it. */
template <int kCols>
void StoreColumns(Update update, int64_t rows, const double* slab, double* c, int64_t cRow, int64_t cCol) {
  const auto store = [&](auto put) {
    for (int64_t i = 0; i < rows; ++i) {
      ONESTEP_UNROLL for (int j = 0; j < kCols; ++j) put(c[i * cRow + j * cCol], slab[i * kSlab + j]);
    }
  };
  switch (update) {
    case Update::set:
      return store([](double& to, double sum) { to = sum; });
    case Update::add:
      return store([](double& to, double sum) { to += sum; });
    case Update::subtract:
      return store([](double& to, double sum) { to -= sum; });
  }
}

/** Row l of kCols columns of X, xRow apart, becomes row l of a slab, filled up with zeros. */
template <int kCols>
void LoadColumns(int64_t depth, const double* x, int64_t xRow, double* slab, int64_t slabRow) {
  for (int64_t l = 0; l < depth; ++l) {
    ONESTEP_UNROLL for (int j = 0; j < kSlab; ++j) slab[l * slabRow + j] = j < kCols ? x[l * xRow + j] : 0.0;
  }
}

using StoreColumnsFunction = void (*)(Update, int64_t, const double*, double*, int64_t, int64_t);
using LoadColumnsFunction = void (*)(int64_t, const double*, int64_t, double*, int64_t);
struct ColumnFunctions {
  StoreColumnsFunction store;
  LoadColumnsFunction load;
  template <int kIndex>
  static constexpr ColumnFunctions Member() {
    return {StoreColumns<kIndex + 1>, LoadColumns<kIndex + 1>};
  }
};
/** For 1 … 7 columns, of a slab that is not full. */
constexpr auto kPartSlabs = FamilyTable<ColumnFunctions>(std::make_integer_sequence<int, kSlab - 1>());

/** Copies `count` columns of X, depth × count, whose rows or columns are dense, into slabs. */
HWY_INLINE void PackColumns(int64_t depth, int64_t count, In x, double* panel, int64_t panelRow) {
  if (x.col == 1) {
    const int64_t whole = count / kSlab * kSlab;
    CopyRows(depth, whole, panel, panelRow, x.data, x.row);
    if (whole < count) {
      kPartSlabs[static_cast<size_t>(count - whole - 1)].load(depth, x.at(0, whole), x.row, panel + whole,
                                                              panelRow);
    }
    return;
  }
  for (int64_t j = 0; j < count; j += kSlab) {
    const double* columns[kSlab];
    for (int64_t t = 0; t < kSlab; ++t) columns[t] = x.at(0, std::min(j + t, count - 1));
    LoadSlab(panel + j, columns, depth, panelRow);
  }
}

/** The rows of C that take a detour together. */
constexpr int64_t kDetourRows = 256;

/**
 * C = A·B (or C ± A·B) without lanes: the columns of B stand where lanes stand. Panels of B are copied into
 * slabs, and what the last slab has in C takes a detour when it is not full, or when C's columns are not
 * adjacent.
 */
HWY_INLINE void ColumnProduct(Update update, int64_t rows, int64_t inner, int64_t cols, In a, In b, Out c,
                              double* scratch, Poll stop) {
  double* const detour = scratch + kUniformScratch;
  for (const int64_t start : Panels(inner, kUniformChunk, stop)) {
    const int64_t depth = std::min(kUniformChunk, inner - start);
    const In left = a.from(0, start);
    for (const int64_t first : Panels(cols, kUniformSlabs * kSlab, stop)) {
      const int64_t count = std::min(kUniformSlabs * kSlab, cols - first);
      const int64_t whole = count / kSlab * kSlab, wide = (count + kSlab - 1) / kSlab * kSlab;
      PackColumns(depth, count, b.from(start, first), scratch, wide);
      UniformPanel(update, rows, depth, left, scratch, wide, c.at(0, first), c.row,
                   Slabs{whole / kSlab, kSlab, kSlab}, stop);
      for (const int64_t i : Panels(whole < count ? rows : 0, kDetourRows, stop)) {
        const int64_t height = std::min(kDetourRows, rows - i);
        UniformPanel(Update::set, height, depth, left.from(i, 0), scratch + whole, wide, detour, kSlab,
                     Slabs{1, kSlab, kSlab}, stop);
        kPartSlabs[static_cast<size_t>(count - whole - 1)].store(update, height, detour,
                                                                 c.at(i, first + whole), c.row, c.col);
      }
    }
    if (update == Update::set) update = Update::add;
  }
}

void PlainMatmul(const MatmulShape& s, double* c, const double* a, const double* b, double* scratch,
                 Poll stop) {
  const Update update = s.accumulate ? Update::add : Update::set;
  const In left = s.transposeA ? In{a, 1, s.rows} : In{a, s.inner, 1};
  const In right = s.transposeB ? In{b, 1, s.inner} : In{b, s.cols, 1};
  if (s.transposeB && s.rows < kSlab) {
    // Few rows: Cᵀ = BᵀAᵀ, so that the large operand is read where it lies.
    ColumnProduct(update, s.cols, s.inner, s.rows, right.transposed(), left.transposed(), Out{c, 1, s.cols},
                  scratch, stop);
  } else {
    ColumnProduct(update, s.rows, s.inner, s.cols, left, right, Out{c, s.cols, 1}, scratch, stop);
  }
}

void SubtractProduct(int64_t rows, int64_t inner, int64_t cols, MatrixPart a, MatrixPart b, double* c,
                     int64_t cRow, double* scratch, Poll stop) {
  ColumnProduct(Update::subtract, rows, inner, cols, In{a.data, a.row, a.col}, In{b.data, b.row, b.col},
                Out{c, cRow, 1}, scratch, stop);
}

int64_t MatmulScratch() { return std::max(kUniformScratch + kDetourRows * kSlab, kLaneScratch); }

}  // namespace HWY_NAMESPACE
}  // namespace onestep
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onestep {
namespace {

HWY_EXPORT(LaneMatmul);
HWY_EXPORT(MatmulScratch);
HWY_EXPORT(PlainMatmul);
HWY_EXPORT(SubtractProduct);

/** y = op(A) x, or y += op(A) x with beta = 1, for A m × n as BLAS sees it, in parts that make a panel each.
 */
void vectorProduct(char trans, int64_t m, int64_t n, const double* a, const double* x, double beta, double* y,
                   Poll stop) {
  const int64_t height = std::min(m, kPanelNumbers), width = inPanel(kPanelNumbers, height);
  const bool transposed = trans == 'T';
  for (const int64_t i : Panels(m, height, stop)) {
    for (const int64_t j : Panels(n, width, stop)) {
      const int64_t in = transposed ? i : j, out = transposed ? j : i;
      blas::gemv(trans, std::min(height, m - i), std::min(width, n - j), 1, a + i + j * m, m, x + in,
                 in == 0 ? beta : 1, y + out);
    }
  }
}

/** Without lanes: vectors by BLAS, for which a row-major matrix is the transposed column-major one. */
void plainMatmul(const MatmulShape& s, double* c, const double* a, const double* b, double* scratch,
                 Poll stop) {
  const double beta = s.accumulate ? 1 : 0;
  if (s.rows == 0 || s.cols == 0) return;
  if (s.inner == 0) {
    if (!s.accumulate) fillDense(c, 0, s.rows * s.cols, stop);
    return;
  }
  if (s.cols == 1) {
    const int64_t m = s.transposeA ? s.rows : s.inner, n = s.transposeA ? s.inner : s.rows;
    vectorProduct(s.transposeA ? 'N' : 'T', m, n, a, b, beta, c, stop);
  } else if (s.rows == 1) {
    const int64_t m = s.transposeB ? s.inner : s.cols, n = s.transposeB ? s.cols : s.inner;
    vectorProduct(s.transposeB ? 'T' : 'N', m, n, b, a, beta, c, stop);
  } else {
    HWY_DYNAMIC_DISPATCH(PlainMatmul)(s, c, a, b, scratch, stop);
  }
}

bool inLanes(const MatmulShape& s) { return s.lanes > 1 && (s.laneA || s.laneB); }

}  // namespace

size_t matmulScratch(const MatmulShape&) {
  return static_cast<size_t>(HWY_DYNAMIC_DISPATCH(MatmulScratch)());
}

void matmul(const MatmulShape& shape, double* c, const double* a, const double* b, double* scratch,
            Poll stop) {
  if (inLanes(shape)) {
    HWY_DYNAMIC_DISPATCH(LaneMatmul)(shape, c, a, b, scratch, stop);
  } else {
    plainMatmul(shape, c, a, b, scratch, stop);
  }
}

size_t subtractProductScratch() { return static_cast<size_t>(HWY_DYNAMIC_DISPATCH(MatmulScratch)()); }

void subtractProduct(int64_t rows, int64_t inner, int64_t cols, MatrixPart a, MatrixPart b, double* c,
                     int64_t cRow, double* scratch, Poll stop) {
  HWY_DYNAMIC_DISPATCH(SubtractProduct)(rows, inner, cols, a, b, c, cRow, scratch, stop);
}

}  // namespace onestep
#endif
