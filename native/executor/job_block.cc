#include "executor/job_block.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <string>

#include "base/error.h"
#include "executor/plan.h"

namespace onestep {
namespace {

/** More are of no use: what is under way would only leave the cache. */
constexpr int64_t kMostPositions = 1 << 16;

/** Hands out pieces of a block, each on cache lines of its own. */
class Pieces {
 public:
  int64_t take(int64_t bytes) {
    const int64_t at = next_;
    next_ += (bytes + 63) / 64 * 64;
    return at;
  }
  int64_t size() const { return next_; }

 private:
  int64_t next_ = 0;
};

int64_t stagesOf(const Plan& plan) { return static_cast<int64_t>(plan.laneStages().size()); }

/** A thread may leave a tile behind while another has taken up lanes elsewhere. */
int64_t rowsOf(const Plan& plan, const JobShape& shape) {
  return plan.parkSize() == 0 ? 0 : 2 * shape.seats * plan.program().lanes;
}

}  // namespace

struct JobBlock::Layout {
  Layout(const Plan& plan, const JobShape& shape)
      : positionCells(Ring::capacityFor(static_cast<uint32_t>(shape.positions))),
        rowCells(Ring::capacityFor(static_cast<uint32_t>(rowsOf(plan, shape)))) {
    const int64_t stages = stagesOf(plan);
    const auto doubles = static_cast<int64_t>(sizeof(double));
    header = pieces.take(sizeof(Header));
    seats = pieces.take(shape.seats * static_cast<int64_t>(sizeof(Seat)));
    states = pieces.take(shape.batch);
    receivers = pieces.take(stages * static_cast<int64_t>(sizeof(Receiver)));
    owners = pieces.take(shape.positions * static_cast<int64_t>(sizeof(Owner)));
    instances = pieces.take(shape.positions * static_cast<int64_t>(sizeof(uint32_t)));
    rows = pieces.take(shape.positions * static_cast<int64_t>(sizeof(int32_t)));
    ends = pieces.take((2 * stages + 2) * static_cast<int64_t>(sizeof(Ring::Ends)));
    cells = pieces.take((stages + 1) * (positionCells + int64_t{rowCells}) *
                        static_cast<int64_t>(sizeof(Ring::Cell)));
    internal = pieces.take(shape.positions * plan.internalSize() * doubles);
    park = pieces.take(rowsOf(plan, shape) * plan.parkSize() * doubles);
  }

