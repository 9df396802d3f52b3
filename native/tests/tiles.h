// Lanes of a tile, and the promise that a lane's bits depend on nothing but its own inputs.
#pragma once

#include <algorithm>
#include <functional>

#include "tests/check.h"

namespace onestep::tests {

/** Lane t of a tile [size, lanes]. */
inline Values laneOf(const Values& tile, int64_t lanes, int64_t t) {
  Values lane(tile.size() / static_cast<size_t>(lanes));
  for (size_t s = 0; s < lane.size(); ++s)
    lane[s] = tile[s * static_cast<size_t>(lanes) + static_cast<size_t>(t)];
  return lane;
}

inline void setLane(Values& tile, int64_t lanes, int64_t t, const Values& lane) {
  for (size_t s = 0; s < lane.size(); ++s)
    tile[s * static_cast<size_t>(lanes) + static_cast<size_t>(t)] = lane[s];
}

/** An operand: numbers, and whether they are per lane. */
struct Operand {
  Values values;
  bool perLane;
  Values lane(int64_t lanes, int64_t t) const { return perLane ? laneOf(values, lanes, t) : values; }
};

/** A pointer to a copy of the values that is off the alignment of a vector by `offset` doubles. */
class Misaligned {
 public:
  Misaligned(const Values& values, size_t offset) : storage_(values.size() + 16), offset_(offset) {
    while (reinterpret_cast<uintptr_t>(storage_.data() + start_) % 64 != 0) ++start_;
    std::copy(values.begin(), values.end(), data());
  }
  double* data() { return storage_.data() + start_ + offset_; }

 private:
  Values storage_;
  size_t start_ = 0, offset_;
};

/** A kernel under test: from pointers to its operands to its per-lane result. */
using Run = std::function<Values(const std::vector<const double*>&)>;

inline Values runWith(const Run& run, const std::vector<Operand>& operands, size_t offset = 0) {
  std::vector<Misaligned> copies;
  std::vector<const double*> pointers;
  for (const Operand& operand : operands) copies.emplace_back(operand.values, offset);
  for (Misaligned& copy : copies) pointers.push_back(copy.data());
  return run(pointers);
}

/**
 * Runs the kernel again with some lanes moved elsewhere and NaN, infinities and garbage in all others, off
 * alignment, and expects the bits of the moved lanes.
 */
inline void expectIndependentLanes(Check& check, const char* name, int64_t lanes,
                                   const std::vector<Operand>& operands, const Values& result,
                                   const Run& run) {
  if (lanes == 1) return;
  std::vector<Operand> moved = operands;
  const double garbage[] = {kNaN, kInfinity, -kInfinity, 1e300, 0.0, -3.0};
  size_t next = 0;
  for (Operand& operand : moved) {
    if (!operand.perLane) continue;
    for (double& x : operand.values) x = garbage[next++ % 6];
  }
  const int64_t kept[] = {0, 5 % lanes, lanes - 1};
  const int64_t places[] = {lanes - 2, 0, lanes / 2};
  for (int k = 0; k < 3; ++k) {
    for (size_t o = 0; o < operands.size(); ++o) {
      if (operands[o].perLane)
        setLane(moved[o].values, lanes, places[k], laneOf(operands[o].values, lanes, kept[k]));
    }
  }
  const Values again = runWith(run, moved, 3);
  for (int k = 0; k < 3; ++k) {
    const Values before = laneOf(result, lanes, kept[k]), after = laneOf(again, lanes, places[k]);
    bool same = true;
    for (size_t i = 0; i < before.size(); ++i) same = same && identical(before[i], after[i]);
    check.expect(same, "%s: lane %ld of %ld changes with its neighbours or its place", name,
                 static_cast<long>(kept[k]), static_cast<long>(lanes));
  }
}

}  // namespace onestep::tests
