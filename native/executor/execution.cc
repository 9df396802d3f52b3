#include "executor/execution.h"

#include <algorithm>
#include <cstring>

namespace onestep {

Execution::Execution(std::shared_ptr<const Plan> plan, const std::vector<const double*>& constants)
    : plan_(std::move(plan)),
      uniform_(plan_->program().uniformArena),
      worker_(*plan_, constants, uniform_.data()),
      job_(*plan_) {}

Statistics Execution::run() {
  Statistics statistics;
  worker_.begin(job_);
  if (!runUniformStages()) return statistics;
  const Request& request = job_.request;
  const Program& program = plan_->program();
  for (const auto& [output, value] : program.uniformOutputs) {
    const auto doubles = static_cast<size_t>(program.values[value].size);
    std::memcpy(request.outputs[output], worker_.at(value), doubles * sizeof(double));
  }
  if (plan_->lastLaneStage() < 0) {
    for (int64_t i = 0; i < request.batch; ++i) {
      if (!job_.finished(i)) job_.finish(i), ++statistics.finished;
    }
    return statistics;
  }
  int64_t chunk = request.batch;
  if (plan_->internalSize() > 0) {
    const auto bytes = plan_->internalSize() * static_cast<int64_t>(sizeof(double));
    const int64_t tiles = request.chunkBytes / bytes / program.lanes;
    chunk = std::min(chunk, std::max<int64_t>(tiles, 1) * program.lanes);
  }
  for (int64_t begin = 0; begin < request.batch; begin += chunk) {
    if (!runChunk(begin, std::min(begin + chunk, request.batch), statistics)) break;
  }
  return statistics;
}

bool Execution::runUniformStages() {
  if (uniformReady_) return true;
  for (const auto& [input, value] : plan_->copiedInputs()) {
    const auto doubles = static_cast<size_t>(plan_->program().values[value].size);
    std::memcpy(worker_.at(value), job_.request.inputs[input], doubles * sizeof(double));
  }
  for (size_t stage = 0; stage < plan_->stages().size(); ++stage) {
    if (plan_->stages()[stage].kind == Stage::Kind::uniform && !worker_.runUniform(stage)) return false;
  }
  uniformReady_ = plan_->program().uniformInputs.empty();
  return true;
}

bool Execution::runChunk(int64_t begin, int64_t end, Statistics& statistics) {
  internal_.require(plan_->internalSize() * (end - begin));
  job_.openChunk(begin, end, internal_.data());
  for (size_t stage = 0; stage < plan_->stages().size(); ++stage) {
    if (plan_->stages()[stage].kind == Stage::Kind::uniform) continue;
    if (!worker_.runInstances(job_, stage, statistics)) return false;
  }
  return true;
}

int64_t Execution::bytes() const {
  const Program& program = plan_->program();
  return (program.laneArena + program.uniformArena + plan_->scratchSize() + internal_.size()) *
         static_cast<int64_t>(sizeof(double));
}

}  // namespace onestep
