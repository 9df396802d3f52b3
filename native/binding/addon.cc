// The addon: one instance per environment (main thread or worker), so nothing of Node's is ever static.
#include <napi.h>

#include <mutex>

#include "base/blas.h"
#include "binding/registry.h"

namespace onestep::binding {

class Addon : public Napi::Addon<Addon> {
 public:
  Addon(Napi::Env env, Napi::Object exports) {
    // OpenBLAS's own threads would fight the pool's, and a worker's process.env never reaches native
    // code. Once a process: a worker that starts later must not undo an explicit blasThreads.
    static std::once_flag pinned;
    std::call_once(pinned, [] { openblas_set_num_threads(1); });

    registerSelfCheck(env, exports);
    registerProgram(env, exports);
    registerJob(env, exports);
    registerArrays(env, exports);
  }
};

NODE_API_ADDON(Addon)

}  // namespace onestep::binding
