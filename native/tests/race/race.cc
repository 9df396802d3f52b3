// onestep_race FOLDER [ROUNDS]: jobs that many threads share, from the files of a folder, so many rounds of
// each. Exit status 1 when an expectation failed.
#include "tests/race/race.h"

#include <chrono>
#include <cstdlib>
#include <exception>

#include "base/blas.h"

namespace {

using onestep::tests::Check;

/** Runs a suite and prints its line; returns how many expectations failed. */
template <class Suite>
long timed(const char* name, Suite suite) {
  Check check;
  const auto start = std::chrono::steady_clock::now();
  suite(check);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  std::printf("%-7s %-22s %8ld expectations, %ld failed, %.2f s\n", "race", name, check.expectations,
              check.failures, elapsed.count());
  std::fflush(stdout);
  return check.failures;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace onestep::tests;
  if (argc < 2) {
    std::fprintf(
        stderr,
        "onestep_race FOLDER [ROUNDS]: the folder is one that test/native/race.test.ts has written\n");
    return 2;
  }
  openblas_set_num_threads(1);
  const int64_t rounds = argc > 2 ? std::atoll(argv[2]) : 20;
  long failures = timed("ring", [&](Check& check) { raceRing(check, rounds); });
  Seen seen;
  try {
    for (const Case& c : readCases(argv[1])) {
      failures += timed(c.name.c_str(), [&](Check& check) { raceJob(check, c, rounds, seen); });
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
  failures += timed("all of it happened", [&](Check& check) {
    check.expect(seen.gaveWay > 0, "no thread gave way");
    check.expect(seen.putBack > 0, "no thread died with instances in its hands");
    check.expect(seen.crashed > 0, "no instance lost its thread twice");
    check.expect(seen.cut > 0, "no job was ended in the middle");
  });
  std::printf("threads gave way %ld times; %ld instances were put back, %ld crashed; %ld jobs were ended\n",
              static_cast<long>(seen.gaveWay), static_cast<long>(seen.putBack),
              static_cast<long>(seen.crashed), static_cast<long>(seen.cut));
  return failures == 0 ? 0 : 1;
}
