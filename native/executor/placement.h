// Which values can lie where a job's data already are instead of in an arena, so that nothing is copied.
// Uniform inputs always can try; inputs and outputs of an instance can when a tile has one lane.
#pragma once

#include <span>
#include <vector>

#include "program/program.h"

namespace onestep {

/** What one instruction, or a whole control instruction, reads and writes. */
struct Access {
  std::vector<Index> reads;
  std::vector<Index> writes;
  /** Reads and writes may come in any order, and again. */
  bool anyOrder = false;
};

/** The accesses of a stage in the order in which they happen; loads and stores are not among them. */
std::vector<Access> accesses(const Stage& stage);

/** A value that lies at an offset from where the loaded or stored value now lies. */
struct Placed {
  Index value;
  int64_t offset;
};
using Placement = std::vector<Placed>;

/**
 * The values that read what was loaded into `loaded`, itself among them, so that all may be pointed at the
 * source. Empty when the copy is needed: some value would be written there, or reads the memory both before
 * and after something else was put into it.
 */
Placement placeLoaded(const Program& program, Index loaded, std::span<const Access> accesses);

/**
 * The values that write and then read what is stored from `stored`, so that all may be pointed at the target,
 * or empty. `loaded` are the values that have been loaded, `storedValues` all that are stored.
 */
Placement placeStored(const Program& program, Index stored, std::span<const Access> accesses,
                      std::span<const Index> loaded, std::span<const Index> storedValues);

}  // namespace onestep
