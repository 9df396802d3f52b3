// sum, max and min over any axes: neighbouring axes at once, the last ones first.
#include "kernels/reduce.h"

#include "executor/registry.h"

namespace onestep {
namespace {

struct Pass {
  Index to;
  Index from;
  int64_t outer;
  int64_t axis;
  int64_t inner;
};

CommandPointer makeReduction(const Call& call) {
  call.arity(1, 1);
  const Shape& shape = call.input(0).shape;
  Reader attributes = call.attributes();
  std::vector<bool> reduced(shape.size());
  for (size_t n = attributes.count("axes"); n > 0; --n) {
    const uint32_t axis = attributes.index("axis", shape.size());
    call.require(!reduced[axis], "each axis once");
    reduced[axis] = true;
  }
  attributes.end("a reduction");
  Shape kept;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (!reduced[i]) kept.push_back(shape[i]);
  }
  call.require(kept == call.output().shape, "the axes that are kept, " + format(kept));
  call.requirePerLane(0);

  // Groups of reduced axes from the back; `inner` counts what is kept behind a group.
  std::vector<Pass> passes;
  int64_t inner = call.lanes();
  for (size_t end = shape.size(); end > 0;) {
    if (!reduced[end - 1]) {
      inner *= shape[--end];
      continue;
    }
    size_t first = end;
    while (first > 0 && reduced[first - 1]) --first;
    passes.push_back({0, 0, product(shape, 0, first), product(shape, first, end), inner});
    end = first;
  }
  if (passes.empty()) passes.push_back({0, 0, 1, 1, inner});
  Index from = call.in(0);
  for (size_t i = 0; i < passes.size(); ++i) {
    passes[i].from = from;
    from = passes[i].to =
        i + 1 < passes.size() ? call.scratch(passes[i].outer * passes[i].inner) : call.out();
  }
  const ReduceKernel kernel = findReduction(call.name());
  if (passes.size() == 1) {
    return command([kernel, pass = passes[0]](Frame& frame) {
      kernel(frame[pass.to], frame[pass.from], pass.outer, pass.axis, pass.inner, frame.stop);
    });
  }
  return command([kernel, passes = std::move(passes)](Frame& frame) {
    for (const Pass& pass : passes) {
      kernel(frame[pass.to], frame[pass.from], pass.outer, pass.axis, pass.inner, frame.stop);
    }
  });
}

constexpr Kernel kKernels[] = {{"sum", makeReduction}, {"max", makeReduction}, {"min", makeReduction}};

}  // namespace

std::span<const Kernel> reduceKernels() { return kKernels; }

}  // namespace onestep
