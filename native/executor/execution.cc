#include "executor/execution.h"

namespace onestep {
namespace {

int64_t doublesFor(int64_t bytes) { return (bytes + 7) / static_cast<int64_t>(sizeof(double)); }

}  // namespace

Execution::Execution(std::shared_ptr<const Plan> plan, const std::vector<const double*>& constants)
    : plan_(std::move(plan)),
      uniform_(doublesFor(UniformArena::bytes(*plan_))),
      worker_(*plan_, constants),
      job_(*plan_) {}

Statistics Execution::run(int64_t batch, int64_t chunkBytes, Poll stop) {
  const JobShape shape{
      .batch = batch, .positions = JobBlock::positionsFor(*plan_, batch, 1, chunkBytes), .seats = 1};
  block_.require(doublesFor(JobBlock::bytes(*plan_, shape)));
  JobBlock block = JobBlock::open(*plan_, shape, block_.data());
  UniformArena uniform(uniform_.data());
  // Without uniform inputs the uniform stages give the same in every run.
  if (!plan_->program().uniformInputs.empty()) uniform.reset();
  job_.enter(block, uniform, {}, stop);
  worker_.takePart(job_);
  const Seat& seat = block.seat(0);
  return {.finished = seat.finished, .laneSlots = seat.laneSlots, .iterations = seat.iterations};
}

Outcome Execution::join(const JobBlock& block, UniformArena uniform, const Turn& turn) {
  job_.enter(block, uniform, turn, Poll(block.signal()));
  return worker_.takePart(job_);
}

int64_t Execution::bytes() const {
  const Program& program = plan_->program();
  return (program.laneArena + uniform_.size() + plan_->scratchSize() + block_.size()) *
         static_cast<int64_t>(sizeof(double));
}

}  // namespace onestep
