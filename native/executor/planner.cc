#include "executor/planner.h"

#include "executor/control.h"
#include "executor/registry.h"

namespace onestep {

Commands Planner::block(const Block& block, bool laneCode) {
  laneCode_ = laneCode;
  level_ = 0;
  return nested(block);
}

Commands Planner::nested(const Block& block) {
  Commands commands;
  for (const Instruction& instruction : block) {
    if (const auto* loop = std::get_if<While>(&instruction.control)) {
      commands.push_back(control(*loop));
    } else if (const auto* scan = std::get_if<Scan>(&instruction.control)) {
      commands.push_back(control(*scan));
    } else if (const auto* cond = std::get_if<Cond>(&instruction.control)) {
      commands.push_back(control(*cond));
    } else if (auto command = leaf(instruction)) {
      commands.push_back(std::move(command));
    }
  }
  return commands;
}

CommandPointer Planner::leaf(const Instruction& instruction) {
  const Maker make = findKernel(instruction.kernel);
  if (make == nullptr)
    refuse("kernel " + std::string(instruction.kernel), "a kernel of this version", "an unknown one");
  auto command = make(Call(program_, instruction, laneCode_ ? program_.lanes : 1, scratch_));
  for (const Index output : instruction.outputs) {
    if (program_.values[output].size != 0) return command;
  }
  return nullptr;  // what has no elements needs no work
}

std::optional<Assignment> Planner::assignment(Index to, Index from) const {
  if (to == from || extentOf(program_, to) == extentOf(program_, from)) return std::nullopt;
  return Assignment{to, from, program_.values[to].size};
}

std::vector<Assignment> Planner::assignments(const std::vector<Carry>& carries) const {
  std::vector<Assignment> list;
  for (const auto& [carry, result] : carries) {
    if (const auto copy = assignment(carry, result)) list.push_back(*copy);
  }
  return list;
}

CommandPointer Planner::control(const While& loop) {
  WhileCommand command;
  command.mask = level_++;
  maskLevels_ = std::max(maskLevels_, level_);
  command.predicate = loop.predicate;
  command.condition = nested(loop.condition);
  command.body = nested(loop.body);
  command.carries = assignments(loop.carries);
  --level_;
  return std::make_unique<const WhileCommand>(std::move(command));
}

CommandPointer Planner::control(const Scan& scan) {
  ScanCommand command;
  command.mask = level_++;
  maskLevels_ = std::max(maskLevels_, level_);
  command.count = scan.count;
  command.length = scan.length;
  command.reverse = scan.reverse;
  for (const auto& [sequence, slice] : scan.sequences) {
    const Value& value = program_.values[slice];
    command.cuts.push_back({sequence, slice, value.size * (value.perLane ? program_.lanes : 1)});
  }
  for (const auto& [stacked, result] : scan.stacks) {
    command.stacks.push_back({stacked, result, program_.values[result].size});
  }
  command.carries = assignments(scan.carries);
  command.body = nested(scan.body);
  --level_;
  return std::make_unique<const ScanCommand>(std::move(command));
}

CommandPointer Planner::control(const Cond& cond) {
  CondCommand command;
  command.mask = level_++;
  maskLevels_ = std::max(maskLevels_, level_);
  command.predicate = cond.predicate;
  command.then = nested(cond.then);
  command.otherwise = nested(cond.otherwise);
  for (const auto& [output, then, otherwise] : cond.choices) {
    if (const auto copy = assignment(output, then)) command.thenOutputs.push_back(*copy);
    if (const auto copy = assignment(output, otherwise)) command.otherwiseOutputs.push_back(*copy);
  }
  --level_;
  return std::make_unique<const CondCommand>(std::move(command));
}

}  // namespace onestep
