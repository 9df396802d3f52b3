// A loaded Program with all memory that runs of it need, kept from run to run.
#pragma once

#include "executor/worker.h"

namespace onestep {

class Execution {
 public:
  /** @param constants where each constant lies; they outlive this */
  Execution(std::shared_ptr<const Plan> plan, const std::vector<const double*>& constants);

  /** What the next run works on; its vectors are kept, so that filling them anew allocates nothing. */
  Request& request() { return job_.request; }

  /** Runs the request on the calling thread. An aborted run returns early; the states tell what is finished.
   */
  Statistics run();

  /** Bytes of all arenas. */
  int64_t bytes() const;

 private:
  bool runUniformStages();
  bool runChunk(int64_t begin, int64_t end, Statistics& statistics);

  std::shared_ptr<const Plan> plan_;
  Memory uniform_;
  Memory internal_{0};
  Worker worker_;
  Job job_;
  /** Without uniform inputs the uniform stages give the same in every run. */
  bool uniformReady_ = false;
};

}  // namespace onestep
