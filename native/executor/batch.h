// Leading axes of matrix operands: how a kernel of one matrix is run over all of them.
#pragma once

#include <array>
#include <cstdint>

#include "base/panels.h"
#include "executor/call.h"

namespace onestep {

/** The last two axes of a value as a matrix, those before them as its batch. */
struct MatrixShape {
  Shape lead;
  int64_t rows = 0;
  int64_t cols = 0;
};

/** @throws Error ERR_PROGRAM when the shape has fewer than two axes */
inline MatrixShape matrixShape(const Call& call, const Shape& shape) {
  call.require(shape.size() >= 2, "matrices");
  return {Shape(shape.begin(), shape.end() - 2), shape[shape.size() - 2], shape[shape.size() - 1]};
}

/** Walks over the matrices of an output, and knows where those of each operand begin (NumPy's rule). */
class Batch {
 public:
  static constexpr size_t kMaxOperands = 4;
  using Offsets = std::array<int64_t, kMaxOperands>;

  explicit Batch(const Shape& lead) : lead_(lead) {
    for (const int64_t d : lead) total_ *= d;
  }

  /** Adds an operand: its leading axes, and the doubles of one of its matrices. */
  void operand(const Call& call, const Shape& lead, int64_t unit) {
    call.require(lead.size() <= lead_.size(), "leading axes that broadcast to those of the output");
    const size_t skip = lead_.size() - lead.size();
    auto& strides = strides_[operands_++];
    for (size_t i = lead.size(); i-- > 0;) {
      call.require(lead[i] == 1 || lead[i] == lead_[skip + i],
                   "leading axes that broadcast to those of the output");
      strides[skip + i] = lead[i] == 1 ? 0 : unit;
      unit *= lead[i];
    }
  }

  /** Calls `visit` with the offsets of every operand, for one matrix of the output after another. */
  template <class Visit>
  void each(Poll stop, Visit visit) const {
    Offsets offsets{};
    if (total_ == 1) return visit(offsets);
    std::array<int64_t, kMaxValueRank> position{};
    for ([[maybe_unused]] const int64_t n : Panels(total_, 1, stop)) {
      visit(offsets);
      for (size_t axis = lead_.size(); axis-- > 0;) {
        const bool wraps = ++position[axis] == lead_[axis];
        for (size_t k = 0; k < operands_; ++k) {
          offsets[k] += strides_[k][axis] * (wraps ? 1 - lead_[axis] : 1);
        }
        if (!wraps) break;
        position[axis] = 0;
      }
    }
  }

 private:
  Shape lead_;
  int64_t total_ = 1;
  size_t operands_ = 0;
  std::array<std::array<int64_t, kMaxValueRank>, kMaxOperands> strides_{};
};

}  // namespace onestep
