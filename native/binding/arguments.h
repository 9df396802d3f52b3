// Reading the arguments of a native function: what is wrong is refused with its name, what was expected, and
// what came.
//
// Reading an array or an option may run JavaScript (an element can be a getter), and that may detach what a
// pointer points at: so all arguments are collected before the first pointer is taken.
#pragma once

#include <napi.h>

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace onestep::binding {

[[noreturn]] void refuseArgument(const std::string& what, const std::string& expected,
                                 const std::string& received);
const char* typeName(napi_env env, napi_value value);

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

inline View<double> doubles(napi_env env, napi_value value, const std::string& what,
                            napi_value* buffer = nullptr) {
  return view<double, napi_float64_array>(env, value, what, "a Float64Array", buffer);
}
inline View<int32_t> words(napi_env env, napi_value value, const std::string& what) {
  return view<int32_t, napi_int32_array>(env, value, what, "an Int32Array");
}
inline View<uint8_t> bytes(napi_env env, napi_value value, const std::string& what) {
  return view<uint8_t, napi_uint8_array>(env, value, what, "a Uint8Array");
}

void requireLength(int64_t length, int64_t expected, const std::string& what);
/** The elements of a JavaScript array of a known length. */
std::vector<napi_value> elements(const Napi::Value& value, size_t expected, const std::string& what);
/** An integer from `least` to `most`. */
int64_t integer(const Napi::Value& value, int64_t least, const std::string& what,
                int64_t most = (int64_t{1} << 53) - 1);

/** An option and where it goes, which stays empty when it is not given. */
using Option = std::pair<const char*, Napi::Value*>;
/** Reads an object of options; undefined has none. @throws Error ERR_UNKNOWN_OPTION */
void readOptions(const Napi::Value& value, const char* function, std::initializer_list<Option> options);

}  // namespace onestep::binding
