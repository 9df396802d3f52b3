// The exception of the native side: what went wrong, and the code that JavaScript sees.
#pragma once

#include <stdexcept>
#include <string>

namespace onestep {

class Error : public std::runtime_error {
 public:
  /** @param code stable name, "ERR_…", of static storage */
  Error(const char* code, const std::string& what) : std::runtime_error(what), code_(code) {}
  const char* code() const { return code_; }

 private:
  const char* code_;
};

}  // namespace onestep
