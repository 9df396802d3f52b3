// The kernel tests, stand-alone: every kernel against a plain reference, on every processor target that this
// machine can run. Exit status 1 when an expectation failed.

#include <chrono>
#include <cstring>

#include "base/blas.h"
#include "kernels/targets.h"
#include "tests/check.h"

int main(int argc, char** argv) {
  using namespace onestep::tests;
  openblas_set_num_threads(1);
  const std::pair<const char*, void (*)(Check&)> suites[] = {{"elementwise", testElementwise},
                                                             {"reduce", testReduce},
                                                             {"matmul", testMatmul},
                                                             {"gram", testGram},
                                                             {"factorizations", testFactorizations},
                                                             {"movement", testMovement},
                                                             {"panels", testPanels}};
  long failures = 0;
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(target);
    for (const auto& [name, suite] : suites) {
      if (argc > 1 && std::strcmp(argv[1], name) != 0) continue;
      Check check;
      const auto start = std::chrono::steady_clock::now();
      suite(check);
      const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
      std::printf("%-7s %-15s %8ld expectations, %ld failed, %.2f s\n", hwy::TargetName(target), name,
                  check.expectations, check.failures, elapsed.count());
      failures += check.failures;
    }
  }
  return failures == 0 ? 0 : 1;
}
