#include "kernels/matmul.h"

#include <algorithm>

#include "base/blas.h"

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
void LaneByLane(const MatmulShape& s, double* c, const double* a, const double* b, double* scratch) {
  const int64_t t = s.lanes;
  const int64_t aRow = s.transposeA ? t : s.inner * t, aCol = s.transposeA ? s.rows * t : t;
  const int64_t bRow = s.transposeB ? t : s.cols * t, bCol = s.transposeB ? s.inner * t : t;
  for (int64_t lane = 0; lane < t; lane += kWidth) {
    LaneProduct(s.accumulate ? Update::add : Update::set, Part::all, s.rows, s.inner, s.cols,
                In{a + lane, aRow, aCol}, In{b + lane, bRow, bCol}, Out{c + lane, s.cols * t, t}, scratch);
  }
}

/**
 * Uniform A [rows, inner] times `groups` matrices X [inner, lanes] whose rows are xRow apart, group after
 * group xGroup apart; C likewise.
 */
void UniformByLane(Update update, int64_t rows, int64_t inner, int64_t groups, int64_t lanes, In a,
                   const double* x, int64_t xRow, int64_t xGroup, double* c, int64_t cRow, int64_t cGroup,
                   double* scratch) {
  if (xGroup == lanes && cGroup == lanes) {
    lanes *= groups;
    groups = 1;
  }
  if (lanes == kSlab) {
    UniformProduct(update, rows, inner, a, x, xRow, c, cRow, Slabs{groups, xGroup, cGroup}, scratch);
    return;
  }
  for (int64_t g = 0; g < groups; ++g) {
    UniformProduct(update, rows, inner, a, x + g * xGroup, xRow, c + g * cGroup, cRow,
                   Slabs{lanes / kSlab, kSlab, kSlab}, scratch);
  }
}

void LaneMatmul(const MatmulShape& s, double* c, const double* a, const double* b, double* scratch) {
  const Update update = s.accumulate ? Update::add : Update::set;
  const int64_t t = s.lanes;
  if (s.laneA && s.laneB) {
    LaneByLane(s, c, a, b, scratch);
  } else if (s.laneB) {
    const In left = s.transposeA ? In{a, 1, s.rows} : In{a, s.inner, 1};
    const int64_t xRow = s.transposeB ? t : s.cols * t, xGroup = s.transposeB ? s.inner * t : t;
    UniformByLane(update, s.rows, s.inner, s.cols, t, left, b, xRow, xGroup, c, s.cols * t, t, scratch);
  } else {
    // Row i of C is Bᵀ times row i of A.
    const In left = s.transposeB ? In{b, s.inner, 1} : In{b, 1, s.cols};
    const int64_t xRow = s.transposeA ? s.rows * t : t, xGroup = s.transposeA ? t : s.inner * t;
    UniformByLane(update, s.cols, s.inner, s.rows, t, left, a, xRow, xGroup, c, t, s.cols * t, scratch);
  }
}

