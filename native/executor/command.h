// An instruction made ready: shapes checked and strides computed when the Program is loaded, so that running
// it is one virtual call on a Frame. Running allocates nothing, locks nothing and throws nothing.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "executor/frame.h"

namespace onestep {

class Command {
 public:
  virtual ~Command() = default;
  virtual void run(Frame& frame) const = 0;
};

using CommandPointer = std::unique_ptr<const Command>;
using Commands = std::vector<CommandPointer>;

/** Ends early when the job is aborted; what the frame holds then is worth nothing. */
inline void run(const Commands& commands, Frame& frame) {
  for (const auto& command : commands) {
    if (frame.poll()) return;
    command->run(frame);
  }
}

/** A command from a function of the frame. */
template <class Function>
CommandPointer command(Function function) {
  class Lambda final : public Command {
   public:
    explicit Lambda(Function function) : function_(std::move(function)) {}
    void run(Frame& frame) const override { function_(frame); }

   private:
    Function function_;
  };
  return std::make_unique<const Lambda>(std::move(function));
}

}  // namespace onestep
