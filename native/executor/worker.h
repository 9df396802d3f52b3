// One thread's tools for running a Program: its tile, its table of places, and the loops over tiles.
#pragma once

#include "executor/job.h"
#include "executor/memory.h"

namespace onestep {

class Worker {
 public:
  /** @param constants where each constant lies; they outlive the worker */
  Worker(const Plan& plan, const std::vector<const double*>& constants);

  /** Takes part in a job until nothing waits for this thread, or it has to stop. */
  Outcome takePart(Job& job);

 private:
  double* place(Index value) const;
  void enter(int64_t lanes);

  Outcome begin(Job& job);
  Outcome runUniform(Job& job);
  Outcome runStage(Job& job, int64_t stage, bool& took);
  Outcome runStraight(Job& job, int64_t stage, bool& took);
  Outcome runLoop(Job& job, int64_t stage, bool& took);
  Outcome runTile(Job& job, int64_t stage);
  Outcome runOneByOne(Job& job, int64_t stage, bool& took);
  Outcome iterate(Job& job, int64_t stage);
  bool othersWait(const Job& job, int64_t stage, bool dry) const;

  bool fill(Job& job, int64_t stage);
  void empty(Mask& occupied, size_t lane);
  void occupy(Mask& occupied, size_t lane, int64_t position);
  bool park(Job& job, int64_t stage);
  void unpark(Job& job, const StagePlan& plan, size_t lane);

  void redirect(const Job& job, const StagePlan& plan);
  void restore(const StagePlan& plan);
  double* slotOf(const Job& job, Index slot, size_t lane = 0) const;
  const int64_t* numbers(const Job& job, bool byPosition, bool padded);
  void loadTile(const Job& job, const Load& load);
  void storeTile(const Job& job, const Store& store);
  void loadLane(const Job& job, const Load& load, size_t lane);
  void storeLane(const Job& job, const Store& store, size_t lane);

  const Plan& plan_;
  Memory tile_;
  Memory scratch_;
  double* uniform_ = nullptr;
  std::vector<double*> table_;
  std::vector<uint64_t> masks_;
  /** The position in each lane, −1 in a lane that idles. */
  std::vector<int64_t> lanes_;
  std::vector<int64_t> numbers_;
  Frame frame_;
  /** When the stage that is being run was entered, and the iterations since. */
  std::chrono::steady_clock::time_point entered_;
  int64_t iterations_ = 0;
};

}  // namespace onestep
