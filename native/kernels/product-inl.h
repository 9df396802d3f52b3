// Register-blocked products, the inner loops of every matrix kernel. Compiled once per target.
//
// LaneProduct       C = A·B where both factors are per lane: one vector of lanes at a time, any strides.
// UniformProduct    C = A·X where A is uniform and X is per lane: an entry of A is broadcast over columns,
//                   and the columns (lanes, times the columns of X) come in slabs of eight.
//
// Every element of a result is summed in one order, from the first l to the last within a chunk of the
// inner dimension and then chunk after chunk, whichever block it falls into: that is what makes the bits of
// a lane independent of its place.
#if defined(ONESTEP_KERNELS_PRODUCT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ONESTEP_KERNELS_PRODUCT_INL_H_
#undef ONESTEP_KERNELS_PRODUCT_INL_H_
#else
#define ONESTEP_KERNELS_PRODUCT_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <array>
#include <utility>

#include "kernels/lanes.h"
#include "kernels/targets.h"

HWY_BEFORE_NAMESPACE();
namespace onestep {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/** One slab or a part of one: as many lanes as the processor's vectors hold, at most eight. */
using Lanes = hn::CappedTag<double, kSlab>;
using LaneVector = hn::Vec<Lanes>;
inline constexpr int64_t kWidth = hn::MaxLanes(Lanes());

using LaneMask = hn::Mask<Lanes>;

HWY_INLINE LaneMask AllLanes() { return hn::FirstN(Lanes(), static_cast<size_t>(kWidth)); }

/** The vector registers that the target has, which bound how many sums are held at once. */
inline constexpr int kRegisters = HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_NEON ? 32 : 16;

HWY_INLINE LaneVector LoadLanes(const double* p) { return hn::LoadU(Lanes(), p); }
HWY_INLINE void StoreLanes(LaneVector v, double* p) { hn::StoreU(v, Lanes(), p); }

/** What a product does with the C it finds. */
enum class Update { set, add, subtract };

HWY_INLINE void Put(Update update, LaneVector sum, double* c) {
  if (update == Update::add) sum = hn::Add(LoadLanes(c), sum);
  if (update == Update::subtract) sum = hn::Sub(LoadLanes(c), sum);
  StoreLanes(sum, c);
}

/** A matrix of vectors: element (i, j) stands at data + i·row + j·col, in doubles. */
template <class Number>
struct View {
  Number* data;
  int64_t row, col;
  HWY_INLINE Number* at(int64_t i, int64_t j) const { return data + i * row + j * col; }
  HWY_INLINE View from(int64_t i, int64_t j) const { return {at(i, j), row, col}; }
  HWY_INLINE View transposed() const { return {data, col, row}; }
};
using In = View<const double>;
using Out = View<double>;

/** to ← from, for a rows × cols matrix of vectors. */
HWY_INLINE void CopyLanes(int64_t rows, int64_t cols, In from, Out to, Poll stop = Poll()) {
  for (const int64_t i : Panels(rows, 1, stop, cols * kWidth)) {
    for (int64_t j = 0; j < cols; ++j) StoreLanes(LoadLanes(from.at(i, j)), to.at(i, j));
  }
}

/** The same, to where the vectors lie densely, row after row. */
HWY_INLINE In PackLanes(int64_t rows, int64_t cols, In from, double* to, Poll stop = Poll()) {
  CopyLanes(rows, cols, from, Out{to, cols * kWidth, kWidth}, stop);
  return {to, cols * kWidth, kWidth};
}

/** to ← from, for rows of `count` doubles, a multiple of a vector. */
HWY_INLINE void CopyRows(int64_t rows, int64_t count, double* to, int64_t toRow, const double* from,
                         int64_t fromRow) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < count; j += kWidth)
      StoreLanes(LoadLanes(from + i * fromRow + j), to + i * toRow + j);
  }
}

/**
 * Whether a factorization works where its result goes: when the tile is one vector wide, and the rows of
 * the matrix are no multiple of 4 KiB, which would fall into the same few cache sets.
 */
