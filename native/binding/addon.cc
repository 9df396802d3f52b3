#include <napi.h>

class Addon : public Napi::Addon<Addon> {
 public:
  Addon(Napi::Env, Napi::Object) {}
};
NODE_API_ADDON(Addon)
