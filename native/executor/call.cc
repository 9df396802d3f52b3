#include "executor/call.h"

namespace onestep {

std::string format(const Shape& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text.append(i == 0 ? "" : ", ").append(std::to_string(shape[i]));
  return text.append("]");
}

void Call::arity(size_t inputs, size_t outputs) const {
  if (inputs == this->inputs() && outputs == this->outputs()) return;
  refuse("operands of " + name(),
         std::to_string(inputs) + " inputs and " + std::to_string(outputs) + " outputs",
         std::to_string(this->inputs()) + " and " + std::to_string(this->outputs()));
}

void Call::require(bool holds, std::string_view expected) const {
  if (holds) return;
  std::string shapes;
  for (const Index value : instruction_.inputs)
    shapes.append(format(program_.values[value].shape)).append(" ");
  shapes.append("→");
  for (const Index value : instruction_.outputs)
    shapes.append(" ").append(format(program_.values[value].shape));
  refuse("operands of " + name(), std::string(expected), shapes);
}

}  // namespace onestep
