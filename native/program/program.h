// A Program in memory: what docs/program-format.md says, as data. Nothing here changes once it is decoded, so
// that all threads may read it. Sizes and offsets count doubles.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "kernels/movement.h"

namespace onestep {

using Index = uint32_t;
using Shape = std::vector<int64_t>;

/** The lane index is one axis more. */
inline constexpr int kMaxValueRank = kMaxRank - 1;

enum class Space : uint32_t { constant, immediate, uniform, lane, slice };

struct Value {
  Space space;
  /** The number of the constant, the first immediate, or the place in the arena; 0 for a slice. */
  int64_t offset;
  Shape shape;
  /** The number of elements. A per-lane value takes T times as many doubles. */
  int64_t size;
  bool perLane;
};

/** An input or an output of the whole Program. */
struct Port {
  bool uniform;
  Shape shape;
  int64_t size;
};

/** A job-wide array [instances, size]. */
struct Slot {
  enum class Kind : uint32_t { input, output, internal };
  Kind kind;
  /** Which input or output; for an internal slot its number among them. */
  Index index;
  int64_t size;
};

/** A uniform input or output and the value that holds it. */
struct UniformPort {
  Index port;
  Index value;
};

struct Instruction;
using Block = std::vector<Instruction>;

/** After a step, `result` becomes `carry`. */
struct Carry {
  Index carry;
  Index result;
};

struct While {
  std::vector<Carry> carries;
  Index predicate = 0;
  Block condition;
  Block body;
};

struct Scan {
  /** At step i, `slice` is sequence[i]. */
  struct Cut {
    Index sequence;
    Index slice;
  };
  /** After step i, `result` becomes stacked[i]. */
  struct Stack {
    Index stacked;
    Index result;
  };
  std::optional<Index> count;
  int64_t length = 0;
  bool reverse = false;
  std::vector<Carry> carries;
  std::vector<Cut> sequences;
  std::vector<Stack> stacks;
  Block body;
};

struct Cond {
  /** The result of each branch that becomes `output`. */
  struct Choice {
    Index output;
    Index then;
    Index otherwise;
  };
  Index predicate = 0;
  std::vector<Choice> choices;
  Block then;
  Block otherwise;
};

struct Instruction {
  std::string_view kernel;
  std::vector<Index> inputs;
  std::vector<Index> outputs;
  std::vector<uint32_t> attributes;
  std::variant<std::monostate, While, Scan, Cond> control;
};

/** Where a lane value of a stage comes from: a slot, or a value that all lanes share. */
struct Load {
  bool fromSlot;
  Index source;
  Index value;
};

struct Store {
  Index value;
  Index slot;
};

struct Stage {
  enum class Kind : uint32_t { uniform, straight, loop };
  Kind kind;
  std::vector<Load> loads;
  std::vector<Store> stores;
  /** Of a loop stage. */
  While loop;
  /** Of any other stage. */
  Block block;
};

struct Program {
  int64_t lanes = 1;
  std::vector<std::string> kernels;
  std::vector<Port> inputs;
  std::vector<Port> outputs;
  /** The number of doubles of each constant. */
  std::vector<int64_t> constants;
  std::vector<double> immediates;
  std::vector<Value> values;
  std::vector<Slot> slots;
  std::vector<UniformPort> uniformInputs;
  std::vector<UniformPort> uniformOutputs;
  int64_t uniformArena = 0;
  int64_t laneArena = 0;
  std::vector<Stage> stages;
};

}  // namespace onestep
