// One run of a Program over a batch of instances: what all threads that take part in it share.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "executor/plan.h"

namespace onestep {

inline constexpr int64_t kDefaultChunkBytes = int64_t{256} << 20;

/**
 * The user's arrays and words; they outlive the run. When a run is aborted, the outputs of an instance that
 * is not finished are as they were, but for what an earlier stage than the last has stored; a later run with
 * the same states computes such instances from the start.
 */
struct Request {
  int64_t batch = 0;
  /** A uniform input or output is one value; any other is [batch, size]. */
  std::vector<const double*> inputs;
  std::vector<double*> outputs;
  Control control;
  /** One word an instance, or null: not 0 when it is finished. Instances that are finished at the start are
   * left out. */
  int32_t* states = nullptr;
  /** Bytes of internal slots at one time. */
  int64_t chunkBytes = kDefaultChunkBytes;
};

struct Statistics {
  /** Instances that left the last stage. */
  int64_t finished = 0;
  /** Loop stages: T for each run of a body, and how many of those lanes were needed. */
  int64_t laneSlots = 0;
  int64_t iterations = 0;
};

class Job {
 public:
  explicit Job(const Plan& plan)
      : plan_(plan), next_(std::make_unique<std::atomic<int64_t>[]>(plan.stages().size())) {}

  const Plan& plan() const { return plan_; }

  /** The instances begin … end are next, their internal slots at `internal`. */
  void openChunk(int64_t begin, int64_t end, double* internal) {
    begin_ = begin;
    end_ = end;
    internal_ = internal;
    for (size_t i = 0; i < plan_.stages().size(); ++i) next_[i].store(begin, std::memory_order_relaxed);
  }

  /** The next waiting instance of the chunk for a stage, or −1. */
  int64_t take(size_t stage) {
    for (;;) {
      const int64_t instance = next_[stage].fetch_add(1, std::memory_order_relaxed);
      if (instance >= end_) return -1;
      if (!finished(instance)) return instance;
    }
  }

  /** An instance has left the last stage, and its outputs are written. */
  void finish(int64_t instance) {
    if (request.states != nullptr) {
      std::atomic_ref(request.states[instance]).store(1, std::memory_order_release);
    }
    request.control.done(1);
  }

  bool finished(int64_t instance) const {
    return request.states != nullptr &&
           std::atomic_ref(request.states[instance]).load(std::memory_order_acquire) != 0;
  }

  /** Where the array of a slot begins, and the instance that lies there. */
  struct Array {
    double* data;
    int64_t first;
  };
  /** Inputs are only read: loads take no other slots as theirs, stores never take them. */
  Array array(Index slot) const {
    const Slot& what = plan_.program().slots[slot];
    switch (what.kind) {
      case Slot::Kind::input:
        return {const_cast<double*>(request.inputs[what.index]), 0};
      case Slot::Kind::output:
        return {request.outputs[what.index], 0};
      case Slot::Kind::internal:
        break;
    }
    return {internal_ + plan_.internalOffsets()[slot] * (end_ - begin_), begin_};
  }

  Request request;

 private:
  const Plan& plan_;
  int64_t begin_ = 0;
  int64_t end_ = 0;
  double* internal_ = nullptr;
  std::unique_ptr<std::atomic<int64_t>[]> next_;
};

}  // namespace onestep
