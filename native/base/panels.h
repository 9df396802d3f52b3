// Long work in panels: the one loop by which a kernel asks, now and then, whether to stop.
//
// What a panel is follows from the shapes alone, never from the time it takes, so that bits can be repeated.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/poll.h"

namespace onestep {

/** Arithmetic that one call of BLAS or LAPACK may do: some milliseconds, 20 on a slow core. */
inline constexpr int64_t kPanelFlops = 250'000'000;

/** Numbers that memory-bound work may read or write between two questions: 8 MiB. */
inline constexpr int64_t kPanelNumbers = int64_t{1} << 20;

/**
 * The beginnings 0, step, 2·step, … below `total`, for a range-for that ends early once the job is aborted.
 * It asks between two panels, never before the first, and, where a step is small, only after steps that touch
 * kPanelNumbers together: `numbers` are those of one step. Loops may be nested; what a kernel does between
 * two of them may be as long as one panel.
 */
class Panels {
 public:
  class Iterator {
   public:
    explicit Iterator(const Panels& of) : of_(of) {}
    int64_t operator*() const { return at_; }
    bool operator!=(int64_t end) const { return at_ < end; }
    void operator++() {
      at_ += of_.step_;
      left_ -= of_.numbers_;
      if (left_ > 0) return;
      left_ = kPanelNumbers;
      if (at_ < of_.total_ && of_.stop_.aborted()) at_ = of_.total_;
    }

   private:
    const Panels& of_;
    int64_t at_ = 0;
    int64_t left_ = kPanelNumbers;
  };

  Panels(int64_t total, int64_t step, Poll stop, int64_t numbers = kPanelNumbers)
      : total_(total), step_(step), numbers_(numbers), stop_(stop) {}
  Iterator begin() const { return Iterator(*this); }
  int64_t end() const { return total_; }

 private:
  int64_t total_, step_, numbers_;
  Poll stop_;
};

/** How many things of so much work each make a panel of `size`: one at least. */
constexpr int64_t inPanel(int64_t size, int64_t work) {
  return std::max<int64_t>(size / std::max<int64_t>(work, 1), 1);
}

}  // namespace onestep
