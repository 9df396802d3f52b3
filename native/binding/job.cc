// planJob, openJob, joinJob, signalJob, putBack, readJob: a run of a Program that many threads share. Its
// memory is made by JavaScript, which hands it to the threads; only one of them sets it up, while no other
// uses it.
#include <napi.h>

#include <string>

#include "base/blas_threads.h"
#include "binding/arguments.h"
#include "binding/entry.h"
#include "binding/handle.h"
#include "binding/registry.h"

namespace onestep::binding {
namespace {

/** Counters of one thread stand on cache lines of their own, wherever JavaScript's memory begins. */
constexpr int64_t kLine = 64;

struct Piece {
  std::byte* data;
  int64_t bytes;
};

Piece piece(napi_env env, napi_value value, const std::string& what) {
  const auto [data, length] = bytes(env, value, what);
  const auto address = reinterpret_cast<uintptr_t>(data);
  const auto skip = static_cast<int64_t>((address + kLine - 1) / kLine * kLine - address);
  if (length < skip + kLine) refuseArgument(what, "as many bytes as planJob says", std::to_string(length));
  return {reinterpret_cast<std::byte*>(data) + skip, length - skip};
}

JobBlock blockOf(napi_env env, const Handle& handle, napi_value value, const char* function) {
  const Piece memory = piece(env, value, std::string("The memory passed to ") + function);
  return JobBlock::join(*handle.plan, memory.data, memory.bytes);
}

UniformArena uniformOf(napi_env env, const Handle& handle, napi_value value, const char* function) {
  const std::string what = std::string("The uniform memory passed to ") + function;
  const Piece memory = piece(env, value, what);
  const int64_t expected = UniformArena::bytes(*handle.plan);
  if (memory.bytes < expected) {
    refuseArgument(what, std::to_string(expected) + " bytes", std::to_string(memory.bytes));
  }
  return UniformArena(memory.data);
}

Owner ownerOfArguments(const Napi::Value& seat, const Napi::Value& epoch) {
  return ownerOf(integer(seat, 0, "The seat of putBack", kMostSeats - 1),
                 integer(epoch, 0, "The epoch of putBack"));
}

// planJob(program, batch, seats, chunkBytes): { positions, memoryBytes, uniformBytes, tileBytes }
Napi::Value planJob(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Handle& handle = handleOf(info[0], "planJob");
  const int64_t batch = integer(info[1], 0, "The batch of planJob", kMostInstances);
  const int64_t seats = integer(info[2], 1, "The seats of planJob", kMostSeats);
  const int64_t chunk = integer(info[3], 1, "chunkBytes of planJob");
  const Plan& plan = *handle.plan;
  const JobShape shape{
      .batch = batch, .positions = JobBlock::positionsFor(plan, batch, seats, chunk), .seats = seats};
  Napi::Object result = Napi::Object::New(env);
  result.Set("positions", static_cast<double>(shape.positions));
  result.Set("memoryBytes", static_cast<double>(JobBlock::bytes(plan, shape) + kLine));
  result.Set("uniformBytes", static_cast<double>(UniformArena::bytes(plan) + kLine));
  const int64_t tile = plan.program().laneArena + plan.scratchSize();
  result.Set("tileBytes", static_cast<double>(tile * static_cast<int64_t>(sizeof(double))));
  return result;
}

// openJob(program, memory: Uint8Array, uniform: Uint8Array, { batch, seats, positions, keepUniform? }): void
Napi::Value openJob(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Handle& handle = handleOf(info[0], "openJob");
  Napi::Value batch, seats, positions, keepUniform;
  readOptions(
      info[3], "openJob",
      {{"batch", &batch}, {"seats", &seats}, {"positions", &positions}, {"keepUniform", &keepUniform}});
  const int64_t most = JobBlock::positionsFor(*handle.plan, kMostInstances, kMostSeats, int64_t{1} << 60);
  const JobShape shape{.batch = integer(batch, 0, "The batch of openJob", kMostInstances),
                       .positions = integer(positions, 1, "The positions of openJob", most),
                       .seats = integer(seats, 1, "The seats of openJob", kMostSeats)};
  UniformArena uniform = uniformOf(env, handle, info[2], "openJob");
  const Piece memory = piece(env, info[1], "The memory passed to openJob");
  const int64_t expected = JobBlock::bytes(*handle.plan, shape);
  if (memory.bytes < expected) {
    refuseArgument("The memory passed to openJob", std::to_string(expected + kLine) + " bytes",
                   std::to_string(memory.bytes));
  }
  if (keepUniform.IsEmpty() || !keepUniform.ToBoolean()) uniform.reset();
  JobBlock::open(*handle.plan, shape, memory.data);
  return env.Undefined();
}

// joinJob(program, memory, uniform, inputs, outputs, { seat, epoch, slice?, tallied?, blasThreads?,
// faultAfter? }):
//   'idle' | 'gaveWay' | 'aborted' | 'fault'
Napi::Value joinJob(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Handle& handle = handleOf(info[0], "joinJob");
  const Arrays arrays = arraysOf(handle, info[3], info[4], "joinJob");
  Napi::Value seat, epoch, slice, tallied, blasThreads, faultAfter;
  readOptions(info[5], "joinJob",
              {{"seat", &seat},
               {"epoch", &epoch},
               {"slice", &slice},
               {"tallied", &tallied},
               {"blasThreads", &blasThreads},
               {"faultAfter", &faultAfter}});
  Turn turn;
  turn.seat = integer(seat, 0, "The seat of joinJob", kMostSeats - 1);
  turn.epoch = integer(epoch, 0, "The epoch of joinJob");
  if (!slice.IsEmpty()) {
    turn.sliceMilliseconds = static_cast<double>(integer(slice, 0, "The slice of joinJob", 1 << 30));
  }
  if (!tallied.IsEmpty()) {
    turn.tallied = integer(tallied, 0, "tallied of joinJob", static_cast<int64_t>(arrays.outputs.size()) - 1);
    const Port& port = handle.plan->program().outputs[static_cast<size_t>(turn.tallied)];
    if (port.uniform)
      turn.tallied = -1;
    else if (port.size != 1)
      refuseArgument("tallied of joinJob", "an output of one number", "a larger one");
  }
  if (!faultAfter.IsEmpty()) turn.faultAfter = integer(faultAfter, 0, "faultAfter of joinJob");
  const auto threads =
      blasThreads.IsEmpty() ? 1 : static_cast<int>(integer(blasThreads, 1, "blasThreads of joinJob", 1024));

  const JobBlock block = blockOf(env, handle, info[1], "joinJob");
  if (turn.seat >= block.seats()) {
    refuseArgument("The seat of joinJob", "less than " + std::to_string(block.seats()),
                   std::to_string(turn.seat));
  }
  const UniformArena uniform = uniformOf(env, handle, info[2], "joinJob");
  point(env, handle, arrays, block.batch(), "joinJob");
  constexpr const char* kNames[] = {"idle", "gaveWay", "aborted", "fault"};
  const BlasThreads held(threads, Poll(block.signal()));
  const Outcome outcome = handle.execution->join(block, uniform, turn);
  return Napi::String::New(env, kNames[static_cast<int>(outcome)]);
}

// signalJob(program, memory, signal: 0 | 1 | 2): void
Napi::Value signalJob(const Napi::CallbackInfo& info) {
  const Handle& handle = handleOf(info[0], "signalJob");
  const int64_t signal = integer(info[2], 0, "The signal of signalJob", 2);
  JobBlock block = blockOf(info.Env(), handle, info[1], "signalJob");
  block.setSignal(static_cast<Signal>(signal));
  return info.Env().Undefined();
}

// putBack(program, memory, uniform, seat, epoch): number of instances. Who sat there so is gone.
Napi::Value putBack(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Handle& handle = handleOf(info[0], "putBack");
  const Owner owner = ownerOfArguments(info[3], info[4]);
  UniformArena uniform = uniformOf(env, handle, info[2], "putBack");
  JobBlock block = blockOf(env, handle, info[1], "putBack");
  uniform.putBack(owner);
  return Napi::Number::New(env, static_cast<double>(block.putBack(owner)));
}

// readJob(program, memory): { finished, passed, crashed, laneSlots, iterations, beats: number[], tally:
// number[] }
Napi::Value readJob(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Handle& handle = handleOf(info[0], "readJob");
  JobBlock block = blockOf(env, handle, info[1], "readJob");
  const auto read = [](int64_t& counter) {
    return static_cast<double>(std::atomic_ref(counter).load(std::memory_order_relaxed));
  };
  double finished = 0, passed = 0, slots = 0, iterations = 0, tally[Seat::kCodes] = {};
  Napi::Array beats = Napi::Array::New(env);
  for (int64_t i = 0; i < block.seats(); ++i) {
    Seat& seat = block.seat(i);
    finished += read(seat.finished);
    passed += read(seat.passed);
    slots += read(seat.laneSlots);
    iterations += read(seat.iterations);
    beats.Set(static_cast<uint32_t>(i), read(seat.beats));
    for (int64_t code = 0; code < Seat::kCodes; ++code) tally[code] += read(seat.tally[code]);
  }
  Napi::Array codes = Napi::Array::New(env);
  for (uint32_t code = 0; code < Seat::kCodes; ++code) codes.Set(code, tally[code]);
  Napi::Object result = Napi::Object::New(env);
  result.Set("finished", finished);
  result.Set("passed", passed);
  result.Set("crashed", static_cast<double>(block.crashed()));
  result.Set("laneSlots", slots);
  result.Set("iterations", iterations);
  result.Set("beats", beats);
  result.Set("tally", codes);
  return result;
}

// jobStates(program, memory, states: Uint8Array): void. Copies the state of each instance.
Napi::Value jobStates(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Handle& handle = handleOf(info[0], "jobStates");
  const auto to = bytes(env, info[2], "The states passed to jobStates");
  const JobBlock block = blockOf(env, handle, info[1], "jobStates");
  requireLength(to.length, block.batch(), "The states passed to jobStates");
  for (int64_t i = 0; i < block.batch(); ++i) to.data[i] = block.state(i);
  return env.Undefined();
}

}  // namespace

void registerJob(Napi::Env env, Napi::Object exports) {
  entry<planJob>(env, exports, "planJob");
  entry<openJob>(env, exports, "openJob");
  entry<joinJob>(env, exports, "joinJob");
  entry<signalJob>(env, exports, "signalJob");
  entry<putBack>(env, exports, "putBack");
  entry<readJob>(env, exports, "readJob");
  entry<jobStates>(env, exports, "jobStates");
}

}  // namespace onestep::binding
