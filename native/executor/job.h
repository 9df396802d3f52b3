// One thread's part in running a Program over a batch of instances.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "executor/job_block.h"
#include "executor/plan.h"

namespace onestep {

/** The user's arrays; they outlive the run. A uniform input or output is one value, any other is [batch,
 * size]. */
struct Request {
  std::vector<const double*> inputs;
  std::vector<double*> outputs;
};

/** The memory of uniform values: a word that says how far they are, and the arena. All threads share it. */
class UniformArena {
 public:
  enum State : uint32_t { kTodo = 0, kDone = ~uint32_t{0} };  // or its owner, who computes

  static constexpr int64_t kHeaderBytes = 64;
  static int64_t bytes(const Plan& plan) {
    return kHeaderBytes + plan.program().uniformArena * static_cast<int64_t>(sizeof(double));
  }

  explicit UniformArena(void* memory = nullptr) : memory_(static_cast<std::byte*>(memory)) {}
  double* data() const { return reinterpret_cast<double*>(memory_ + kHeaderBytes); }

  void reset() { word().store(kTodo, std::memory_order_relaxed); }
  bool done() const { return word().load(std::memory_order_acquire) == kDone; }
  /** Whether the owner is to compute it. */
  bool claim(Owner owner) {
    uint32_t todo = kTodo;
    return word().compare_exchange_strong(todo, owner, std::memory_order_acquire);
  }
  void finish(bool ended) { word().store(ended ? kDone : kTodo, std::memory_order_release); }
  /** The owner is gone. */
  void putBack(Owner owner) { word().compare_exchange_strong(owner, kTodo, std::memory_order_relaxed); }

 private:
  std::atomic_ref<uint32_t> word() const { return std::atomic_ref(*reinterpret_cast<uint32_t*>(memory_)); }
  std::byte* memory_;
};

/** How a thread takes part. */
struct Turn {
  int64_t seat = 0;
  int64_t epoch = 0;
  /** When it gives way, if it is asked to. */
  double sliceMilliseconds = 50;
  /** The output, a number an instance, whose values are counted in the seat; −1: none. */
  int64_t tallied = -1;
  /** Leaves everything as it lies after so many iterations and instances, as if the thread had died; −1:
   * never. */
  int64_t faultAfter = -1;
};

/** Why a thread stopped. */
enum class Outcome {
  /** Nothing waits any more: what is not finished is in other threads' hands. */
  idle,
  gaveWay,
  aborted,
  fault,
};

/** A job as one thread sees it. */
class Job {
 public:
  explicit Job(const Plan& plan) : plan_(plan) {}

  void enter(const JobBlock& block, UniformArena uniform, const Turn& turn, Poll stop) {
    block_ = block;
    uniform_ = uniform;
    turn_ = turn;
    stop_ = stop;
    owner_ = ownerOf(turn.seat, turn.epoch);
    seat_ = &block_.seat(turn.seat);
    internal_ = block_.internal();
    left_ = turn.faultAfter;
    moved_ = false;
    end_ = std::chrono::steady_clock::now() +
           std::chrono::nanoseconds(static_cast<int64_t>(turn.sliceMilliseconds * 1e6));
  }

  const Plan& plan() const { return plan_; }
  JobBlock& block() { return block_; }
  const JobBlock& block() const { return block_; }
  UniformArena& uniform() { return uniform_; }
  Owner owner() const { return owner_; }
  Poll stop() const { return stop_; }

  /** Between two pieces of work: whether to go on, and if not, why. */
  Outcome check() {
    add(seat_->beats, 1);
    if (left_ >= 0 && left_-- == 0) return Outcome::fault;
    const Signal signal = stop_.signal();
    if (signal == Signal::go) [[likely]]
      return Outcome::idle;
    if (signal == Signal::abort) return Outcome::aborted;
    // However short the slice: some work is done in each, so that the job comes to its end.
    return !moved_ || std::chrono::steady_clock::now() < end_ ? Outcome::idle : Outcome::gaveWay;
  }

  int64_t instance(int64_t position) const { return block_.instance(position); }

  double sliceMilliseconds() const { return turn_.sliceMilliseconds; }

  /** There is nothing to do but to wait for another thread. */
  void waits() { moved_ = true; }

  /** A position that waits for a stage over instances, or −1. */
  int64_t take(int64_t stage) { return block_.take(stage, owner_); }

  /** An instance has left a stage, and its results are stored. */
  void leave(int64_t stage, int64_t position) {
    moved_ = true;
    add(seat_->passed, 1);
    if (stage + 1 < static_cast<int64_t>(plan_.laneStages().size())) {
      block_.pass(position, owner_, stage + 1);
      return;
    }
    // Whoever takes the position next changes what stands there.
    const int64_t instance = block_.instance(position);
    if (!block_.finish(position, owner_)) return;
    tally(instance);
    add(seat_->finished, 1);
  }

  /** A loop's body has run in a tile of so many lanes, of which some were needed. */
  void iterated(int64_t lanes, int64_t needed) {
    moved_ = true;
    add(seat_->laneSlots, lanes);
    add(seat_->iterations, needed);
  }
  void finishAll() { add(seat_->finished, block_.finishAll()); }

  /** Where the array of a slot begins, and whether it has an entry for each position, or for each instance.
   */
  struct Array {
    double* data;
    bool byPosition;
  };
  /** Inputs are only read: loads take no other slots as theirs, stores never take them. */
  Array array(Index slot) const {
    const Slot& what = plan_.program().slots[slot];
    switch (what.kind) {
      case Slot::Kind::input:
        return {const_cast<double*>(request.inputs[what.index]), false};
      case Slot::Kind::output:
        return {request.outputs[what.index], false};
      case Slot::Kind::internal:
        break;
    }
    return {internal_ + plan_.internalOffsets()[slot] * block_.positions(), true};
  }

  Request request;

 private:
  void tally(int64_t instance) {
    if (turn_.tallied < 0) return;
    const double code = request.outputs[static_cast<size_t>(turn_.tallied)][instance];
    if (code >= 0 && code < Seat::kCodes) add(seat_->tally[static_cast<int64_t>(code)], 1);
  }

  /** Only this thread writes there; others read. */
  static void add(int64_t& counter, int64_t by) {
    std::atomic_ref ref(counter);
    ref.store(ref.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }

  const Plan& plan_;
  JobBlock block_;
  UniformArena uniform_;
  Turn turn_;
  Poll stop_;
  Owner owner_ = 0;
  Seat* seat_ = nullptr;
  double* internal_ = nullptr;
  int64_t left_ = -1;
  bool moved_ = false;
  std::chrono::steady_clock::time_point end_;
};

}  // namespace onestep
