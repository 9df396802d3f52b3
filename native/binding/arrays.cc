// sameBits, adjustMemory: what JavaScript cannot do fast, or at all, with its arrays.
#include <napi.h>

#include <cstring>

#include "binding/entry.h"
#include "binding/registry.h"

namespace onestep::binding {
namespace {

struct Doubles {
  const void* data = nullptr;
  size_t length = 0;
};

Doubles doubles(const Napi::Value& value) {
  napi_typedarray_type type{};
  Doubles found;
  void* data = nullptr;
  bool is = false;
  if (napi_is_typedarray(value.Env(), value, &is) != napi_ok || !is ||
      napi_get_typedarray_info(value.Env(), value, &type, &found.length, &data, nullptr, nullptr) !=
          napi_ok ||
      type != napi_float64_array) {
    throw Error("ERR_ARGUMENT", "sameBits compares arrays of doubles. Expected two Float64Arrays.");
  }
  found.data = data;
  return found;
}

// sameBits(a: Float64Array, b: Float64Array): boolean. NaNs of other bits, and 0 and −0, are different.
Napi::Value sameBits(const Napi::CallbackInfo& info) {
  const Doubles a = doubles(info[0]);
  const Doubles b = doubles(info[1]);
  const bool same =
      a.length == b.length && (a.length == 0 || std::memcmp(a.data, b.data, a.length * sizeof(double)) == 0);
  return Napi::Boolean::New(info.Env(), same);
}

// adjustMemory(bytes: number): tells V8 of memory that it does not count; negative when it is free again.
Napi::Value adjustMemory(const Napi::CallbackInfo& info) {
  if (!info[0].IsNumber()) throw Error("ERR_ARGUMENT", "adjustMemory takes a number of bytes.");
  Napi::MemoryManagement::AdjustExternalMemory(info.Env(), info[0].As<Napi::Number>().Int64Value());
  return info.Env().Undefined();
}

}  // namespace

void registerArrays(Napi::Env env, Napi::Object exports) {
  entry<sameBits>(env, exports, "sameBits");
  entry<adjustMemory>(env, exports, "adjustMemory");
}

}  // namespace onestep::binding
