#include "executor/control.h"

#include <algorithm>
#include <cmath>

#include "executor/masks.h"

namespace onestep {

void assign(const std::vector<Assignment>& assignments, const Frame& frame) {
  for (const auto& [to, from, size] : assignments) {
    assign(frame[to], frame[from], size, frame.lanes, frame.active);
  }
}

void WhileCommand::run(Frame& frame) const {
  const Mask outside = frame.active;
  while (!frame.poll()) {
    onestep::run(condition, frame);
    const double* predicates = frame[predicate];
    frame.active =
        narrow(frame.mask(mask), frame.active, frame.lanes, [&](int64_t t) { return truth(predicates[t]); });
    if (frame.active.count == 0) break;
    onestep::run(body, frame);
    assign(carries, frame);
  }
  frame.active = outside;
}

void ScanCommand::run(Frame& frame) const {
  int64_t steps = length;
  if (count) {
    // Steps from the largest count on have no lane.
    double largest = 0;
    for (int64_t t = 0; t < frame.lanes; ++t) {
      if (frame.active.words[t] != 0) largest = std::fmax(largest, frame[*count][t]);
    }
    if (largest < static_cast<double>(length)) steps = static_cast<int64_t>(std::ceil(largest));
    for (const auto& [to, _, size] : stacks) std::fill_n(frame[to], length * size * frame.lanes, 0.0);
  }
  const Mask outside = frame.active;
  for (int64_t done = 0; done < steps && !frame.poll(); ++done) {
    const int64_t i = reverse ? steps - 1 - done : done;
    if (count) {
      const double* counts = frame[*count];
      frame.active = narrow(frame.mask(mask), outside, frame.lanes,
                            [&](int64_t t) { return static_cast<double>(i) < counts[t]; });
    }
    step(frame, i);
  }
  frame.active = outside;
}

void ScanCommand::step(Frame& frame, int64_t i) const {
  for (const auto& [sequence, slice, stride] : cuts) frame.table[slice] = frame[sequence] + i * stride;
  onestep::run(body, frame);
  for (const auto& [to, from, size] : stacks) {
    assign(frame[to] + i * size * frame.lanes, frame[from], size, frame.lanes, frame.active);
  }
  assign(carries, frame);
}

void CondCommand::run(Frame& frame) const {
  const Mask outside = frame.active;
  const double* predicates = frame[predicate];
  const auto branch = [&](const Commands& commands, const std::vector<Assignment>& outputs, bool taken) {
    frame.active = narrow(frame.mask(mask), outside, frame.lanes,
                          [&](int64_t t) { return truth(predicates[t]) == taken; });
    if (frame.active.count == 0) return;
    onestep::run(commands, frame);
    assign(outputs, frame);
  };
  branch(then, thenOutputs, true);
  branch(otherwise, otherwiseOutputs, false);
  frame.active = outside;
}

}  // namespace onestep
