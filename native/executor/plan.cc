#include "executor/plan.h"

#include <algorithm>

#include "executor/planner.h"
#include "program/decode.h"
#include "program/extent.h"
#include "program/reader.h"

namespace onestep {
namespace {

bool controls(const Block& block) {
  for (const Instruction& instruction : block) {
    if (!std::holds_alternative<std::monostate>(instruction.control)) return true;
  }
  return false;
}

bool overlapsAnother(const Program& program, const Stage& stage, size_t load) {
  for (size_t i = 0; i < stage.loads.size(); ++i) {
    if (i == load) continue;
    if (extentOf(program, stage.loads[i].value).overlaps(extentOf(program, stage.loads[load].value)))
      return true;
  }
  return false;
}

bool loads(const Stage& stage, Index slot) {
  return std::any_of(stage.loads.begin(), stage.loads.end(),
                     [&](const Load& load) { return load.fromSlot && load.source == slot; });
}

bool stores(const Stage& stage, Index slot) {
  return std::any_of(stage.stores.begin(), stage.stores.end(),
                     [&](const Store& store) { return store.slot == slot; });
}

/** With one lane: which loads and stores of a stage need no copy. */
void place(const Program& program, const Stage& stage, StagePlan& plan) {
  std::vector<Access> list = accesses(stage);
  Access last;
  std::vector<Index> loaded;
  for (const Store& store : stage.stores) last.reads.push_back(store.value);
  list.push_back(last);
  for (size_t i = 0; i < stage.loads.size(); ++i) {
    const Load& load = stage.loads[i];
    loaded.push_back(load.value);
    Placement placement;
    const bool renewed = load.fromSlot && stores(stage, load.source);
    if (!renewed && !overlapsAnother(program, stage, i)) placement = placeLoaded(program, load.value, list);
    if (placement.empty()) {
      plan.loads.push_back(load);
    } else {
      plan.loadedInPlace.push_back({load, std::move(placement)});
    }
  }
  list.pop_back();
  std::vector<Extent> taken;
  for (const Store& store : stage.stores) {
    // Where a loop can be interrupted, an output must not be half written.
    Placement placement;
    const Extent extent = extentOf(program, store.value);
    const bool twice =
        std::any_of(taken.begin(), taken.end(), [&](const Extent& e) { return e.overlaps(extent); });
    const bool wanted =
        stage.kind == Stage::Kind::straight && !controls(stage.block) && extent.begin < extent.end;
    if (wanted && !twice && !loads(stage, store.slot)) {
      placement = placeStored(program, store.value, list, loaded, last.reads);
    }
    if (placement.empty()) {
      plan.stores.push_back(store);
    } else {
      taken.push_back(extent);
      plan.storedInPlace.push_back({store.slot, std::move(placement)});
    }
  }
}

}  // namespace

std::shared_ptr<const Plan> Plan::load(std::span<const uint8_t> bytes) {
  auto plan = std::make_shared<Plan>();
  plan->program_ = decode(bytes);
  plan->planStages();
  plan->placeUniformInputs();
  for (const Slot& slot : plan->program_->slots) {
    plan->internalOffsets_.push_back(plan->internalSize_);
    if (slot.kind == Slot::Kind::internal) plan->internalSize_ += slot.size;
    if (plan->internalSize_ > static_cast<int64_t>(Reader::kMaxSize)) {
      refuse("internal slots", "at most 2^36 doubles an instance", "more");
    }
  }
  return plan;
}

void Plan::planStages() {
  Planner planner(*program_);
  for (const Stage& stage : program_->stages) {
    if (stage.kind != Stage::Kind::uniform) laneStages_.push_back(stages_.size());
    stages_.push_back(planStage(planner, stage));
    int64_t carried = 0;
    for (const Index value : stages_.back().carried) carried += program_->values[value].size;
    parkSize_ = std::max(parkSize_, carried);
  }
  scratchPieces_ = planner.scratch().offsets();
  scratchSize_ = planner.scratch().size();
  maskLevels_ = planner.maskLevels();
}

StagePlan Plan::planStage(Planner& planner, const Stage& stage) const {
  StagePlan plan;
  plan.kind = stage.kind;
  if (stage.kind == Stage::Kind::loop) {
    plan.predicate = stage.loop.predicate;
    plan.condition = planner.block(stage.loop.condition, true);
    plan.block = planner.block(stage.loop.body, true);
    plan.carries = planner.assignments(stage.loop.carries);
    for (const Carry& carry : stage.loop.carries) plan.carried.push_back(carry.carry);
  } else {
    plan.block = planner.block(stage.block, stage.kind == Stage::Kind::straight);
  }
  if (program_->lanes == 1) {
    place(*program_, stage, plan);
  } else {
    plan.loads = stage.loads;
    plan.stores = stage.stores;
  }
  return plan;
}

void Plan::placeUniformInputs() {
  std::vector<Access> list;
  for (const Stage& stage : program_->stages) {
    Access loads;
    for (const Load& load : stage.loads) {
      if (!load.fromSlot) loads.reads.push_back(load.source);
    }
    list.push_back(loads);
    for (Access& access : accesses(stage)) list.push_back(std::move(access));
  }
  Access outputs;
  for (const auto& [_, value] : program_->uniformOutputs) outputs.reads.push_back(value);
  list.push_back(outputs);
  for (const auto& [input, value] : program_->uniformInputs) {
    bool alone = true;
    for (const auto& other : program_->uniformInputs) {
      alone = alone && (other.value == value ||
                        !extentOf(*program_, other.value).overlaps(extentOf(*program_, value)));
    }
    Placement placement;
    if (alone) placement = placeLoaded(*program_, value, list);
    if (placement.empty()) {
      copiedInputs_.push_back({input, value});
    } else {
      placedInputs_.push_back({input, std::move(placement)});
    }
  }
}

}  // namespace onestep
