#include "binding/arguments.h"

#include <cmath>

#include "base/error.h"

namespace onestep::binding {

void refuseArgument(const std::string& what, const std::string& expected, const std::string& received) {
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

void requireLength(int64_t length, int64_t expected, const std::string& what) {
  if (length == expected) return;
  refuseArgument(what + " has the wrong length", std::to_string(expected),
                 std::to_string(length) + (length == 0 ? " (is its memory detached?)" : ""));
}

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

int64_t integer(const Napi::Value& value, int64_t least, const std::string& what, int64_t most) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  if (!(number >= static_cast<double>(least) && number <= static_cast<double>(most) &&
        number == std::floor(number))) {
    const std::string upTo = most < (int64_t{1} << 53) - 1 ? " and at most " + std::to_string(most) : "";
    refuseArgument(what, "an integer of at least " + std::to_string(least) + upTo,
                   value.IsNumber() ? std::to_string(number) : typeName(value.Env(), value));
  }
  return static_cast<int64_t>(number);
}

void readOptions(const Napi::Value& value, const char* function, std::initializer_list<Option> options) {
  if (value.IsUndefined()) return;
  if (!value.IsObject()) {
    refuseArgument(std::string("The options of ") + function, "an object", typeName(value.Env(), value));
  }
  const auto object = value.As<Napi::Object>();
  const Napi::Array names = object.GetPropertyNames();
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const std::string name = names.Get(i).ToString();
    Napi::Value* place = nullptr;
    std::string known;
    for (const auto& [option, where] : options) {
      if (name == option) place = where;
      known += std::string(known.empty() ? "" : ", ") + option;
    }
    if (place == nullptr) {
      throw Error("ERR_UNKNOWN_OPTION", std::string(function) + ": unknown option \"" + name +
                                            "\". Expected one of " + known + ".");
    }
    const Napi::Value given = object.Get(name);
    if (!given.IsUndefined()) *place = given;
  }
}

}  // namespace onestep::binding
