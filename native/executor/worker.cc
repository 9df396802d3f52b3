#include "executor/worker.h"

#include <cstring>
#include <thread>

#include "executor/masks.h"
#include "kernels/elementwise.h"
#include "kernels/movement.h"

namespace onestep {

Worker::Worker(const Plan& plan, const std::vector<const double*>& constants)
    : plan_(plan),
      tile_(plan.program().laneArena),
      scratch_(plan.scratchSize()),
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
  return what.space == Space::uniform ? (uniform_ == nullptr ? nullptr : uniform_ + what.offset)
         : what.space == Space::lane  ? tile_.data() + what.offset
                                      : nullptr;
}

/** All lanes count, until something masks them. */
void Worker::enter(int64_t lanes) {
  frame_.lanes = lanes;
  frame_.active = {masks_.data(), lanes};
  frame_.masks = masks_.data() + lanes;
  std::fill_n(masks_.begin(), lanes, ~uint64_t{0});
}

Outcome Worker::takePart(Job& job) {
  Outcome outcome = begin(job);
  if (outcome != Outcome::idle) return outcome;
  if (job.block().claimUniformOutputs()) {
    for (const auto& [output, value] : plan_.program().uniformOutputs) {
      const auto doubles = static_cast<size_t>(plan_.program().values[value].size);
      std::memcpy(job.request.outputs[output], frame_[value], doubles * sizeof(double));
    }
  }
  const auto stages = static_cast<int64_t>(plan_.laneStages().size());
  if (stages == 0) job.finishAll();
  // Through the stages in a circle, each as long as something waits there, until a whole round found nothing.
  enter(plan_.program().lanes);
  int64_t stage = job.block().stageToBeginWith();
  for (int64_t idle = 0; idle < stages; stage = (stage + 1) % stages) {
    bool took = false;
    outcome = runStage(job, stage, took);
    if (outcome != Outcome::idle) return outcome;
    idle = took ? 0 : idle + 1;
  }
  return Outcome::idle;
}

/**
 * Whether a loop has been run for a slice of time while enough waits behind it: what has left the loop is to
 * be finished, even where the loop goes on for hours. A later loop must be worth the lanes that run empty at
 * its end.
 */
bool Worker::othersWait(const Job& job, int64_t stage, bool dry) const {
  constexpr int64_t kClockEvery = 16;
  constexpr int64_t kTilesForLoop = 16;
  if (iterations_ % kClockEvery != 0) return false;
  const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - entered_;
  if (elapsed.count() < job.sliceMilliseconds()) return false;
  const auto stages = static_cast<int64_t>(plan_.laneStages().size());
  for (int64_t later = stage + 1; later < stages; ++later) {
    const bool loop = plan_.laneStage(later).kind == Stage::Kind::loop;
    const int64_t enough = dry ? 1 : (loop ? kTilesForLoop : 1) * plan_.program().lanes;
    if (job.block().waitingFor(later) >= enough) return true;
  }
  return false;
}

/** Points at what the job has, and sees to it that uniform values are there. */
Outcome Worker::begin(Job& job) {
  frame_.stop = job.stop();
  frame_.aborted = false;
  if (uniform_ != job.uniform().data()) {
    uniform_ = job.uniform().data();
    const auto& values = plan_.program().values;
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i].space == Space::uniform) table_[i] = place(static_cast<Index>(i));
    }
  }
  for (const auto& [input, placement] : plan_.placedInputs()) {
    double* data = const_cast<double*>(job.request.inputs[input]);
    for (const auto& [value, offset] : placement) table_[value] = data + offset;
  }
  // Where another thread computes the uniform values there is nothing else to do.
  for (std::chrono::microseconds pause{10}; !job.uniform().done();) {
    if (job.uniform().claim(job.owner())) return runUniform(job);
    job.waits();
    const Outcome outcome = job.check();
    if (outcome != Outcome::idle) return outcome;
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, std::chrono::microseconds{1000});
  }
  return Outcome::idle;
}