HWY_INLINE bool InPlace(int64_t n, int64_t lanes) { return lanes == kWidth && n * kWidth % 512 != 0; }

/** The register blocks of lane kernels: the sums, a row of B and an entry of A fill the registers. */
inline constexpr int kBlockRows = kRegisters == 32 ? 6 : 4;
inline constexpr int kBlockCols = kRegisters == 32 ? 4 : 3;

/** C = A·B (or C ± A·B) for a register block of one vector of lanes: C is kRows × kCols. */
template <int kRows, int kCols>
void LaneBlock(Update update, int64_t inner, In a, In b, Out c) {
  LaneVector sums[kRows][kCols];
  ONESTEP_UNROLL for (int i = 0; i < kRows; ++i) {
    ONESTEP_UNROLL for (int j = 0; j < kCols; ++j) sums[i][j] = hn::Zero(Lanes());
  }
  for (int64_t l = 0; l < inner; ++l) {
    LaneVector right[kCols];
    ONESTEP_UNROLL for (int j = 0; j < kCols; ++j) right[j] = LoadLanes(b.at(l, j));
    ONESTEP_UNROLL for (int i = 0; i < kRows; ++i) {
      const LaneVector left = LoadLanes(a.at(i, l));
      ONESTEP_UNROLL for (int j = 0; j < kCols; ++j) sums[i][j] = hn::MulAdd(left, right[j], sums[i][j]);
    }
  }
  ONESTEP_UNROLL for (int i = 0; i < kRows; ++i) {
    ONESTEP_UNROLL for (int j = 0; j < kCols; ++j) Put(update, sums[i][j], c.at(i, j));
  }
}

using LaneBlockFunction = void (*)(Update, int64_t, In, In, Out);

/** The functions f<1>, …, f<count> of a family, as a table. */
template <class Family, int... kIndex>
constexpr auto FamilyTable(std::integer_sequence<int, kIndex...>) {
  return std::array{Family::template Member<kIndex>()...};
}

struct LaneBlocks {
  template <int kIndex>
  static constexpr LaneBlockFunction Member() {
    return LaneBlock<kIndex / kBlockCols + 1, kIndex % kBlockCols + 1>;
  }
};
inline constexpr auto kLaneBlocks =
    FamilyTable<LaneBlocks>(std::make_integer_sequence<int, kBlockRows * kBlockCols>());

/** A pass takes so many rows and columns of B: 64 × 32 slabs, 128 KiB, stay in the L2 cache. */
inline constexpr int64_t kLaneDepth = 64;
inline constexpr int64_t kLaneCols = 32;

/** The scratch of LaneProduct, in doubles: those of B, and a block of rows of A. */
inline constexpr int64_t kLaneScratch = kLaneDepth * (kLaneCols + kBlockRows) * kSlab;

/** Operands are copied together before they are used so often, or more. Measured: see bench/kernels.cc. */
inline constexpr int64_t kPackUses = 12;

/** Which part of C is wanted: all of it, or the blocks that touch its lower triangle. */
enum class Part { all, lower };

/**
 * C = A·B (or C ± A·B) for one vector of lanes; C is rows × cols. Blocks of operands that are used several
 * times are first copied together: strided by the lanes of a tile, they would fall into few cache sets.
 */
