// How many threads OpenBLAS itself uses: one, since its own would fight the pool's, and since other numbers
// of threads give other bits. The number belongs to the process, so whoever wants more computes alone.
#pragma once

#include <chrono>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include "base/blas.h"
#include "base/poll.h"

namespace onestep {

/** Held while something computes: with one thread of BLAS, beside others, or with more, alone. */
class BlasThreads {
 public:
  /** Waits until nobody computes with more, or until the job is aborted. */
  BlasThreads(int threads, Poll stop) : threads_(threads) {
    while (!lock() && !stop.aborted()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (held_ && threads_ > 1) openblas_set_num_threads(threads_);
  }
  ~BlasThreads() {
    if (!held_) return;
    if (threads_ == 1) {
      gate().unlock_shared();
    } else {
      openblas_set_num_threads(1);
      gate().unlock();
    }
  }
  BlasThreads(const BlasThreads&) = delete;
  BlasThreads& operator=(const BlasThreads&) = delete;

 private:
  static std::shared_mutex& gate() {
    static std::shared_mutex gate;
    return gate;
  }
  bool lock() { return held_ = threads_ == 1 ? gate().try_lock_shared() : gate().try_lock(); }

  int threads_;
  bool held_ = false;
};

}  // namespace onestep