Outcome Worker::runUniform(Job& job) {
  enter(1);
  for (const auto& [input, value] : plan_.copiedInputs()) {
    const auto doubles = static_cast<size_t>(plan_.program().values[value].size);
    std::memcpy(frame_[value], job.request.inputs[input], doubles * sizeof(double));
  }
  for (const StagePlan& stage : plan_.stages()) {
    if (stage.kind == Stage::Kind::uniform) onestep::run(stage.block, frame_);
    if (frame_.poll()) break;
  }
  job.uniform().finish(!frame_.aborted);
  return frame_.aborted ? Outcome::aborted : Outcome::idle;
}

Outcome Worker::runStage(Job& job, int64_t stage, bool& took) {
  entered_ = std::chrono::steady_clock::now();
  iterations_ = 0;
  if (frame_.lanes == 1) return runOneByOne(job, stage, took);
  const auto kind = plan_.laneStage(stage).kind;
  return kind == Stage::Kind::loop ? runLoop(job, stage, took) : runStraight(job, stage, took);
}

Outcome Worker::runStraight(Job& job, int64_t stage, bool& took) {
  const StagePlan& plan = plan_.laneStage(stage);
  for (;;) {
    Outcome outcome = job.check();
    if (outcome != Outcome::idle || !fill(job, stage)) return outcome;
    took = true;
    for (const Load& load : plan.loads) loadTile(job, load);
    onestep::run(plan.block, frame_);
    if (frame_.poll()) return Outcome::aborted;
    for (const Store& store : plan.stores) storeTile(job, store);
    for (const int64_t position : lanes_) {
      if (position >= 0) job.leave(stage, position);
    }
  }
}

Outcome Worker::runLoop(Job& job, int64_t stage, bool& took) {
  const StagePlan& plan = plan_.laneStage(stage);
  if (!fill(job, stage)) return Outcome::idle;
  took = true;
  for (const Load& load : plan.loads) loadTile(job, load);
  Mask& occupied = frame_.active;
  for (size_t t = 0; t < lanes_.size(); ++t) {
    if (lanes_[t] >= 0) {
      unpark(job, plan, t);
    } else {
      empty(occupied, t);
    }
  }
  const Outcome outcome = runTile(job, stage);
  job.block().stopReceiving(stage, job.owner());
  enter(plan_.program().lanes);
  return outcome;
}

/** The loop over a tile, until all lanes are empty. */
Outcome Worker::runTile(Job& job, int64_t stage) {
  const StagePlan& plan = plan_.laneStage(stage);
  Mask& occupied = frame_.active;
  bool receiving = false;
  while (occupied.count > 0) {
    const Outcome outcome = job.check();
    if (outcome != Outcome::idle && !(outcome == Outcome::gaveWay && !park(job, stage))) return outcome;
    onestep::run(plan.condition, frame_);
    if (frame_.poll()) return Outcome::aborted;
    const double* predicates = frame_[plan.predicate];
    bool refilled = false;
    // Nothing waits for the stage, as far as this iteration has seen.
    bool dry = false;
    for (size_t t = 0; t < lanes_.size(); ++t) {
      if (lanes_[t] >= 0) {
        if (truth(predicates[t])) continue;
        for (const Store& store : plan.stores) storeLane(job, store, t);
        job.leave(stage, lanes_[t]);
        empty(occupied, t);
      }
      if (dry) continue;
      const int64_t position = job.take(stage);
      dry = position < 0;
      if (dry) continue;
      occupy(occupied, t, position);
      for (const Load& load : plan.loads) loadLane(job, load, t);
      unpark(job, plan, t);
      refilled = true;
    }
    // A new instance may have nothing to do: its condition comes before its body.
    if (refilled || occupied.count == 0) continue;
    if (dry && !job.block().keeps(stage, job.owner(), occupied.count, frame_.lanes) && park(job, stage)) {
      return Outcome::idle;
    }
    ++iterations_;
    if (othersWait(job, stage, dry) && park(job, stage)) return Outcome::idle;
    if (receiving && !dry) job.block().stopReceiving(stage, job.owner());
    receiving = dry;
    onestep::run(plan.block, frame_);
    if (frame_.poll()) return Outcome::aborted;
    assign(plan.carries, frame_);
    job.iterated(frame_.lanes, occupied.count);
  }
  return Outcome::idle;
}