/** Row i of kCols columns of C, at c + i·cRow + j·cCol, becomes or grows by row i of a slab. */
template <int kCols>
void StoreColumns(Update update, int64_t rows, const double* slab, double* c, int64_t cRow, int64_t cCol) {
  if (update == Update::add) {
    for (int64_t i = 0; i < rows; ++i) {
      ONESTEP_UNROLL for (int j = 0; j < kCols; ++j) c[i * cRow + j * cCol] += slab[i * kSlab + j];
    }
  } else {
    for (int64_t i = 0; i < rows; ++i) {
      ONESTEP_UNROLL for (int j = 0; j < kCols; ++j) c[i * cRow + j * cCol] = slab[i * kSlab + j];
    }
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
 * C = A·B without lanes: the columns of B stand where lanes stand. Panels of B are copied into slabs, and
 * what the last slab has in C takes a detour when it is not full, or when C's columns are not adjacent.
 */
HWY_INLINE void ColumnProduct(Update update, int64_t rows, int64_t inner, int64_t cols, In a, In b, Out c,
                              double* scratch) {
  double* const detour = scratch + kUniformScratch;
  for (int64_t start = 0; start < inner; start += kUniformChunk) {
    const int64_t depth = std::min(kUniformChunk, inner - start);
    const In left = a.from(0, start);
    for (int64_t first = 0; first < cols; first += kUniformSlabs * kSlab) {
      const int64_t count = std::min(kUniformSlabs * kSlab, cols - first);
      const int64_t whole = count / kSlab * kSlab, wide = (count + kSlab - 1) / kSlab * kSlab;
      PackColumns(depth, count, b.from(start, first), scratch, wide);
      UniformPanel(update, rows, depth, left, scratch, wide, c.at(0, first), c.row,
                   Slabs{whole / kSlab, kSlab, kSlab});
      for (int64_t i = 0; i < rows && whole < count; i += kDetourRows) {
        const int64_t height = std::min(kDetourRows, rows - i);
        UniformPanel(Update::set, height, depth, left.from(i, 0), scratch + whole, wide, detour, kSlab,
                     Slabs{1, kSlab, kSlab});
        kPartSlabs[static_cast<size_t>(count - whole - 1)].store(update, height, detour,
                                                                 c.at(i, first + whole), c.row, c.col);
      }
    }
    update = Update::add;
  }
}

void PlainMatmul(const MatmulShape& s, double* c, const double* a, const double* b, double* scratch) {
  const Update update = s.accumulate ? Update::add : Update::set;
  const In left = s.transposeA ? In{a, 1, s.rows} : In{a, s.inner, 1};
  const In right = s.transposeB ? In{b, 1, s.inner} : In{b, s.cols, 1};
  if (s.transposeB && s.rows < kSlab) {
    // Few rows: Cᵀ = BᵀAᵀ, so that the large operand is read where it lies.
    ColumnProduct(update, s.cols, s.inner, s.rows, right.transposed(), left.transposed(), Out{c, 1, s.cols},
                  scratch);
  } else {
    ColumnProduct(update, s.rows, s.inner, s.cols, left, right, Out{c, s.cols, 1}, scratch);
  }
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

/** Without lanes: vectors by BLAS, for which a row-major matrix is the transposed column-major one. */
void plainMatmul(const MatmulShape& s, double* c, const double* a, const double* b, double* scratch) {
  const double beta = s.accumulate ? 1 : 0;
  if (s.rows == 0 || s.cols == 0) return;
  if (s.inner == 0) {
    if (!s.accumulate) std::fill_n(c, s.rows * s.cols, 0.0);
    return;
  }
  if (s.cols == 1) {
    const int64_t m = s.transposeA ? s.rows : s.inner, n = s.transposeA ? s.inner : s.rows;
    blas::gemv(s.transposeA ? 'N' : 'T', m, n, 1, a, m, b, beta, c);
  } else if (s.rows == 1) {
    const int64_t m = s.transposeB ? s.inner : s.cols, n = s.transposeB ? s.cols : s.inner;
    blas::gemv(s.transposeB ? 'T' : 'N', m, n, 1, b, m, a, beta, c);
  } else {
    HWY_DYNAMIC_DISPATCH(PlainMatmul)(s, c, a, b, scratch);
  }
}

bool inLanes(const MatmulShape& s) { return s.lanes > 1 && (s.laneA || s.laneB); }

}  // namespace

size_t matmulScratch(const MatmulShape&) {
  return static_cast<size_t>(HWY_DYNAMIC_DISPATCH(MatmulScratch)());
}

void matmul(const MatmulShape& shape, double* c, const double* a, const double* b, double* scratch) {
  if (inLanes(shape)) {
    HWY_DYNAMIC_DISPATCH(LaneMatmul)(shape, c, a, b, scratch);
  } else {
    plainMatmul(shape, c, a, b, scratch);
  }
}

}  // namespace onestep
#endif
