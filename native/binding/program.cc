// loadProgram, runProgram, kernelNames: Programs from JavaScript.
//
// All arguments are collected before the first pointer is taken, because reading an array may run JavaScript
// (an element can be a getter), and that may detach what a pointer points at. From the first pointer to the
// end of a run no JavaScript runs on this thread, and a handle never leaves its thread: so one run has the
// handle to itself.
#include <napi.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "binding/entry.h"
#include "binding/registry.h"
#include "executor/execution.h"
#include "executor/registry.h"

namespace onestep::binding {
namespace {

constexpr napi_type_tag kProgramTag = {0x6f6e657374657031, 0x50726f6772616d01};

/** A loaded Program and what it needs to run, in one environment. */
struct Handle {
  std::shared_ptr<const Plan> plan;
  /** Constants in shared memory, which cannot be detached, are used where they lie; others are copied. */
  Napi::ObjectReference shared;
  std::vector<std::vector<double>> copies;
  std::unique_ptr<Execution> execution;
  /** What V8 has been told of. */
  int64_t reportedBytes = 0;
};

[[noreturn]] void refuseArgument(const std::string& what, const std::string& expected,
                                 const std::string& received) {
  throw Error("ERR_ARGUMENT", what + ". Expected " + expected + ", received " + received + ".");
}

const char* typeName(napi_env env, napi_value value) {
  bool is = false;
  if (napi_is_typedarray(env, value, &is) == napi_ok && is) return "another typed array";
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  constexpr const char* kNames[] = {"undefined", "null",      "a boolean",  "a number",    "a string",
                                    "a symbol",  "an object", "a function", "an external", "a bigint"};
  return kNames[type];
}

/** A typed array's memory; what is empty has an address all the same. */
template <class Number>
struct View {
  Number* data;
  int64_t length;
};

template <class Number, napi_typedarray_type kType>
View<Number> view(napi_env env, napi_value value, const std::string& what, const char* expected,
                  napi_value* buffer = nullptr) {
  static Number nothing{};
  bool is = false;
  napi_typedarray_type type{};
  size_t length = 0;
  void* data = nullptr;
  if (napi_is_typedarray(env, value, &is) != napi_ok || !is ||
      napi_get_typedarray_info(env, value, &type, &length, &data, buffer, nullptr) != napi_ok ||
      type != kType) {
    refuseArgument(what, expected, typeName(env, value));
  }
  if (data == nullptr) length = 0;  // detached
  return {length == 0 ? &nothing : static_cast<Number*>(data), static_cast<int64_t>(length)};
}

View<double> doubles(napi_env env, napi_value value, const std::string& what, napi_value* buffer = nullptr) {
  return view<double, napi_float64_array>(env, value, what, "a Float64Array", buffer);
}

View<int32_t> words(napi_env env, napi_value value, const std::string& what) {
  return view<int32_t, napi_int32_array>(env, value, what, "an Int32Array");
}

void requireLength(int64_t length, int64_t expected, const std::string& what) {
  if (length == expected) return;
  refuseArgument(what + " has the wrong length", std::to_string(expected),
                 std::to_string(length) + (length == 0 ? " (is its memory detached?)" : ""));
}

/** The elements of a JavaScript array of a known length. */
std::vector<napi_value> elements(const Napi::Value& value, size_t expected, const std::string& what) {
  if (!value.IsArray()) refuseArgument(what, "an array", typeName(value.Env(), value));
  const auto array = value.As<Napi::Array>();
  if (array.Length() != expected) {
    refuseArgument("The number of " + what, std::to_string(expected), std::to_string(array.Length()));
  }
  std::vector<napi_value> list;
  for (uint32_t i = 0; i < expected; ++i) list.push_back(array.Get(i));
  return list;
}

/** Tells V8 what a handle holds, so that it collects handles in time. */
void report(Napi::Env env, Handle& handle, int64_t bytes) {
  if (bytes == handle.reportedBytes) return;
  Napi::MemoryManagement::AdjustExternalMemory(env, bytes - handle.reportedBytes);
  handle.reportedBytes = bytes;
}

// loadProgram(bytes: Uint8Array, constants: Float64Array[]): External
Napi::Value loadProgram(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto handle = std::make_unique<Handle>();
  const auto bytes =
      view<uint8_t, napi_uint8_array>(env, info[0], "The Program passed to loadProgram", "a Uint8Array");
  handle->plan = Plan::load({bytes.data, static_cast<size_t>(bytes.length)});

  const auto& sizes = handle->plan->program().constants;
  const auto values = elements(info[1], sizes.size(), "constants of loadProgram");
  std::vector<const double*> constants;
  Napi::Array shared = Napi::Array::New(env);
  for (size_t i = 0; i < sizes.size(); ++i) {
    const std::string what = "constant " + std::to_string(i) + " of loadProgram";
    napi_value buffer = nullptr;
    const auto [data, length] = doubles(env, values[i], what, &buffer);
    requireLength(length, sizes[i], what);
    bool detachable = false;
    napi_is_arraybuffer(env, buffer, &detachable);
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
  int64_t copied = 0;
  for (const auto& copy : handle->copies) copied += static_cast<int64_t>(copy.size() * sizeof(double));
  report(env, *handle, handle->execution->bytes() + copied);

  const auto release = [](Napi::Env owner, Handle* released) {
    report(owner, *released, 0);
    delete released;
  };
  auto external = Napi::External<Handle>::New(env, handle.get(), release);
  handle.release();
  external.TypeTag(&kProgramTag);
  return external;
}

Handle& handleOf(const Napi::Value& value) {
  if (!value.IsExternal() || !value.As<Napi::External<Handle>>().CheckTypeTag(&kProgramTag)) {
    refuseArgument("The Program passed to runProgram", "what loadProgram returned",
                   typeName(value.Env(), value));
  }
  return *value.As<Napi::External<Handle>>().Data();
}

/** An integer from `least` to 2^53 − 1. */
int64_t integer(const Napi::Value& value, int64_t least, const std::string& what) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  if (!(number >= static_cast<double>(least) && number < 0x1p53 && number == std::floor(number))) {
    refuseArgument(what, "an integer of at least " + std::to_string(least),
                   value.IsNumber() ? std::to_string(number) : typeName(value.Env(), value));
  }
  return static_cast<int64_t>(number);
}

struct Options {
  Napi::Value control;
  Napi::Value states;
  Napi::Value chunkBytes;
};

Options readOptions(const Napi::Value& value) {
  Options options;
  if (value.IsUndefined()) return options;
  if (!value.IsObject())
    refuseArgument("The options of runProgram", "an object", typeName(value.Env(), value));
  const auto object = value.As<Napi::Object>();
  const Napi::Array names = object.GetPropertyNames();
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const std::string name = names.Get(i).ToString();
    Napi::Value* option = name == "control"      ? &options.control
                          : name == "states"     ? &options.states
                          : name == "chunkBytes" ? &options.chunkBytes
                                                 : nullptr;
    if (option == nullptr) {
      throw Error("ERR_UNKNOWN_OPTION", "runProgram: unknown option \"" + name +
                                            "\". Expected one of control, states, chunkBytes.");
    }
    const Napi::Value given = object.Get(name);
    if (!given.IsUndefined()) *option = given;
  }
  return options;
}

/** Points at the arrays of one side; a uniform one holds one value, any other one for each instance. */
template <class Pointer>
void takeArrays(napi_env env, const std::vector<Port>& ports, const std::vector<napi_value>& values,
                int64_t batch, const char* side, std::vector<Pointer>& pointers) {
  pointers.resize(ports.size());
  for (size_t i = 0; i < ports.size(); ++i) {
    const std::string what = side + std::to_string(i) + " of runProgram";
    const auto [data, length] = doubles(env, values[i], what);
    int64_t expected = ports[i].size;
    if (!ports[i].uniform && __builtin_mul_overflow(expected, batch, &expected)) {
      refuseArgument("The batch of runProgram", "arrays that can be addressed",
                     std::to_string(batch) + " instances");
    }
    if (length != expected) requireLength(length, expected, what);
    pointers[i] = data;
  }
}

/** What is written may not be read as an input, or written as another output. */
void checkOverlap(const Program& program, const Request& request) {
  const auto end = [&](const double* data, const Port& port) {
    return data + (port.uniform ? port.size : port.size * request.batch);
  };
  for (size_t o = 0; o < request.outputs.size(); ++o) {
    const double* begin = request.outputs[o];
    const double* stop = end(begin, program.outputs[o]);
    const auto clashes = [&](const double* other, const Port& port) {
      return std::max(begin, other) < std::min(stop, end(other, port));
    };
    for (size_t i = 0; i < request.inputs.size(); ++i) {
      if (!clashes(request.inputs[i], program.inputs[i])) continue;
      refuseArgument("output " + std::to_string(o) + " of runProgram", "memory of its own",
                     "the memory of input " + std::to_string(i));
    }
    for (size_t p = 0; p < o; ++p) {
      if (!clashes(request.outputs[p], program.outputs[p])) continue;
      refuseArgument("output " + std::to_string(o) + " of runProgram", "memory of its own",
                     "the memory of output " + std::to_string(p));
    }
  }
}

// runProgram(program, inputs: Float64Array[], outputs: Float64Array[], batch: number, options?):
//   { finished: number, laneSlots: number, iterations: number }
Napi::Value runProgram(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Handle& handle = handleOf(info[0]);
  const Program& program = handle.plan->program();
  const auto inputs = elements(info[1], program.inputs.size(), "inputs of runProgram");
  const auto outputs = elements(info[2], program.outputs.size(), "outputs of runProgram");
  const int64_t batch = integer(info[3], 0, "The batch of runProgram");
  const Options options = readOptions(info[4]);

  Request& request = handle.execution->request();
  request.batch = batch;
  request.chunkBytes = options.chunkBytes.IsEmpty()
                           ? kDefaultChunkBytes
                           : integer(options.chunkBytes, 1, "chunkBytes of runProgram");
  request.control = Control();
  request.states = nullptr;
  takeArrays(env, program.inputs, inputs, batch, "input ", request.inputs);
  takeArrays(env, program.outputs, outputs, batch, "output ", request.outputs);
  checkOverlap(program, request);
  if (!options.control.IsEmpty()) {
    const auto control = words(env, options.control, "control of runProgram");
    if (control.length < 2) requireLength(control.length, 2, "control of runProgram");
    request.control = Control(control.data);
  }
  if (!options.states.IsEmpty()) {
    const auto states = words(env, options.states, "states of runProgram");
    requireLength(states.length, batch, "states of runProgram");
    request.states = states.data;
  }

  const int64_t before = handle.execution->bytes();
  const Statistics statistics = handle.execution->run();
  report(env, handle, handle.reportedBytes + handle.execution->bytes() - before);
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
