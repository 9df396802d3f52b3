// The groups of functions that the addon exports. A new group is one file, one line here, and one line
// in addon.cc.
#pragma once

#include <napi.h>

namespace onestep::binding {

void registerSelfCheck(Napi::Env env, Napi::Object exports);
void registerProgram(Napi::Env env, Napi::Object exports);
void registerJob(Napi::Env env, Napi::Object exports);
void registerArrays(Napi::Env env, Napi::Object exports);

}  // namespace onestep::binding
