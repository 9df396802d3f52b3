// What all threads that take part in a job share: who works on what, who waits for which stage, how far it
// is, and what lies between stages. It is one piece of memory, so that it can be handed to any thread.
//
// An instance that is under way has a *position*: a place for what it leaves between stages. Free positions
// wait in a ring, and so do, for each stage, those that may enter it; a position has one owner, or none while
// it waits. There are no rounds: an instance enters the first stage as soon as a position is free, and no
// thread waits for another.
#pragma once

#include <cstdint>

#include "base/poll.h"
#include "executor/ring.h"

namespace onestep {

class Plan;

/** How many of everything a job has. */
struct JobShape {
  int64_t batch = 0;
  /** Instances that may be under way at one time. */
  int64_t positions = 1;
  /** Threads that may take part at one time. */
  int64_t seats = 1;
};

/** Who holds a position: a seat, and which of those who sat there, one after another. Never 0. */
using Owner = uint32_t;
inline constexpr int64_t kMostSeats = 1023;
inline constexpr int64_t kMostInstances = int64_t{1} << 32;
inline constexpr Owner ownerOf(int64_t seat, int64_t epoch) {
  return static_cast<Owner>(seat + 1) | static_cast<Owner>(epoch & 0x3fffff) << 10;
}

/** One thread's counters, on cache lines of its own. */
struct alignas(64) Seat {
  static constexpr int64_t kCodes = 16;
  /** Instances that left the last stage here. */
  int64_t finished;
  /** Loop stages: T for each run of a body, and how many of those lanes were needed. */
  int64_t laneSlots;
  int64_t iterations;
  /** Grows as long as the thread is alive. */
  int64_t beats;
  /** Stages that instances have left here. */
  int64_t passed;
  /** Instances for each code that the tallied output held, such as a status. */
  int64_t tally[kCodes];
};

/** The state of an instance, a byte. */
struct InstanceState {
  static constexpr uint8_t kFinished = 1;
  /** The thread that held it is gone, and it was put back. */
  static constexpr uint8_t kPutBack = 2;
  /** That has happened twice. */
  static constexpr uint8_t kCrashed = 4;
};

class JobBlock {
 public:
  /** Bytes of a block, aligned to 64. */
  static int64_t bytes(const Plan& plan, const JobShape& shape);
  /** As many positions as fit into so many bytes, but at least `seats` tiles, and no more than are of use. */
  static int64_t positionsFor(const Plan& plan, int64_t batch, int64_t seats, int64_t bytes);

  JobBlock() = default;
  /** Sets up a new job; nobody may use the memory meanwhile. */
  static JobBlock open(const Plan& plan, const JobShape& shape, void* memory);
  /** @throws Error ERR_ARGUMENT when the memory does not hold a job of this Plan */
  static JobBlock join(const Plan& plan, void* memory, int64_t bytes);

  int64_t batch() const { return header_->batch; }
  int64_t seats() const { return header_->seats; }
  int64_t positions() const { return header_->positions; }
  const int32_t* signal() const { return &header_->signal; }
  Seat& seat(int64_t seat) const { return seats_[seat]; }
  void setSignal(Signal signal) {
    std::atomic_ref(header_->signal).store(static_cast<int32_t>(signal), std::memory_order_relaxed);
  }
  uint8_t state(int64_t instance) const {
    return std::atomic_ref(states_[instance]).load(std::memory_order_acquire);
  }
  /** Instances whose threads died twice. */
  int64_t crashed() const { return std::atomic_ref(header_->crashed).load(std::memory_order_relaxed); }
  double* internal() const { return internal_; }

  /** Takes a position that waits for a stage over instances (counted among those), or −1. */
  int64_t take(int64_t stage, Owner owner);
  /** The instance at a position. */
  int64_t instance(int64_t position) const { return instances_[position]; }
  /** About how many positions wait to enter a stage. */
  int64_t waitingFor(int64_t stage) const { return waiting(stage).size(); }
  /** Lets an instance wait for its next stage; nothing happens when the owner is no longer its owner. */
  void pass(int64_t position, Owner owner, int64_t nextStage);
  /** An instance has left the last stage; returns whether it was the owner's. */
  bool finish(int64_t position, Owner owner);

  /** A row for the carries of a lane that is put aside within a loop stage, or −1. */
  int64_t parkingRow();
  void giveBackRow(int64_t row) { freeRows().push(static_cast<uint32_t>(row)); }
  double* parked(int64_t row) const { return park_ + row * parkSize_; }
  /** Puts a position aside, its carries in a row. */
  void park(int64_t position, Owner owner, int64_t stage, int64_t row);
  /** Where the carries of a position lie that was taken, or −1: it comes to the stage from its beginning. */
  int64_t rowOf(int64_t position) const { return rows_[position]; }
  void clearRow(int64_t position) { rows_[position] = -1; }
  /** A stage within which lanes are parked, or the first one. */
  int64_t stageToBeginWith() const;

  /**
   * At the end of a stage, where lanes run empty, one thread takes over what others put aside, so that one
   * full tile runs instead of several that are almost empty. Returns whether the owner, with so many lanes of
   * its tile occupied, keeps them: it is the one who receives, or they do not fit into the empty lanes of
   * that one.
   */
  bool keeps(int64_t stage, Owner owner, int64_t occupied, int64_t lanes);
  void stopReceiving(int64_t stage, Owner owner);

  /** Puts back what an owner holds who is gone: to the first stage, or nowhere if that happened before.
   * Returns how many. */
  int64_t putBack(Owner owner);
  /** True for the first who asks. */
  bool claimUniformOutputs();
  /** All instances are finished: the Program has no stage over instances. Returns how many there were. */
  int64_t finishAll();

 private:
  struct Header {
    uint64_t magic;
    int64_t batch, positions, seats, stages, bytes;
    /** What the Program makes of it. */
    int64_t lanes, internalSize, parkSize;
    alignas(64) int32_t signal;
    alignas(64) int64_t next;
    alignas(64) int64_t crashed;
    uint32_t uniformOutputs;
  };
  static constexpr uint64_t kMagic = 0x6a6f622d626c6f63;
  struct Layout;

  JobBlock(const Plan& plan, const JobShape& shape, void* memory);
  bool release(int64_t position, Owner owner);

  Header* header_ = nullptr;
  Seat* seats_ = nullptr;
  uint8_t* states_ = nullptr;
  /** For each stage, who takes over what was put aside there, or 0, and how many lanes that one has empty. */
  struct Receiver {
    Owner owner;
    int32_t room;
  };
  Receiver* receivers_ = nullptr;
  /** For each position: its owner, its instance, its row of parked carries. */
  Owner* owners_ = nullptr;
  uint32_t* instances_ = nullptr;
  int32_t* rows_ = nullptr;
  /** For each stage over instances, the positions that wait to enter it, and those put aside within it. */
  Ring waiting(int64_t stage) const { return ring(2 * stage, positionCells_); }
  Ring parkedAt(int64_t stage) const { return ring(2 * stage + 1, rowCells_); }
  Ring free() const { return ring(2 * header_->stages, positionCells_); }
  Ring freeRows() const { return ring(2 * header_->stages + 1, rowCells_); }
  Ring ring(int64_t number, uint32_t capacity) const;
  Ring::Ends* ends_ = nullptr;
  Ring::Cell* cells_ = nullptr;
  uint32_t positionCells_ = 0;
  uint32_t rowCells_ = 0;
  double* internal_ = nullptr;
  double* park_ = nullptr;
  int64_t parkSize_ = 0;
};

}  // namespace onestep