  Pieces pieces;
  uint32_t positionCells, rowCells;
  int64_t header, seats, states, receivers, owners, instances, rows, ends, cells, internal, park;
};

int64_t JobBlock::bytes(const Plan& plan, const JobShape& shape) { return Layout(plan, shape).pieces.size(); }

int64_t JobBlock::positionsFor(const Plan& plan, int64_t batch, int64_t seats, int64_t bytes) {
  const int64_t lanes = plan.program().lanes;
  const int64_t each = plan.internalSize() * static_cast<int64_t>(sizeof(double));
  const int64_t affordable = each == 0 ? kMostPositions : bytes / each;
  const int64_t tiles = std::max(std::min(affordable, kMostPositions) / lanes, seats);
  return std::max<int64_t>(1, std::min(tiles * lanes, batch));
}

JobBlock::JobBlock(const Plan& plan, const JobShape& shape, void* memory) {
  const Layout at(plan, shape);
  auto* base = static_cast<std::byte*>(memory);
  header_ = reinterpret_cast<Header*>(base + at.header);
  seats_ = reinterpret_cast<Seat*>(base + at.seats);
  states_ = reinterpret_cast<uint8_t*>(base + at.states);
  receivers_ = reinterpret_cast<Receiver*>(base + at.receivers);
  owners_ = reinterpret_cast<Owner*>(base + at.owners);
  instances_ = reinterpret_cast<uint32_t*>(base + at.instances);
  rows_ = reinterpret_cast<int32_t*>(base + at.rows);
  ends_ = reinterpret_cast<Ring::Ends*>(base + at.ends);
  cells_ = reinterpret_cast<Ring::Cell*>(base + at.cells);
  internal_ = reinterpret_cast<double*>(base + at.internal);
  park_ = reinterpret_cast<double*>(base + at.park);
  positionCells_ = at.positionCells;
  rowCells_ = at.rowCells;
  parkSize_ = plan.parkSize();
}

/** Rings of positions and rings of rows take turns. */
Ring JobBlock::ring(int64_t number, uint32_t capacity) const {
  const int64_t pair = number / 2 * (positionCells_ + int64_t{rowCells_});
  return {ends_ + number, cells_ + pair + (number % 2 == 0 ? 0 : positionCells_), capacity};
}

JobBlock JobBlock::open(const Plan& plan, const JobShape& shape, void* memory) {
  JobBlock block(plan, shape, memory);
  *block.header_ = {.magic = kMagic,
                    .batch = shape.batch,
                    .positions = shape.positions,
                    .seats = shape.seats,
                    .stages = stagesOf(plan),
                    .bytes = bytes(plan, shape),
                    .lanes = plan.program().lanes,
                    .internalSize = plan.internalSize(),
                    .parkSize = plan.parkSize(),
                    .signal = static_cast<int32_t>(Signal::go),
                    .next = 0,
                    .crashed = 0,
                    .uniformOutputs = 0};
  std::fill_n(block.seats_, shape.seats, Seat{});
  std::memset(block.states_, 0, static_cast<size_t>(shape.batch));
  std::fill_n(block.owners_, shape.positions, 0);
  std::fill_n(block.receivers_, block.header_->stages, Receiver{});
  for (int64_t stage = 0; stage < block.header_->stages; ++stage) {
    block.waiting(stage).fill(0);
    block.parkedAt(stage).fill(0);
  }
  block.free().fill(static_cast<uint32_t>(shape.positions));
  block.freeRows().fill(static_cast<uint32_t>(rowsOf(plan, shape)));
  return block;
}

JobBlock JobBlock::join(const Plan& plan, void* memory, int64_t length) {
  const auto* header = static_cast<const Header*>(memory);
  const bool holds = length >= static_cast<int64_t>(sizeof(Header)) && header->magic == kMagic &&
                     header->stages == stagesOf(plan) && header->lanes == plan.program().lanes &&
                     header->internalSize == plan.internalSize() && header->parkSize == plan.parkSize() &&
                     header->bytes <= length &&
                     header->bytes == bytes(plan, {header->batch, header->positions, header->seats});
  if (!holds) {
    throw Error("ERR_ARGUMENT",
                "The memory does not hold a job of this Program. Expected what openJob set up.");
  }
  return JobBlock(plan, {header->batch, header->positions, header->seats}, memory);
}

int64_t JobBlock::take(int64_t stage, Owner owner) {
  uint32_t position = 0;
  const Owner receiver = std::atomic_ref(receivers_[stage].owner).load(std::memory_order_relaxed);
  const bool waits =
      ((receiver == 0 || receiver == owner) && parkedAt(stage).pop(position)) || waiting(stage).pop(position);
  if (!waits) {
    if (stage != 0) return -1;
    std::atomic_ref next(header_->next);
    if (next.load(std::memory_order_relaxed) >= header_->batch) return -1;
    Ring places = free();
    if (!places.pop(position)) return -1;
    const int64_t instance = next.fetch_add(1, std::memory_order_relaxed);
    if (instance >= header_->batch) {
      places.push(position);
      return -1;
    }
    instances_[position] = static_cast<uint32_t>(instance);
    rows_[position] = -1;
  }
  std::atomic_ref(owners_[position]).store(owner, std::memory_order_release);
  return position;
}

/** Gives up a position; returns whether it was the owner's. */
bool JobBlock::release(int64_t position, Owner owner) {
  return std::atomic_ref(owners_[position]).compare_exchange_strong(owner, 0, std::memory_order_acq_rel);
}

void JobBlock::pass(int64_t position, Owner owner, int64_t nextStage) {
  if (release(position, owner)) waiting(nextStage).push(static_cast<uint32_t>(position));
}

bool JobBlock::finish(int64_t position, Owner owner) {
  if (!release(position, owner)) return false;
  std::atomic_ref(states_[instance(position)]).fetch_or(InstanceState::kFinished, std::memory_order_release);
  free().push(static_cast<uint32_t>(position));
  return true;
}

int64_t JobBlock::parkingRow() {
  uint32_t row = 0;
  return parkSize_ > 0 && freeRows().pop(row) ? int64_t{row} : -1;
}

void JobBlock::park(int64_t position, Owner owner, int64_t stage, int64_t row) {
  rows_[position] = static_cast<int32_t>(row);
  if (release(position, owner)) parkedAt(stage).push(static_cast<uint32_t>(position));
  // Of this and the end of receiving, one comes first: either that end sees what was put aside, or whoever
  // puts aside sees that nobody receives any more.
  std::atomic_ref(receivers_[stage].owner).fetch_add(0, std::memory_order_acq_rel);
}

bool JobBlock::keeps(int64_t stage, Owner owner, int64_t occupied, int64_t lanes) {
  auto& [receiver, room] = receivers_[stage];
  Owner who = 0;
  std::atomic_ref(receiver).compare_exchange_strong(who, owner, std::memory_order_relaxed);
  if (who != 0 && who != owner) return occupied > std::atomic_ref(room).load(std::memory_order_relaxed);
  std::atomic_ref(room).store(static_cast<int32_t>(lanes - occupied), std::memory_order_relaxed);
  return true;
}

void JobBlock::stopReceiving(int64_t stage, Owner owner) {
  std::atomic_ref(receivers_[stage].owner).compare_exchange_strong(owner, 0, std::memory_order_acq_rel);
}

int64_t JobBlock::stageToBeginWith() const {
  for (int64_t stage = 0; stage < header_->stages; ++stage) {
    if (!parkedAt(stage).empty()) return stage;
  }
  return 0;
}

int64_t JobBlock::putBack(Owner owner) {
  int64_t count = 0;
  for (int64_t stage = 0; stage < header_->stages; ++stage) stopReceiving(stage, owner);
  for (int64_t position = 0; position < header_->positions; ++position) {
    if (!release(position, owner)) continue;
    ++count;
    std::atomic_ref state(states_[instance(position)]);
    if ((state.fetch_or(InstanceState::kPutBack, std::memory_order_acq_rel) & InstanceState::kPutBack) == 0) {
      rows_[position] = -1;
      waiting(0).push(static_cast<uint32_t>(position));
    } else {
      state.fetch_or(InstanceState::kCrashed, std::memory_order_release);
      std::atomic_ref(header_->crashed).fetch_add(1, std::memory_order_relaxed);
      free().push(static_cast<uint32_t>(position));
    }
  }
  return count;
}

bool JobBlock::claimUniformOutputs() {
  return std::atomic_ref(header_->uniformOutputs).exchange(1, std::memory_order_relaxed) == 0;
}

int64_t JobBlock::finishAll() {
  if (std::atomic_ref(header_->next).exchange(header_->batch) != 0 || header_->batch == 0) return 0;
  for (int64_t i = 0; i < header_->batch; ++i) {
    std::atomic_ref(states_[i]).fetch_or(InstanceState::kFinished, std::memory_order_release);
  }
  return header_->batch;
}

}  // namespace onestep
