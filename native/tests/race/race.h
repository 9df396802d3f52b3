// What the race tests share. They are a program of their own, so that ThreadSanitizer can watch the executor
// without Node.
#pragma once

#include "tests/race/case.h"

namespace onestep::tests {

/** How often what rounds are for has happened. */
struct Seen {
  int64_t rounds = 0;
  int64_t gaveWay = 0;
  int64_t putBack = 0;
  int64_t crashed = 0;
  /** Rounds that were ended in the middle. */
  int64_t cut = 0;
};

void raceRing(Check& check, int64_t rounds);
/** Runs a case as one job of several threads, again and again, and disturbs it in every way that a pool can.
 */
void raceJob(Check& check, const Case& c, int64_t rounds, Seen& seen);

}  // namespace onestep::tests
