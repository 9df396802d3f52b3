#include "binding/handle.h"

#include <algorithm>
#include <string>

#include "base/error.h"
#include "binding/arguments.h"

namespace onestep::binding {
namespace {

constexpr napi_type_tag kProgramTag = {0x6f6e657374657031, 0x50726f6772616d01};

/** Points at the arrays of one side; a uniform one holds one value, any other one for each instance. */
template <class Pointer>
void takeArrays(napi_env env, const std::vector<Port>& ports, const std::vector<napi_value>& values,
                int64_t batch, const char* side, const char* function, std::vector<Pointer>& pointers) {
  pointers.resize(ports.size());
  for (size_t i = 0; i < ports.size(); ++i) {
    const std::string what = side + std::to_string(i) + " of " + function;
    const auto [data, length] = doubles(env, values[i], what);
    int64_t expected = ports[i].size;
    if (!ports[i].uniform && __builtin_mul_overflow(expected, batch, &expected)) {
      refuseArgument(std::string("The batch of ") + function, "arrays that can be addressed",
                     std::to_string(batch) + " instances");
    }
    if (length != expected) requireLength(length, expected, what);
    pointers[i] = data;
  }
}

/** What is written may not be read as an input, or written as another output. */
void checkOverlap(const Program& program, const Request& request, int64_t batch, const char* function) {
  const auto end = [&](const double* data, const Port& port) {
    return data + (port.uniform ? port.size : port.size * batch);
  };
  const auto refuse = [&](const char* side, size_t output, size_t other) {
    refuseArgument("output " + std::to_string(output) + " of " + function, "memory of its own",
                   std::string("the memory of ") + side + std::to_string(other));
  };
  for (size_t o = 0; o < request.outputs.size(); ++o) {
    const double* begin = request.outputs[o];
    const double* stop = end(begin, program.outputs[o]);
    const auto clashes = [&](const double* other, const Port& port) {
      return std::max(begin, other) < std::min(stop, end(other, port));
    };
    for (size_t i = 0; i < request.inputs.size(); ++i) {
      if (clashes(request.inputs[i], program.inputs[i])) refuse("input ", o, i);
    }
    for (size_t p = 0; p < o; ++p) {
      if (clashes(request.outputs[p], program.outputs[p])) refuse("output ", o, p);
    }
  }
}

}  // namespace

void Handle::report(Napi::Env env, int64_t bytes) {
  if (bytes == reportedBytes) return;
  Napi::MemoryManagement::AdjustExternalMemory(env, bytes - reportedBytes);
  reportedBytes = bytes;
}

int64_t Handle::bytes() const {
  int64_t total = execution->bytes();
  for (const auto& copy : copies) total += static_cast<int64_t>(copy.size() * sizeof(double));
  return total;
}

Handle& handleOf(const Napi::Value& value, const char* function) {
  if (!value.IsExternal() || !value.As<Napi::External<Handle>>().CheckTypeTag(&kProgramTag)) {
    refuseArgument(std::string("The Program passed to ") + function, "what loadProgram returned",
                   typeName(value.Env(), value));
  }
  return *value.As<Napi::External<Handle>>().Data();
}

Napi::Value wrap(Napi::Env env, std::unique_ptr<Handle> handle) {
  const auto release = [](Napi::Env owner, Handle* released) {
    released->report(owner, 0);
    delete released;
  };
  auto external = Napi::External<Handle>::New(env, handle.get(), release);
  handle.release();
  external.TypeTag(&kProgramTag);
  return external;
}

Arrays arraysOf(const Handle& handle, const Napi::Value& inputs, const Napi::Value& outputs,
                const char* function) {
  const Program& program = handle.plan->program();
  return {elements(inputs, program.inputs.size(), std::string("inputs of ") + function),
          elements(outputs, program.outputs.size(), std::string("outputs of ") + function)};
}

void point(Napi::Env env, Handle& handle, const Arrays& arrays, int64_t batch, const char* function) {
  const Program& program = handle.plan->program();
  Request& request = handle.execution->request();
  takeArrays(env, program.inputs, arrays.inputs, batch, "input ", function, request.inputs);
  takeArrays(env, program.outputs, arrays.outputs, batch, "output ", function, request.outputs);
  checkOverlap(program, request, batch, function);
}

}  // namespace onestep::binding
