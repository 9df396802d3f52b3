// One thread's part in running a Program: its tile, its table of places, and the loops over tiles.
#pragma once

#include "executor/job.h"
#include "executor/memory.h"

namespace onestep {

class Worker {
 public:
  /**
   * @param constants where each constant lies; they outlive the worker
   * @param uniform the uniform arena, which all workers of a job share
   */
  Worker(const Plan& plan, const std::vector<const double*>& constants, double* uniform);

  /** A job begins: its uniform inputs may be read where they lie. */
  void begin(const Job& job);
  /** Where a value that is not per lane lies. */
  double* at(Index value) const { return table_[value]; }
  /** Runs a uniform stage. Returns whether it came to its end. */
  bool runUniform(size_t stage);
  /** Takes instances of the open chunk through a stage until none waits. Returns whether all came to their
   * end. */
  bool runInstances(Job& job, size_t stage, Statistics& statistics);

 private:
  double* place(Index value) const;
  void enter(int64_t lanes);

  bool runStraight(Job& job, size_t stage, Statistics& statistics);
  bool runLoop(Job& job, size_t stage, Statistics& statistics);
  bool runOneByOne(Job& job, size_t stage, Statistics& statistics);
  void iterate(const StagePlan& plan, Statistics& statistics);

  bool fill(Job& job, size_t stage);
  static void leave(Mask& mask, size_t lane);
  void finish(Job& job, size_t stage, int64_t instance, Statistics& statistics);

  void redirect(const Job& job, const StagePlan& plan);
  void restore(const StagePlan& plan);
  double* instanceOf(const Job& job, Index slot, size_t lane = 0) const;
  const int64_t* numbers(int64_t first, bool padded);
  void loadTile(const Job& job, const Load& load);
  void storeTile(const Job& job, const Store& store);
  void loadLane(const Job& job, const Load& load, size_t lane);
  void storeLane(const Job& job, const Store& store, size_t lane);

  const Plan& plan_;
  Memory tile_;
  Memory scratch_;
  double* uniform_;
  std::vector<double*> table_;
  std::vector<uint64_t> masks_;
  /** The instance in each lane, −1 in a lane that idles. */
  std::vector<int64_t> lanes_;
  std::vector<int64_t> numbers_;
  Frame frame_;
};

}  // namespace onestep
