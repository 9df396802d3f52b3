// Turns the blocks of a Program into commands.
#pragma once

#include "executor/call.h"

namespace onestep {

/** Something that is copied when a block has ended: size elements a lane. */
struct Assignment {
  Index to;
  Index from;
  int64_t size;
};

class Planner {
 public:
  explicit Planner(const Program& program)
      : program_(program), scratch_(static_cast<Index>(program.values.size())) {}

  /** @param laneCode whether the block stands in a lane stage */
  Commands block(const Block& block, bool laneCode);
  /** Carries and their results; those that share their memory need no copy and are left out. */
  std::vector<Assignment> assignments(const std::vector<Carry>& carries) const;

  const Program& program() const { return program_; }
  const Scratch& scratch() const { return scratch_; }
  /** Masks that nested control needs at one time. */
  int maskLevels() const { return maskLevels_; }

 private:
  CommandPointer control(const While& loop);
  CommandPointer control(const Scan& scan);
  CommandPointer control(const Cond& cond);
  Commands nested(const Block& block);
  CommandPointer leaf(const Instruction& instruction);
  std::optional<Assignment> assignment(Index to, Index from) const;

  const Program& program_;
  Scratch scratch_;
  bool laneCode_ = false;
  /** Masks in use by the control that encloses what is being planned. */
  int level_ = 0;
  int maskLevels_ = 0;
};

}  // namespace onestep
