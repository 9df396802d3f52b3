// What a thread has at hand while it runs a Program: where every value lies, and which lanes count.
#pragma once

#include <cstdint>

#include "base/poll.h"
#include "program/program.h"

namespace onestep {

/** A subset of the lanes of a tile: all bits set for a lane that is in it, none for one that is not. */
struct Mask {
  uint64_t* words;
  /** How many lanes are in it. */
  int64_t count;
};

/** State of one thread. Nothing of it is shared. */
struct Frame {
  /** Where values and, behind them, pieces of scratch begin. */
  double** table = nullptr;
  /** T in lane code, 1 in uniform code. */
  int64_t lanes = 1;
  /** The lanes whose results count. What the others compute is thrown away by whoever masked them. */
  Mask active{};
  /** One mask of T words for each level of nested control. */
  uint64_t* masks = nullptr;
  /** Asked between iterations, and by whatever takes more than some milliseconds. */
  Poll stop;
  bool aborted = false;

  double* operator[](Index index) const { return table[index]; }
  Mask mask(int level) const { return {masks + level * lanes, 0}; }
  /** Whether the job has been asked to end; once it is so, it stays so. */
  bool poll() { return aborted = aborted || stop.aborted(); }
};

}  // namespace onestep
