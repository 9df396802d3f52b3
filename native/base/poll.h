// The word by which a job is told from outside to end or to give way.
#pragma once

#include <atomic>
#include <cstdint>

namespace onestep {

enum class Signal : int32_t {
  go = 0,
  /** End, and leave what is not finished. */
  abort = 1,
  /** Another job waits: come back when this slice of time is over. */
  giveWay = 2,
};

/** What long work asks now and then, between two pieces that take some milliseconds at most. */
class Poll {
 public:
  /** Null: nobody will ever say a word. */
  explicit Poll(const int32_t* word = nullptr) : word_(word) {}
  Signal signal() const {
    if (word_ == nullptr) return Signal::go;
    return static_cast<Signal>(std::atomic_ref(*const_cast<int32_t*>(word_)).load(std::memory_order_relaxed));
  }
  /** Whether to stop at once; what has been computed by then is thrown away. */
  bool aborted() const { return signal() == Signal::abort; }

 private:
  const int32_t* word_;
};

}  // namespace onestep
