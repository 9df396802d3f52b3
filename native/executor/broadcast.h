// How an operand meets a larger result: NumPy's rule, with the lane index as the last axis.
#pragma once

#include <array>

#include "executor/call.h"

namespace onestep {

/**
 * The axes of a result, each one either present in the operand or repeated there; neighbours of a kind are
 * one run. `load` brings any block of the flat result into a buffer.
 */
class Broadcast {
 public:
  enum class Kind {
    direct,    // the operand lies as the result does
    scalar,    // one number for all elements
    periodic,  // repeated as a whole, `period()` elements
    other
  };

  /** @throws Error ERR_PROGRAM when the operand does not broadcast to `shape` */
  Broadcast(const Call& call, const Shape& operand, bool perLane, const Shape& shape, int64_t lanes);

  Kind kind() const;
  int64_t period() const { return runs_[1].size; }

  /** out[i] is the operand's element for element start + i of the result, i < n. */
  void load(double* out, const double* operand, int64_t start, int64_t n) const;

 private:
  struct Run {
    int64_t size;
    bool present;
  };
  void add(int64_t size, bool present);

  std::array<Run, kMaxRank> runs_{};
  size_t count_ = 0;
};

}  // namespace onestep
