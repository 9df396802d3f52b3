// Doubles that begin on a cache line.
#pragma once

#include <cstdint>

namespace onestep {

/** Zeros, aligned to 64 bytes. The system hands them out as they are touched, so that unused room costs
 * nothing. */
class Memory {
 public:
  Memory() = default;
  /**
   * @throws Error ERR_OUT_OF_MEMORY, also when the machine could never hold so much: the system would promise
   * it all the same, and end the process when it is used.
   */
  explicit Memory(int64_t doubles);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  double* data() const { return data_; }
  int64_t size() const { return size_; }

  /** Sees to it that there is room for so many doubles; when it has to grow, what was there is lost. */
  void require(int64_t doubles);

 private:
  void* block_ = nullptr;
  double* data_ = nullptr;
  int64_t size_ = 0;
};

}  // namespace onestep
