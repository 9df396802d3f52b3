// Kernels by name: how the command of an instruction is made.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "executor/call.h"

namespace onestep {

/**
 * Makes the command of one instruction.
 * @throws Error ERR_PROGRAM when operands or attributes do not fit
 */
using Maker = CommandPointer (*)(const Call& call);

struct Kernel {
  std::string_view name;
  Maker make;
};

// One list a file.
std::span<const Kernel> fusedKernels();
std::span<const Kernel> movementKernels();
std::span<const Kernel> reduceKernels();
std::span<const Kernel> productKernels();
std::span<const Kernel> factorKernels();

/** The maker of a kernel, or null. Control (while, scan, cond) is not among them. */
Maker findKernel(std::string_view name);

/** Every name that a Program may use: kernels, elementwise functions and control; sorted, each once. */
std::vector<std::string> kernelNames();

}  // namespace onestep
