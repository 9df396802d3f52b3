// A loaded Program as JavaScript holds it.
#pragma once

#include <napi.h>

#include <memory>
#include <vector>

#include "executor/execution.h"

namespace onestep::binding {

/**
 * A loaded Program and what it needs to run, in one environment. From the first pointer that a native
 * function takes to its end no JavaScript runs on this thread, and a handle never leaves its thread: so one
 * run has the handle to itself.
 */
struct Handle {
  std::shared_ptr<const Plan> plan;
  /** Constants in shared memory, which cannot be detached, are used where they lie; others are copied. */
  Napi::ObjectReference shared;
  std::vector<std::vector<double>> copies;
  std::unique_ptr<Execution> execution;
  /** What V8 has been told of. */
  int64_t reportedBytes = 0;

  /** Tells V8 what the handle holds, so that it collects handles in time. */
  void report(Napi::Env env, int64_t bytes);
  int64_t bytes() const;
};

/** @throws Error ERR_ARGUMENT when it is not what loadProgram returned */
Handle& handleOf(const Napi::Value& value, const char* function);

/** A JavaScript value that owns a handle. */
Napi::Value wrap(Napi::Env env, std::unique_ptr<Handle> handle);

/** The arrays of a run, before pointers are taken. */
struct Arrays {
  std::vector<napi_value> inputs;
  std::vector<napi_value> outputs;
};
Arrays arraysOf(const Handle& handle, const Napi::Value& inputs, const Napi::Value& outputs,
                const char* function);

/** Points the next run at its arrays. @throws Error ERR_ARGUMENT on wrong lengths, and where what is written
 * overlaps */
void point(Napi::Env env, Handle& handle, const Arrays& arrays, int64_t batch, const char* function);

}  // namespace onestep::binding
