// The only way a native function gets to JavaScript: nothing that it throws leaves as anything but a
// JavaScript Error with a `code`.
#pragma once

#include <napi.h>

#include <new>

#include "base/error.h"

namespace onestep::binding {

/** A JavaScript Error with `code`. */
inline Napi::Error error(Napi::Env env, const char* code, const char* what) {
  Napi::Error thrown = Napi::Error::New(env, what);
  thrown.Set("code", code);
  return thrown;
}

using Function = Napi::Value (*)(const Napi::CallbackInfo&);

template <Function function>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  try {
    return function(info);
  } catch (const Napi::Error&) {
    throw;
  } catch (const Error& thrown) {
    throw error(info.Env(), thrown.code(), thrown.what());
  } catch (const std::bad_alloc&) {
    throw error(info.Env(), "ERR_OUT_OF_MEMORY", "The native side could not allocate memory.");
  } catch (const std::exception& thrown) {
    throw error(info.Env(), "ERR_NATIVE", thrown.what());
  } catch (...) {
    throw error(info.Env(), "ERR_NATIVE", "An unknown exception was thrown on the native side.");
  }
}

/** Exports `function` as `name`. */
template <Function function>
void entry(Napi::Env env, Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<guarded<function>>(env, name));
}

}  // namespace onestep::binding
