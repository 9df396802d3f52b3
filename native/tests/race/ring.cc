// The ring of the executor between many threads: no number is lost, none comes out twice, and who takes one
// sees what those who had it before have written.
#include "executor/ring.h"

#include <array>
#include <thread>

#include "tests/race/race.h"

namespace onestep::tests {
namespace {

/** A ring in memory of its own, as it is after very many numbers have gone through it. */
class OwnRing {
 public:
  OwnRing(uint32_t numbers, uint32_t held, uint32_t begin)
      : cells_(Ring::capacityFor(numbers)), ring_(&ends_, cells_.data(), capacity()) {
    ring_.fill(held);
    // As many whole rounds as there are before `begin`.
    const uint32_t past = begin / capacity() * capacity();
    ends_.head += past;
    ends_.tail += past;
    for (Ring::Cell& cell : cells_) cell.turn += past;
  }
  Ring& operator*() { return ring_; }

 private:
  uint32_t capacity() const { return static_cast<uint32_t>(cells_.size()); }
  Ring::Ends ends_{};
  std::vector<Ring::Cell> cells_;
  Ring ring_;
};

/** Threads take numbers out of one of two rings and put them into the other one, each number in the hands of
 * one. */
void pass(Check& check, uint32_t numbers, int threads, int64_t moves, uint32_t begin) {
  std::array<OwnRing, 2> rings{OwnRing(numbers, numbers, begin), OwnRing(numbers, 0, begin)};
  // Written without atomic operations, by whoever holds the number.
  std::vector<int64_t> moved(numbers, 0);
  std::vector<int64_t> done(static_cast<size_t>(threads), 0);
  std::vector<std::thread> crew;
  for (int k = 0; k < threads; ++k) {
    crew.emplace_back([&, k] {
      Random random(static_cast<uint64_t>(k) + numbers);
      for (int64_t tries = 0; tries < moves; ++tries) {
        const auto from = static_cast<size_t>(random.below(2));
        uint32_t number = 0;
        if (!(*rings[from]).pop(number)) continue;
        ++moved[number];
        ++done[static_cast<size_t>(k)];
        (*rings[1 - from]).push(number);
      }
    });
  }
  for (std::thread& thread : crew) thread.join();

  std::vector<int> found(numbers, 0);
  int64_t left = 0;
  for (OwnRing& ring : rings) {
    for (uint32_t number = 0; (*ring).pop(number); ++left) {
      if (number < numbers) ++found[number];
    }
    check.expect((*ring).empty(), "a ring of %u numbers that gave all is not empty", numbers);
  }
  bool once = left == numbers;
  int64_t total = 0, expected = 0;
  for (uint32_t i = 0; i < numbers; ++i) once = once && found[i] == 1;
  for (const int64_t count : moved) total += count;
  for (const int64_t count : done) expected += count;
  check.expect(once, "of %u numbers that %d threads passed on, %ld are left, or not each once", numbers,
               threads, static_cast<long>(left));
  check.expect(total == expected && total > 0, "%ld moves of %u numbers have left %ld traces",
               static_cast<long>(expected), numbers, static_cast<long>(total));
}

}  // namespace

void raceRing(Check& check, int64_t rounds) {
  for (const uint32_t numbers : {1u, 2u, 3u, 8u, 100u}) {
    for (const int threads : {2, 4, 8}) {
      // Turns that run over the largest word.
      for (const uint32_t begin : {0u, ~0u - 200u}) pass(check, numbers, threads, 50 * rounds, begin);
    }
  }
}

}  // namespace onestep::tests
