// Doubles that begin on a cache line.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <new>

namespace onestep {

/** Zeros, aligned to 64 bytes. The system hands them out as they are touched, so that unused room costs
 * nothing. */
class Memory {
 public:
  Memory() = default;
  /** @throws std::bad_alloc */
  explicit Memory(int64_t doubles) : size_(doubles) {
    block_ = std::calloc(static_cast<size_t>(doubles) + kLine, sizeof(double));
    if (block_ == nullptr) throw std::bad_alloc();
    const auto address = reinterpret_cast<uintptr_t>(block_);
    const auto line = kLine * sizeof(double);
    data_ = reinterpret_cast<double*>((address + line - 1) / line * line);
  }
  ~Memory() { std::free(block_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  double* data() const { return data_; }
  int64_t size() const { return size_; }

  /** Room for so many doubles; what was there is lost when there is not enough. */
  void require(int64_t doubles) {
    if (doubles <= size_) return;
    this->~Memory();
    new (this) Memory();  // in case the next line throws
    new (this) Memory(doubles);
  }

 private:
  static constexpr size_t kLine = 8;
  void* block_ = nullptr;
  double* data_ = nullptr;
  int64_t size_ = 0;
};

}  // namespace onestep
