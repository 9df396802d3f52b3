// loadProgram, runProgram, kernelNames: Programs from JavaScript, on one thread. job.cc is for many.
#include <napi.h>

#include <memory>
#include <string>

#include "base/blas_threads.h"
#include "binding/arguments.h"
#include "binding/entry.h"
#include "binding/handle.h"
#include "binding/registry.h"
#include "executor/registry.h"

namespace onestep::binding {
namespace {

// loadProgram(bytes: Uint8Array, constants: Float64Array[]): External
Napi::Value loadProgram(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto handle = std::make_unique<Handle>();
  const auto buffer = bytes(env, info[0], "The Program passed to loadProgram");
  handle->plan = Plan::load({buffer.data, static_cast<size_t>(buffer.length)});

  const auto& sizes = handle->plan->program().constants;
  const auto values = elements(info[1], sizes.size(), "constants of loadProgram");
  std::vector<const double*> constants;
  Napi::Array shared = Napi::Array::New(env);
  for (size_t i = 0; i < sizes.size(); ++i) {
    const std::string what = "constant " + std::to_string(i) + " of loadProgram";
    napi_value memory = nullptr;
    const auto [data, length] = doubles(env, values[i], what, &memory);
    requireLength(length, sizes[i], what);
    bool detachable = false;
    napi_is_arraybuffer(env, memory, &detachable);
    if (detachable) {
      handle->copies.emplace_back(data, data + length);
      constants.push_back(handle->copies.back().data());
    } else {
      shared.Set(shared.Length(), values[i]);
      constants.push_back(data);
    }
  }
  handle->shared = Napi::Persistent(shared.As<Napi::Object>());
  handle->execution = std::make_unique<Execution>(handle->plan, constants);
  handle->report(env, handle->bytes());
  return wrap(env, std::move(handle));
}

// runProgram(program, inputs: Float64Array[], outputs: Float64Array[], batch: number, options?):
//   { finished: number, laneSlots: number, iterations: number }
Napi::Value runProgram(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Handle& handle = handleOf(info[0], "runProgram");
  const Arrays arrays = arraysOf(handle, info[1], info[2], "runProgram");
  const int64_t batch = integer(info[3], 0, "The batch of runProgram", kMostInstances);
  Napi::Value control, chunkBytes;
  readOptions(info[4], "runProgram", {{"control", &control}, {"chunkBytes", &chunkBytes}});
  const int64_t chunk =
      chunkBytes.IsEmpty() ? kDefaultChunkBytes : integer(chunkBytes, 1, "chunkBytes of runProgram");

  Poll stop;
  if (!control.IsEmpty()) {
    const auto word = words(env, control, "control of runProgram");
    requireLength(word.length, 1, "control of runProgram");
    stop = Poll(word.data);
  }
  point(env, handle, arrays, batch, "runProgram");

  const int64_t before = handle.execution->bytes();
  const BlasThreads one(1, stop);
  const Statistics statistics = handle.execution->run(batch, chunk, stop);
  handle.report(env, handle.reportedBytes + handle.execution->bytes() - before);
  Napi::Object result = Napi::Object::New(env);
  result.Set("finished", static_cast<double>(statistics.finished));
  result.Set("laneSlots", static_cast<double>(statistics.laneSlots));
  result.Set("iterations", static_cast<double>(statistics.iterations));
  return result;
}

// kernelNames(): string[]
Napi::Value listKernels(const Napi::CallbackInfo& info) {
  Napi::Array list = Napi::Array::New(info.Env());
  for (const std::string& name : kernelNames()) list.Set(list.Length(), name);
  return list;
}

}  // namespace

void registerProgram(Napi::Env env, Napi::Object exports) {
  entry<loadProgram>(env, exports, "loadProgram");
  entry<runProgram>(env, exports, "runProgram");
  entry<listKernels>(env, exports, "kernelNames");
}

}  // namespace onestep::binding
