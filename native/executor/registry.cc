#include "executor/registry.h"

#include <algorithm>

#include "kernels/elementwise.h"

namespace onestep {
namespace {

template <class Visit>
void eachKernel(Visit visit) {
  for (const auto list :
       {fusedKernels(), movementKernels(), reduceKernels(), productKernels(), factorKernels()}) {
    for (const Kernel& kernel : list) visit(kernel);
  }
}

}  // namespace

Maker findKernel(std::string_view name) {
  Maker found = nullptr;
  eachKernel([&](const Kernel& kernel) {
    if (kernel.name == name) found = kernel.make;
  });
  return found;
}

std::vector<std::string> kernelNames() {
  std::vector<std::string> names{"while", "scan", "cond"};
  eachKernel([&](const Kernel& kernel) { names.emplace_back(kernel.name); });
  for (const auto list : {unaryNames(), binaryNames(), ternaryNames()}) {
    names.insert(names.end(), list.begin(), list.end());
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace onestep