HWY_INLINE void LaneProduct(Update update, Part part, int64_t rows, int64_t inner, int64_t cols, In a, In b,
                            Out c, double* scratch, Poll stop) {
  const bool packA = cols >= kPackUses && std::min(a.row, a.col) > kSlab;
  const bool packB = rows >= kPackUses && (std::min(b.row, b.col) > kSlab || cols > kLaneCols / 4);
  double* const scratchA = scratch + kLaneDepth * kLaneCols * kWidth;
  for (const int64_t start : Panels(std::max<int64_t>(inner, 1), kLaneDepth, stop)) {
    const int64_t depth = std::min(kLaneDepth, inner - start);
    for (const int64_t first : Panels(cols, kLaneCols, stop)) {
      const int64_t count = std::min(kLaneCols, cols - first);
      if (packB) {
        for (int64_t j = 0; j < count; j += kBlockCols) {
          PackLanes(depth, std::min<int64_t>(kBlockCols, count - j), b.from(start, first + j),
                    scratch + j * depth * kWidth);
        }
      }
      const int64_t top = part == Part::all ? 0 : first / kBlockRows * kBlockRows;
      for (int64_t i = top; i < rows; i += kBlockRows) {
        const int64_t height = std::min<int64_t>(kBlockRows, rows - i);
        In left = a.from(i, start);
        if (packA) left = PackLanes(depth, height, left.transposed(), scratchA).transposed();
        const int64_t wanted = part == Part::all ? count : std::min(count, i + height - first);
        for (int64_t j = 0; j < wanted; j += kBlockCols) {
          const int64_t width = std::min<int64_t>(kBlockCols, count - j);
          const In right =
              packB ? In{scratch + j * depth * kWidth, width * kWidth, kWidth} : b.from(start, first + j);
          kLaneBlocks[static_cast<size_t>((height - 1) * kBlockCols + width - 1)](update, depth, left, right,
                                                                                  c.from(i, first + j));
        }
      }
    }
    if (update == Update::set) update = Update::add;
  }
}

/** The columns of X and C: `count` slabs, slab s at s·x in X and at s·c in C. */
struct Slabs {
  int64_t count, x, c;
};

/** The most slabs and rows of a register block. The rows are more where they lie side by side in A. */
inline constexpr int kMaxSlabs = HWY_TARGET == HWY_AVX3 ? 3 : 1;
constexpr int MaxRows(int slabs, bool adjacent) {
  if (HWY_TARGET == HWY_AVX3) return slabs == 3 ? 8 : adjacent ? 12 : 8;
  return HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_NEON ? 6 : HWY_TARGET == HWY_SSE4 ? 3 : 1;
}
inline constexpr int kMostRows = MaxRows(1, true);

/** C = A·X for a register block: A is kRows × inner and uniform, X is inner × kSlabs slabs. */
template <int kSlabs, int kRows>
void UniformBlock(Update update, int64_t inner, In a, const double* x, int64_t xRow, double* c, int64_t cRow,
                  Slabs slabs) {
  constexpr int kParts = static_cast<int>(kSlab / kWidth);
  constexpr int kVectors = kSlabs * kParts;
  LaneVector sums[kRows][kVectors];
  ONESTEP_UNROLL for (int i = 0; i < kRows; ++i) {
    ONESTEP_UNROLL for (int v = 0; v < kVectors; ++v) sums[i][v] = hn::Zero(Lanes());
  }
  for (int64_t l = 0; l < inner; ++l) {
    LaneVector right[kVectors];
    ONESTEP_UNROLL for (int v = 0; v < kVectors; ++v) {
      right[v] = LoadLanes(x + l * xRow + (v / kParts) * slabs.x + (v % kParts) * kWidth);
    }
    ONESTEP_UNROLL for (int i = 0; i < kRows; ++i) {
      const LaneVector left = hn::Set(Lanes(), *a.at(i, l));
      ONESTEP_UNROLL for (int v = 0; v < kVectors; ++v) sums[i][v] = hn::MulAdd(left, right[v], sums[i][v]);
    }
  }
  ONESTEP_UNROLL for (int i = 0; i < kRows; ++i) {
    ONESTEP_UNROLL for (int v = 0; v < kVectors; ++v) {
      Put(update, sums[i][v], c + i * cRow + (v / kParts) * slabs.c + (v % kParts) * kWidth);
    }
  }
}

using UniformBlockFunction = void (*)(Update, int64_t, In, const double*, int64_t, double*, int64_t, Slabs);

struct UniformBlocks {
  template <int kIndex>
  static constexpr UniformBlockFunction Member() {
    constexpr int kSlabs = kIndex / kMostRows + 1, kRows = kIndex % kMostRows + 1;
    if constexpr (kRows <= MaxRows(kSlabs, true)) return UniformBlock<kSlabs, kRows>;
    return nullptr;
  }
};
inline constexpr auto kUniformBlocks =
    FamilyTable<UniformBlocks>(std::make_integer_sequence<int, kMaxSlabs * kMostRows>());

