// A loaded Program with all memory that one thread needs to run it, kept from run to run.
#pragma once

#include <span>

#include "executor/worker.h"

namespace onestep {

inline constexpr int64_t kDefaultChunkBytes = int64_t{256} << 20;

struct Statistics {
  /** Instances that left the last stage. */
  int64_t finished = 0;
  /** Loop stages: T for each run of a body, and how many of those lanes were needed. */
  int64_t laneSlots = 0;
  int64_t iterations = 0;
};

class Execution {
 public:
  /** @param constants where each constant lies; they outlive this */
  Execution(std::shared_ptr<const Plan> plan, const std::vector<const double*>& constants);

  const Plan& plan() const { return *plan_; }
  /** What the next run works on; its vectors are kept, so that filling them anew allocates nothing. */
  Request& request() { return job_.request; }

  /**
   * Runs the request on this thread alone. An aborted run returns early.
   * @param chunkBytes of what lies between stages
   */
  Statistics run(int64_t batch, int64_t chunkBytes, Poll stop);

  /** Takes part in a job that any number of threads share. */
  Outcome join(const JobBlock& block, UniformArena uniform, const Turn& turn);

  /** Bytes of all arenas. */
  int64_t bytes() const;

 private:
  std::shared_ptr<const Plan> plan_;
  Memory uniform_;
  /** The block of a job that is this thread's own. */
  Memory block_{0};
  Worker worker_;
  Job job_;
};

}  // namespace onestep