Outcome Worker::runOneByOne(Job& job, int64_t stage, bool& took) {
  const StagePlan& plan = plan_.laneStage(stage);
  Outcome outcome = Outcome::idle;
  for (;;) {
    outcome = job.check();
    if (outcome != Outcome::idle || !fill(job, stage)) break;
    took = true;
    redirect(job, plan);
    for (const Load& load : plan.loads) loadLane(job, load, 0);
    if (plan.kind == Stage::Kind::loop) {
      unpark(job, plan, 0);
      outcome = iterate(job, stage);
      if (lanes_[0] < 0) break;
    } else {
      onestep::run(plan.block, frame_);
      if (frame_.poll()) outcome = Outcome::aborted;
    }
    if (outcome != Outcome::idle) break;
    for (const Store& store : plan.stores) storeLane(job, store, 0);
    job.leave(stage, lanes_[0]);
  }
  if (took) restore(plan);
  return outcome;
}

/** The loop of one instance; its lane is empty afterwards when it was put aside. */
Outcome Worker::iterate(Job& job, int64_t stage) {
  const StagePlan& plan = plan_.laneStage(stage);
  for (;;) {
    Outcome outcome = job.check();
    if (outcome == Outcome::gaveWay && !park(job, stage)) outcome = Outcome::idle;
    if (outcome != Outcome::idle) return outcome;
    onestep::run(plan.condition, frame_);
    if (frame_.poll()) return Outcome::aborted;
    if (!truth(*frame_[plan.predicate])) return Outcome::idle;
    ++iterations_;
    if (othersWait(job, stage, true) && park(job, stage)) return Outcome::idle;
    onestep::run(plan.block, frame_);
    if (frame_.poll()) return Outcome::aborted;
    assign(plan.carries, frame_);
    job.iterated(1, 1);
  }
}

/** Puts waiting instances into all lanes, as far as there are any; returns whether there was one. */
bool Worker::fill(Job& job, int64_t stage) {
  bool waiting = true;
  for (int64_t& position : lanes_) {
    position = waiting ? job.take(stage) : -1;
    waiting = position >= 0;
  }
  return lanes_[0] >= 0;
}

void Worker::empty(Mask& occupied, size_t lane) {
  lanes_[lane] = -1;
  occupied.words[lane] = 0;
  --occupied.count;
}

void Worker::occupy(Mask& occupied, size_t lane, int64_t position) {
  lanes_[lane] = position;
  occupied.words[lane] = ~uint64_t{0};
  ++occupied.count;
}

/** Puts all lanes of a loop stage aside, for any thread to take up again; or none, if there is no room. */
bool Worker::park(Job& job, int64_t stage) {
  const StagePlan& plan = plan_.laneStage(stage);
  std::vector<int64_t> rows;
  for (const int64_t position : lanes_) {
    if (position < 0) continue;
    rows.push_back(job.block().parkingRow());
    if (rows.back() >= 0) continue;
    rows.pop_back();
    for (const int64_t row : rows) job.block().giveBackRow(row);
    return false;
  }
  for (size_t t = lanes_.size(); t-- > 0;) {
    if (lanes_[t] < 0) continue;
    double* to = job.block().parked(rows.back());
    for (const Index value : plan.carried) {
      const int64_t size = plan_.program().values[value].size;
      onestep::storeLane(to, frame_[value], size, frame_.lanes, static_cast<int64_t>(t));
      to += size;
    }
    job.block().park(lanes_[t], job.owner(), stage, rows.back());
    lanes_[t] = -1;
    rows.pop_back();
  }
  return true;
}