/** The rows of X that one pass takes: 256 × 24 columns stay in the L1 or L2 cache. */
inline constexpr int64_t kUniformChunk = 256;
/** The slabs of X that one pass takes: with the rows above, 256 KiB. */
inline constexpr int64_t kUniformSlabs = 16;

/** `total` things in blocks of at most `most`, as equal as can be: the first `larger` have one more. */
struct Blocks {
  int64_t count, size, larger;
  HWY_INLINE Blocks(int64_t total, int64_t most) {
    count = (total + most - 1) / most;
    size = count == 0 ? 0 : total / count;
    larger = total - count * size;
  }
  HWY_INLINE int64_t operator[](int64_t i) const { return size + (i < larger); }
};

/** The rows of A after which a pass asks whether to stop, 10⁸ flops; every MaxRows divides them. */
inline constexpr int64_t kPanelRows = 1536;

/** C = A·X (or C ± A·X) for a panel of X, at most kUniformChunk × kUniformSlabs, whose rows are xRow apart.
 */
HWY_INLINE void UniformPanel(Update update, int64_t rows, int64_t depth, In a, const double* x, int64_t xRow,
                             double* c, int64_t cRow, Slabs slabs, Poll stop) {
  const Blocks widths(slabs.count, kMaxSlabs);
  for (const int64_t top : Panels(rows, kPanelRows, stop)) {
    const Blocks heights(std::min(kPanelRows, rows - top), MaxRows(static_cast<int>(widths[0]), a.row == 1));
    for (int64_t block = 0, i = top; block < heights.count; i += heights[block++]) {
      for (int64_t group = 0, s = 0; group < widths.count; s += widths[group++]) {
        kUniformBlocks[static_cast<size_t>((widths[group] - 1) * kMostRows + heights[block] - 1)](
            update, depth, a.from(i, 0), x + s * slabs.x, xRow, c + i * cRow + s * slabs.c, cRow, slabs);
      }
    }
  }
}

/** From so many rows of A on, X is copied to where it lies densely. */
inline constexpr int64_t kPackedRows = 48;

/** The scratch of UniformProduct, in doubles: a panel. */
inline constexpr int64_t kUniformScratch = kUniformChunk * kUniformSlabs * kSlab;

/** C = A·X (or C ± A·X): A is rows × inner and uniform; X and C have rows of the given strides. */
HWY_INLINE void UniformProduct(Update update, int64_t rows, int64_t inner, In a, const double* x,
                               int64_t xRow, double* c, int64_t cRow, Slabs slabs, double* scratch,
                               Poll stop) {
  for (const int64_t start : Panels(std::max<int64_t>(inner, 1), kUniformChunk, stop)) {
    const int64_t depth = std::min(kUniformChunk, inner - start);
    for (const int64_t first : Panels(slabs.count, kUniformSlabs, stop)) {
      const int64_t count = std::min(kUniformSlabs, slabs.count - first);
      const double* panel = x + start * xRow + first * slabs.x;
      int64_t panelRow = xRow;
      Slabs steps{count, slabs.x, slabs.c};
      const bool dense = slabs.x == kSlab && xRow == count * kSlab;
      if (rows >= kPackedRows && !dense) {
        panelRow = count * kSlab;
        steps.x = kSlab;
        for (int64_t l = 0; l < depth; ++l) {
          for (int64_t s = 0; s < count; ++s) {
            CopyRows(1, kSlab, scratch + l * panelRow + s * kSlab, 0, panel + l * xRow + s * slabs.x, 0);
          }
        }
        panel = scratch;
      }
      UniformPanel(update, rows, depth, a.from(0, start), panel, panelRow, c + first * slabs.c, cRow, steps,
                   stop);
    }
    if (update == Update::set) update = Update::add;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace onestep
HWY_AFTER_NAMESPACE();

#endif
