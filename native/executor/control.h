// while, scan and cond over the lanes of a tile. Each lane sees its own loop: what it holds once it has left
// does not change. docs/program-format.md says what each does.
#pragma once

#include <optional>

#include "executor/command.h"
#include "executor/planner.h"

namespace onestep {

struct WhileCommand final : Command {
  void run(Frame& frame) const override;

  /** The level of its mask. */
  int mask = 0;
  Index predicate = 0;
  Commands condition;
  Commands body;
  std::vector<Assignment> carries;
};

struct ScanCommand final : Command {
  /** slice = sequence + i·stride */
  struct Cut {
    Index sequence;
    Index slice;
    int64_t stride;
  };
  void run(Frame& frame) const override;

  int mask = 0;
  std::optional<Index> count;
  int64_t length = 0;
  bool reverse = false;
  std::vector<Cut> cuts;
  /** to[i] = from */
  std::vector<Assignment> stacks;
  std::vector<Assignment> carries;
  Commands body;

 private:
  void step(Frame& frame, int64_t i) const;
};

struct CondCommand final : Command {
  void run(Frame& frame) const override;

  int mask = 0;
  Index predicate = 0;
  Commands then;
  Commands otherwise;
  std::vector<Assignment> thenOutputs;
  std::vector<Assignment> otherwiseOutputs;
};

/** Carries the assignments out in the active lanes. */
void assign(const std::vector<Assignment>& assignments, const Frame& frame);

}  // namespace onestep