/** What a lane took along when it was put aside, if it was. */
void Worker::unpark(Job& job, const StagePlan& plan, size_t lane) {
  const int64_t row = job.block().rowOf(lanes_[lane]);
  if (row < 0) return;
  const double* from = job.block().parked(row);
  for (const Index value : plan.carried) {
    const int64_t size = plan_.program().values[value].size;
    onestep::loadLane(frame_[value], from, size, frame_.lanes, static_cast<int64_t>(lane));
    from += size;
  }
  job.block().clearRow(lanes_[lane]);
  job.block().giveBackRow(row);
}

void Worker::redirect(const Job& job, const StagePlan& plan) {
  const auto point = [&](double* data, const Placement& placement) {
    for (const auto& [value, offset] : placement) table_[value] = data + offset;
  };
  for (const auto& [load, placement] : plan.loadedInPlace) {
    point(load.fromSlot ? slotOf(job, load.source) : table_[load.source], placement);
  }
  for (const auto& [slot, placement] : plan.storedInPlace) point(slotOf(job, slot), placement);
}

void Worker::restore(const StagePlan& plan) {
  const auto back = [&](const Placement& placement) {
    for (const auto& [value, _] : placement) table_[value] = place(value);
  };
  for (const auto& [_, placement] : plan.loadedInPlace) back(placement);
  for (const auto& [_, placement] : plan.storedInPlace) back(placement);
}

/** Where a slot holds the value of a lane. */
double* Worker::slotOf(const Job& job, Index slot, size_t lane) const {
  const auto [data, byPosition] = job.array(slot);
  const int64_t number = byPosition ? lanes_[lane] : job.instance(lanes_[lane]);
  return data + number * plan_.program().slots[slot].size;
}

/** The lanes' numbers in an array; −1, or what lane 0 holds, stands for a lane that idles. */
const int64_t* Worker::numbers(const Job& job, bool byPosition, bool padded) {
  for (size_t t = 0; t < lanes_.size(); ++t) {
    const int64_t position = lanes_[t] < 0 && padded ? lanes_[0] : lanes_[t];
    numbers_[t] = position < 0 || byPosition ? position : job.instance(position);
  }
  return numbers_.data();
}

void Worker::loadTile(const Job& job, const Load& load) {
  const int64_t size = plan_.program().values[load.value].size;
  if (!load.fromSlot) {
    const auto lanes = static_cast<size_t>(frame_.lanes);
    return repeatEach(frame_[load.value], frame_[load.source], lanes, 0, static_cast<size_t>(size) * lanes);
  }
  const auto [data, byPosition] = job.array(load.source);
  onestep::loadTile(frame_[load.value], data, size, frame_.lanes, numbers(job, byPosition, true));
}

void Worker::storeTile(const Job& job, const Store& store) {
  const auto [data, byPosition] = job.array(store.slot);
  const int64_t size = plan_.program().values[store.value].size;
  onestep::storeTile(data, frame_[store.value], size, frame_.lanes, numbers(job, byPosition, false));
}

void Worker::loadLane(const Job& job, const Load& load, size_t lane) {
  const double* from = load.fromSlot ? slotOf(job, load.source, lane) : frame_[load.source];
  onestep::loadLane(frame_[load.value], from, plan_.program().values[load.value].size, frame_.lanes,
                    static_cast<int64_t>(lane));
}

void Worker::storeLane(const Job& job, const Store& store, size_t lane) {
  onestep::storeLane(slotOf(job, store.slot, lane), frame_[store.value],
                     plan_.program().values[store.value].size, frame_.lanes, static_cast<int64_t>(lane));
}

}  // namespace onestep
