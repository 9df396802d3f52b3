// A queue of numbers for many threads, in memory that somebody else owns. Nobody ever waits in it.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>

namespace onestep {

/**
 * Each cell has a turn: its own number when it may be written for the first time, one more when it may be
 * read, a whole round more when it may be written again. (D. Vyukov's bounded queue.) A number that is just
 * being put in is not there yet: to `pop`, the ring is empty then.
 */
class Ring {
 public:
  struct Cell {
    uint32_t turn;
    uint32_t value;
  };
  struct Ends {
    alignas(64) uint32_t head;
    alignas(64) uint32_t tail;
  };

  Ring() = default;
  Ring(Ends* ends, Cell* cells, uint32_t capacity) : ends_(ends), cells_(cells), last_(capacity - 1) {}

  /** How many cells hold so many numbers. */
  static uint32_t capacityFor(uint32_t numbers) { return std::bit_ceil(numbers < 2 ? 2u : numbers); }

  /** Puts in the numbers from 0 to count − 1, and nothing else; nobody may use the ring meanwhile. */
  void fill(uint32_t count) {
    *ends_ = {.head = 0, .tail = count};
    for (uint32_t i = 0; i <= last_; ++i) cells_[i] = {.turn = i < count ? i + 1 : i, .value = i};
  }

  /** There must be room: whoever made the ring knows how many numbers there are. */
  void push(uint32_t value) {
    std::atomic_ref tail(ends_->tail);
    uint32_t at = tail.load(std::memory_order_relaxed);
    for (;;) {
      Cell& cell = cells_[at & last_];
      const uint32_t turn = std::atomic_ref(cell.turn).load(std::memory_order_acquire);
      if (turn == at) {
        if (!tail.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) continue;
        cell.value = value;
        std::atomic_ref(cell.turn).store(at + 1, std::memory_order_release);
        return;
      }
      at = tail.load(std::memory_order_relaxed);
    }
  }

  /** About how many numbers are in it. */
  uint32_t size() const {
    const uint32_t tail = std::atomic_ref(ends_->tail).load(std::memory_order_relaxed);
    const auto size =
        static_cast<int32_t>(tail - std::atomic_ref(ends_->head).load(std::memory_order_relaxed));
    return size > 0 ? static_cast<uint32_t>(size) : 0;
  }

  bool empty() const {
    const uint32_t at = std::atomic_ref(ends_->head).load(std::memory_order_relaxed);
    return std::atomic_ref(cells_[at & last_].turn).load(std::memory_order_relaxed) == at;
  }

  /** Takes the oldest number; returns whether there was one. */
  bool pop(uint32_t& value) {
    std::atomic_ref head(ends_->head);
    uint32_t at = head.load(std::memory_order_relaxed);
    for (;;) {
      Cell& cell = cells_[at & last_];
      const auto ahead =
          static_cast<int32_t>(std::atomic_ref(cell.turn).load(std::memory_order_acquire) - (at + 1));
      if (ahead < 0) return false;
      if (ahead > 0) {
        at = head.load(std::memory_order_relaxed);
        continue;
      }
      if (!head.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) continue;
      value = cell.value;
      std::atomic_ref(cell.turn).store(at + last_ + 1, std::memory_order_release);
      return true;
    }
  }

 private:
  Ends* ends_ = nullptr;
  Cell* cells_ = nullptr;
  uint32_t last_ = 0;
};

}  // namespace onestep
