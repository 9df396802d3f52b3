#include "executor/memory.h"

#include <unistd.h>

#include <cstdlib>
#include <string>
#include <utility>

#include "base/error.h"

namespace onestep {
namespace {

constexpr size_t kLine = 64;

double machineBytes() {
  return static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

}  // namespace

Memory::Memory(int64_t doubles) {
  const double bytes = static_cast<double>(doubles) * sizeof(double);
  if (bytes < machineBytes()) block_ = std::calloc(static_cast<size_t>(doubles) * sizeof(double) + kLine, 1);
  if (block_ == nullptr) {
    throw Error("ERR_OUT_OF_MEMORY", "Arenas of " + std::to_string(bytes / 1e9) +
                                         " GB cannot be had: the machine has " +
                                         std::to_string(machineBytes() / 1e9) +
                                         " GB. Use fewer lanes, or smaller chunks of instances.");
  }
  const auto address = reinterpret_cast<uintptr_t>(block_);
  data_ = reinterpret_cast<double*>((address + kLine - 1) / kLine * kLine);
  size_ = doubles;
}

Memory::~Memory() { std::free(block_); }

void Memory::require(int64_t doubles) {
  if (doubles <= size_) return;
  // The old block is given back first: there may not be room for both.
  std::free(std::exchange(block_, nullptr));
  data_ = nullptr;
  size_ = 0;
  Memory larger(doubles);
  std::swap(block_, larger.block_);
  std::swap(data_, larger.data_);
  std::swap(size_, larger.size_);
}

}  // namespace onestep
