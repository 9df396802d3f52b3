// A Program made ready to run. It never changes, and all threads may share it.
#pragma once

#include <memory>
#include <span>

#include "executor/control.h"
#include "executor/placement.h"

namespace onestep {

/** A value that lies in a slot, or at another value, instead of in its arena. */
struct Redirection {
  Load load;
  Placement placement;
};
struct StoreRedirection {
  Index slot;
  Placement placement;
};

struct StagePlan {
  Stage::Kind kind;
  /** What is copied. */
  std::vector<Load> loads;
  std::vector<Store> stores;
  /** What need not be; only with one lane. */
  std::vector<Redirection> loadedInPlace;
  std::vector<StoreRedirection> storedInPlace;
  Commands block;
  /** Of a loop stage. */
  Index predicate = 0;
  Commands condition;
  std::vector<Assignment> carries;
  /** All that a lane has to take along when it is put aside between two iterations. */
  std::vector<Index> carried;
};

/** A uniform input that is read where it lies. */
struct InputPlacement {
  Index input;
  Placement placement;
};

class Plan {
 public:
  /** @throws Error ERR_PROGRAM */
  static std::shared_ptr<const Plan> load(std::span<const uint8_t> bytes);

  const Program& program() const { return *program_; }
  const std::vector<StagePlan>& stages() const { return stages_; }
  /** Uniform inputs that are copied into the uniform arena, and those that are not. */
  const std::vector<UniformPort>& copiedInputs() const { return copiedInputs_; }
  const std::vector<InputPlacement>& placedInputs() const { return placedInputs_; }
  const std::vector<int64_t>& scratchPieces() const { return scratchPieces_; }
  int64_t scratchSize() const { return scratchSize_; }
  int maskLevels() const { return maskLevels_; }
  /** Where internal slots begin, in doubles an instance, and all of them together; other slots have no place.
   */
  const std::vector<int64_t>& internalOffsets() const { return internalOffsets_; }
  int64_t internalSize() const { return internalSize_; }
  /** The stages over instances, in the order in which each instance goes through them. */
  const std::vector<size_t>& laneStages() const { return laneStages_; }
  const StagePlan& laneStage(int64_t stage) const { return stages_[laneStages_[static_cast<size_t>(stage)]]; }
  /** Doubles that hold the carries of one lane of any loop stage. */
  int64_t parkSize() const { return parkSize_; }

 private:
  void planStages();
  void placeUniformInputs();
  StagePlan planStage(class Planner& planner, const Stage& stage) const;

  std::shared_ptr<const Program> program_;
  std::vector<StagePlan> stages_;
  std::vector<UniformPort> copiedInputs_;
  std::vector<InputPlacement> placedInputs_;
  std::vector<int64_t> scratchPieces_;
  int64_t scratchSize_ = 0;
  int maskLevels_ = 0;
  std::vector<int64_t> internalOffsets_;
  int64_t internalSize_ = 0;
  std::vector<size_t> laneStages_;
  int64_t parkSize_ = 0;
};

}  // namespace onestep
