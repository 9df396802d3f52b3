#include "executor/worker.h"

#include <cstring>

#include "executor/masks.h"
#include "kernels/elementwise.h"
#include "kernels/movement.h"

namespace onestep {

Worker::Worker(const Plan& plan, const std::vector<const double*>& constants, double* uniform)
    : plan_(plan),
      tile_(plan.program().laneArena),
      scratch_(plan.scratchSize()),
      uniform_(uniform),
      // One mask for the stage itself, then one for each level of control.
      masks_(static_cast<size_t>((plan.maskLevels() + 1) * plan.program().lanes)),
      lanes_(static_cast<size_t>(plan.program().lanes)),
      numbers_(static_cast<size_t>(plan.program().lanes)) {
  const Program& program = plan.program();
  for (size_t i = 0; i < program.values.size(); ++i) {
    const Value& value = program.values[i];
    // Constants and immediates are only read: outputs lie in the arenas.
    table_.push_back(
        value.space == Space::constant    ? const_cast<double*>(constants[static_cast<size_t>(value.offset)])
        : value.space == Space::immediate ? const_cast<double*>(program.immediates.data()) + value.offset
                                          : place(static_cast<Index>(i)));
  }
  for (const int64_t offset : plan.scratchPieces()) table_.push_back(scratch_.data() + offset);
  frame_.table = table_.data();
}

/** Where a value of an arena lies; a slice lies nowhere yet. */
double* Worker::place(Index value) const {
  const Value& what = plan_.program().values[value];
  return what.space == Space::uniform ? uniform_ + what.offset
         : what.space == Space::lane  ? tile_.data() + what.offset
                                      : nullptr;
}

void Worker::begin(const Job& job) {
  for (const auto& [input, placement] : plan_.placedInputs()) {
    double* data = const_cast<double*>(job.request.inputs[input]);
    for (const auto& [value, offset] : placement) table_[value] = data + offset;
  }
  frame_.control = job.request.control;
  frame_.aborted = false;
}

/** All lanes count, until something masks them. */
void Worker::enter(int64_t lanes) {
  frame_.lanes = lanes;
  frame_.active = {masks_.data(), lanes};
  frame_.masks = masks_.data() + lanes;
  std::fill_n(masks_.begin(), lanes, ~uint64_t{0});
}

bool Worker::runUniform(size_t stage) {
  enter(1);
  onestep::run(plan_.stages()[stage].block, frame_);
  return !frame_.aborted;
}

bool Worker::runInstances(Job& job, size_t stage, Statistics& statistics) {
  enter(plan_.program().lanes);
  if (frame_.lanes == 1) return runOneByOne(job, stage, statistics);
  return plan_.stages()[stage].kind == Stage::Kind::loop ? runLoop(job, stage, statistics)
                                                         : runStraight(job, stage, statistics);
}

bool Worker::runStraight(Job& job, size_t stage, Statistics& statistics) {
  const StagePlan& plan = plan_.stages()[stage];
  while (!frame_.poll()) {
    if (!fill(job, stage)) return true;
    for (const Load& load : plan.loads) loadTile(job, load);
    onestep::run(plan.block, frame_);
    if (frame_.aborted) return false;
    for (const Store& store : plan.stores) storeTile(job, store);
    for (const int64_t instance : lanes_) {
      if (instance >= 0) finish(job, stage, instance, statistics);
    }
  }
  return false;
}

bool Worker::runLoop(Job& job, size_t stage, Statistics& statistics) {
  const StagePlan& plan = plan_.stages()[stage];
  if (!fill(job, stage)) return true;
  for (const Load& load : plan.loads) loadTile(job, load);
  Mask& occupied = frame_.active;
  for (size_t t = 0; t < lanes_.size(); ++t) {
    if (lanes_[t] < 0) leave(occupied, t);
  }
  while (!frame_.poll()) {
    onestep::run(plan.condition, frame_);
    if (frame_.aborted) return false;
    const double* predicates = frame_[plan.predicate];
    bool refilled = false;
    for (size_t t = 0; t < lanes_.size(); ++t) {
      if (lanes_[t] < 0 || truth(predicates[t])) continue;
      for (const Store& store : plan.stores) storeLane(job, store, t);
      finish(job, stage, lanes_[t], statistics);
      lanes_[t] = job.take(stage);
      if (lanes_[t] < 0) {
        leave(occupied, t);
      } else {
        for (const Load& load : plan.loads) loadLane(job, load, t);
        refilled = true;
      }
    }
    if (occupied.count == 0) return true;
    // A new instance may have nothing to do: its condition comes before its body.
    if (refilled) continue;
    onestep::run(plan.block, frame_);
    assign(plan.carries, frame_);
    statistics.laneSlots += frame_.lanes;
    statistics.iterations += occupied.count;
  }
  return false;
}

bool Worker::runOneByOne(Job& job, size_t stage, Statistics& statistics) {
  const StagePlan& plan = plan_.stages()[stage];
  bool ended = false;
  while (!frame_.poll()) {
    lanes_[0] = job.take(stage);
    ended = lanes_[0] < 0;
    if (ended) break;
    redirect(job, plan);
    for (const Load& load : plan.loads) loadLane(job, load, 0);
    if (plan.kind == Stage::Kind::loop) {
      iterate(plan, statistics);
    } else {
      onestep::run(plan.block, frame_);
    }
    if (frame_.aborted) break;
    for (const Store& store : plan.stores) storeLane(job, store, 0);
    finish(job, stage, lanes_[0], statistics);
  }
  restore(plan);
  return ended;
}

/** The loop of one instance. */
void Worker::iterate(const StagePlan& plan, Statistics& statistics) {
  while (!frame_.poll()) {
    onestep::run(plan.condition, frame_);
    if (frame_.aborted || !truth(*frame_[plan.predicate])) return;
    onestep::run(plan.block, frame_);
    assign(plan.carries, frame_);
    ++statistics.laneSlots;
    ++statistics.iterations;
  }
}

/** Puts waiting instances into all lanes, as far as there are any; returns whether there was one. */
bool Worker::fill(Job& job, size_t stage) {
  bool waiting = true;
  for (int64_t& instance : lanes_) {
    instance = waiting ? job.take(stage) : -1;
    waiting = instance >= 0;
  }
  return lanes_[0] >= 0;
}

void Worker::leave(Mask& mask, size_t lane) {
  mask.words[lane] = 0;
  --mask.count;
}

void Worker::redirect(const Job& job, const StagePlan& plan) {
  const auto point = [&](double* data, const Placement& placement) {
    for (const auto& [value, offset] : placement) table_[value] = data + offset;
  };
  for (const auto& [load, placement] : plan.loadedInPlace) {
    point(load.fromSlot ? instanceOf(job, load.source) : table_[load.source], placement);
  }
  for (const auto& [slot, placement] : plan.storedInPlace) point(instanceOf(job, slot), placement);
}

void Worker::restore(const StagePlan& plan) {
  const auto back = [&](const Placement& placement) {
    for (const auto& [value, _] : placement) table_[value] = place(value);
  };
  for (const auto& [_, placement] : plan.loadedInPlace) back(placement);
  for (const auto& [_, placement] : plan.storedInPlace) back(placement);
}

/** Where a slot holds the instance of a lane. */
double* Worker::instanceOf(const Job& job, Index slot, size_t lane) const {
  const auto [data, first] = job.array(slot);
  return data + (lanes_[lane] - first) * plan_.program().slots[slot].size;
}

/** The instances of the lanes as a slot counts them; −1, or what lane 0 holds, stands for none. */
const int64_t* Worker::numbers(int64_t first, bool padded) {
  for (size_t t = 0; t < lanes_.size(); ++t) {
    const int64_t instance = lanes_[t] < 0 && padded ? lanes_[0] : lanes_[t];
    numbers_[t] = instance < 0 ? -1 : instance - first;
  }
  return numbers_.data();
}

void Worker::loadTile(const Job& job, const Load& load) {
  const int64_t size = plan_.program().values[load.value].size;
  if (!load.fromSlot) {
    const auto lanes = static_cast<size_t>(frame_.lanes);
    return repeatEach(frame_[load.value], frame_[load.source], lanes, 0, static_cast<size_t>(size) * lanes);
  }
  const auto [data, first] = job.array(load.source);
  onestep::loadTile(frame_[load.value], data, size, frame_.lanes, numbers(first, true));
}

void Worker::storeTile(const Job& job, const Store& store) {
  const auto [data, first] = job.array(store.slot);
  const int64_t size = plan_.program().values[store.value].size;
  onestep::storeTile(data, frame_[store.value], size, frame_.lanes, numbers(first, false));
}

void Worker::loadLane(const Job& job, const Load& load, size_t lane) {
  const double* from = load.fromSlot ? instanceOf(job, load.source, lane) : frame_[load.source];
  onestep::loadLane(frame_[load.value], from, plan_.program().values[load.value].size, frame_.lanes,
                    static_cast<int64_t>(lane));
}

void Worker::storeLane(const Job& job, const Store& store, size_t lane) {
  onestep::storeLane(instanceOf(job, store.slot, lane), frame_[store.value],
                     plan_.program().values[store.value].size, frame_.lanes, static_cast<int64_t>(lane));
}

void Worker::finish(Job& job, size_t stage, int64_t instance, Statistics& statistics) {
  if (static_cast<int64_t>(stage) != plan_.lastLaneStage()) return;
  job.finish(instance);
  ++statistics.finished;
}

}  // namespace onestep
