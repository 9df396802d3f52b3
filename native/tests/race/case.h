// A batch to run, as a file: a Program, its constants, the inputs, and the outputs that it must give.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "executor/plan.h"
#include "tests/check.h"

namespace onestep::tests {

struct Case {
  std::string name;
  std::shared_ptr<const Plan> plan;
  int64_t batch;
  /** The output whose values are counted, or −1. */
  int64_t tallied;
  std::vector<Values> constants;
  std::vector<Values> inputs;
  std::vector<Values> outputs;
};

/**
 * The files of a folder, in the order of their names. A file is in words of 8 bytes: batch, tallied, the
 * length of the Program in bytes, the Program, zeros up to a whole word; then constants, inputs and outputs,
 * each as the number of arrays, and for each array its length and its doubles.
 * @throws Error ERR_ARGUMENT when a file ends too early
 */
std::vector<Case> readCases(const std::string& folder);

}  // namespace onestep::tests
