#include "program/validate.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

#include "program/extent.h"
#include "program/reader.h"

namespace onestep {
namespace {

std::string named(const char* what, Index value) {
  return std::string(what) + " (value " + std::to_string(value) + ")";
}

/** Which input an output may lie exactly upon: any of fused, one of some others, none otherwise. */
bool sharesMemory(const Instruction& instruction, size_t output, size_t input) {
  const std::string_view kernel = instruction.kernel;
  if (kernel == "fused") return true;
  if (output != 0) return false;
  if (kernel == "cholesky" || kernel == "lu" || kernel == "triangle") return input == 0;
  if (kernel == "triangularSolve" || kernel == "choleskySolve") return input == 1;
  return kernel == "luSolve" && input == 2;
}

/** `from` becomes `to` when a block has ended. */
struct Move {
  Index to;
  Index from;
};

/** Walks the blocks in the order in which they run, and knows which memory has been set. */
class Walk {
 public:
  explicit Walk(const Program& program) : program_(program), sequenceOf_(program.values.size(), kNone) {}

  void run() {
    for (const auto& [input, index] : program_.uniformInputs) {
      const Port& port = program_.inputs[input];
      require(port.uniform && port.size == value(index).size && value(index).space == Space::uniform,
              named("a uniform input", index), "a uniform value of the size of a uniform input");
      set(index);
    }
    for (const Stage& stage : program_.stages) {
      laneCode_ = stage.kind != Stage::Kind::uniform;
      lane_ = {};
      runStage(stage);
    }
    laneCode_ = false;
    std::vector<bool> written(program_.outputs.size());
    for (const Slot& slot : program_.slots) {
      if (slot.kind != Slot::Kind::output || !stored(slot)) continue;
      require(!written[slot.index], "output " + std::to_string(slot.index), "one slot", "two");
      written[slot.index] = true;
    }
    for (const auto& [output, index] : program_.uniformOutputs) {
      const Port& port = program_.outputs[output];
      require(port.uniform && port.size == value(index).size, named("a uniform output", index),
              "a value of the size of a uniform output");
      read(index, "a uniform output");
      written[output] = true;
    }
    for (size_t i = 0; i < written.size(); ++i) {
      require(written[i], "output " + std::to_string(i), "a store or a uniform value");
    }
  }

 private:
  const Value& value(Index index) const { return program_.values[index]; }

  static void require(bool holds, const std::string& what, const std::string& expected,
                      const std::string& received = "something else") {
    if (!holds) refuse(what, expected, received);
  }

  /** The memory of a value; that of a slice is all of its sequence. */
  Extent extent(Index index) const {
    while (value(index).space == Space::slice && sequenceOf_[index] != kNone) index = sequenceOf_[index];
    return extentOf(program_, index);
  }

  void set(Index index) {
    const Extent extent = extentOf(program_, index);
    (extent.arena == Space::lane ? lane_ : uniform_).add(extent.begin, extent.end);
  }

  void read(Index index, const char* what) const {
    require(laneCode_ || !value(index).perLane, named(what, index), "a uniform value",
            "a per-lane one in uniform code");
    if (value(index).space == Space::slice) {
      require(sequenceOf_[index] != kNone, named(what, index), "a slice inside its scan", "one outside");
      return;
    }
    const Extent extent = extentOf(program_, index);
    const Intervals& ready = extent.arena == Space::lane ? lane_ : uniform_;
    require(ready.covers(extent.begin, extent.end), named(what, index), "memory that has been set",
            "memory that has not");
  }

  /** What decides or moves in lane code is per lane. */
  void readOwn(Index index, const char* what) const {
    read(index, what);
    require(value(index).perLane == laneCode_ || !laneCode_, named(what, index), "a per-lane value",
            "a uniform one");
  }

  void readScalar(Index index, const char* what) const {
    readOwn(index, what);
    require(value(index).size == 1, named(what, index), "1 element", std::to_string(value(index).size));
  }

  void write(Index index, const char* what) {
    const Space space = laneCode_ ? Space::lane : Space::uniform;
    require(value(index).space == space, named(what, index),
            laneCode_ ? "a lane value, in lane code" : "a uniform value, in uniform code", "another space");
    set(index);
  }

  /** Whether `many` is `times` times as large as `one`; the product itself could overflow. */
  bool isMultiple(Index many, Index one, int64_t times) const {
    const int64_t size = value(one).size;
    if (size == 0 || times == 0) return value(many).size == 0;
    return value(many).size % times == 0 && value(many).size / times == size;
  }

  void sameSize(Index to, Index from) const {
    require(value(to).size == value(from).size, named("what a result is copied to", to),
            std::to_string(value(from).size) + " elements", std::to_string(value(to).size));
  }

  /** A result may lie exactly where it is copied to, and nowhere else where it or a later result is copied
   * to. */
  void checkMoves(const std::vector<Move>& moves, const std::vector<Move>& later = {}) const {
    for (size_t i = 0; i < moves.size(); ++i) {
      const Extent to = extent(moves[i].to);
      const auto check = [&](Index source, bool own) {
        const Extent from = extent(source);
        require(!to.overlaps(from) || (own && to == from), named("a result", source),
                "memory of its own or of its own carry", "the memory of another");
      };
      for (size_t j = 0; j < moves.size(); ++j) check(moves[j].from, i == j);
      for (const Move& move : later) check(move.from, false);
    }
  }

  bool stored(const Slot& slot) const { return stored_[static_cast<size_t>(&slot - program_.slots.data())]; }

  void runStage(const Stage& stage) {
    for (const Load& load : stage.loads) {
      require(value(load.value).space == Space::lane, named("a loaded value", load.value), "a lane value");
      int64_t size = 0;
      if (load.fromSlot) {
        const Slot& slot = program_.slots[load.source];
        require(slot.kind == Slot::Kind::input || stored(slot), "slot " + std::to_string(load.source),
                "an input, or a slot that an earlier stage stores", "one that holds nothing yet");
        size = slot.size;
      } else {
        require(value(load.source).space != Space::lane && value(load.source).space != Space::slice,
                named("the source of a load", load.source), "a constant, immediate or uniform value");
        read(load.source, "the source of a load");
        size = value(load.source).size;
      }
      require(value(load.value).size == size, named("a loaded value", load.value),
              std::to_string(size) + " elements", std::to_string(value(load.value).size));
      set(load.value);
    }
    if (stage.kind == Stage::Kind::loop) {
      // A lane is stored when its condition has run and before its body would: the body sets nothing for it.
      runLoop(stage.loop);
    } else {
      runBlock(stage.block);
    }
    for (const Store& store : stage.stores) {
      const Slot& slot = program_.slots[store.slot];
      readOwn(store.value, "a stored value");
      require(slot.kind != Slot::Kind::input, "slot " + std::to_string(store.slot),
              "an output or internal slot", "an input, which is not written");
      require(slot.size == value(store.value).size, named("a stored value", store.value),
              std::to_string(slot.size) + " elements", std::to_string(value(store.value).size));
      const auto same = [&](const Store& other) { return other.slot == store.slot; };
      require(std::count_if(stage.stores.begin(), stage.stores.end(), same) == 1,
              "slot " + std::to_string(store.slot), "one store a stage", "two");
    }
    for (const Store& store : stage.stores) stored_[store.slot] = true;
  }

  void runBlock(const Block& block) {
    for (const Instruction& instruction : block) {
      if (const auto* loop = std::get_if<While>(&instruction.control)) {
        runLoop(*loop);
      } else if (const auto* scan = std::get_if<Scan>(&instruction.control)) {
        runScan(*scan);
      } else if (const auto* cond = std::get_if<Cond>(&instruction.control)) {
        runCond(*cond);
      } else {
        runLeaf(instruction);
      }
    }
  }

  /** A block that may not run, so that what it sets does not count afterwards; `ended` runs at its end. */
  template <class Ended>
  void runMaybe(const Block& block, Ended ended) {
    const auto ready = std::pair(lane_, uniform_);
    runBlock(block);
    ended();
    std::tie(lane_, uniform_) = ready;
  }

  void runLeaf(const Instruction& instruction) {
    const std::string kernel(instruction.kernel);
    for (const Index input : instruction.inputs) read(input, ("an input of " + kernel).c_str());
    for (size_t o = 0; o < instruction.outputs.size(); ++o) {
      const Index output = instruction.outputs[o];
      write(output, ("an output of " + kernel).c_str());
      for (size_t i = 0; i < instruction.inputs.size(); ++i) {
        const Index input = instruction.inputs[i];
        if (!extent(output).overlaps(extent(input))) continue;
        require(sharesMemory(instruction, o, i) && extent(output) == extentOf(program_, input),
                named(("an output of " + kernel).c_str(), output), "memory apart from that of its inputs",
                named("the memory of an input", input));
      }
      for (size_t p = 0; p < o; ++p) {
        require(!extent(output).overlaps(extent(instruction.outputs[p])),
                named(("an output of " + kernel).c_str(), output), "memory apart from that of other outputs");
      }
    }
  }

  void enterCarries(const std::vector<Carry>& carries, std::vector<Move>& moves) {
    for (const auto& [carry, result] : carries) {
      read(carry, "a carry");
      write(carry, "a carry");
      sameSize(carry, result);
      moves.push_back({carry, result});
    }
  }

  void readResults(const std::vector<Carry>& carries) const {
    for (const auto& [_, result] : carries) readOwn(result, "a result");
  }

  void runLoop(const While& loop) {
    std::vector<Move> moves;
    enterCarries(loop.carries, moves);
    runBlock(loop.condition);
    readScalar(loop.predicate, "a predicate");
    runMaybe(loop.body, [&] {
      readResults(loop.carries);
      checkMoves(moves);
    });
  }

  void runScan(const Scan& scan) {
    if (scan.count) readScalar(*scan.count, "the count of a scan");
    std::vector<Move> carried;
    std::vector<Move> collected;
    enterCarries(scan.carries, carried);
    for (const auto& [sequence, slice] : scan.sequences) {
      read(sequence, "a sequence");
      require(value(slice).space == Space::slice && value(slice).perLane == value(sequence).perLane,
              named("a slice", slice), "a slice, per lane like its sequence");
      require(isMultiple(sequence, slice, scan.length), named("a sequence", sequence),
              std::to_string(scan.length) + " slices", "another size");
      require(sequenceOf_[slice] == kNone, named("a slice", slice), "one scan that sets it", "two at once");
      sequenceOf_[slice] = sequence;
    }
    for (const auto& [stacked, result] : scan.stacks) {
      require(isMultiple(stacked, result, scan.length), named("a stacked output", stacked),
              std::to_string(scan.length) + " results", "another size");
      require(value(stacked).space == (laneCode_ ? Space::lane : Space::uniform),
              named("a stacked output", stacked), "a value of the arena");
      collected.push_back({stacked, result});
    }
    runMaybe(scan.body, [&] {
      readResults(scan.carries);
      for (const auto& [_, result] : scan.stacks) readOwn(result, "a stacked result");
      // What is stacked is copied first, so it may lie in a carry.
      checkMoves(collected, carried);
      checkMoves(carried);
    });
    for (const auto& [_, slice] : scan.sequences) sequenceOf_[slice] = kNone;
    for (const auto& [stacked, _] : scan.stacks) set(stacked);
  }

  void runCond(const Cond& cond) {
    readScalar(cond.predicate, "a predicate");
    runBranch(cond, cond.then, &Cond::Choice::then);
    runBranch(cond, cond.otherwise, &Cond::Choice::otherwise);
    for (const auto& choice : cond.choices) write(choice.output, "an output of cond");
  }

  void runBranch(const Cond& cond, const Block& branch, Index Cond::Choice::*result) {
    std::vector<Move> moves;
    runMaybe(branch, [&] {
      for (const auto& choice : cond.choices) {
        readOwn(choice.*result, "a result of cond");
        sameSize(choice.output, choice.*result);
        moves.push_back({choice.output, choice.*result});
      }
      checkMoves(moves);
    });
  }

  static constexpr Index kNone = ~Index{0};

  const Program& program_;
  bool laneCode_ = false;
  /** The memory that has been set, in both arenas. */
  Intervals lane_;
  Intervals uniform_;
  /** The sequence that each slice is cut from just now. */
  std::vector<Index> sequenceOf_;
  std::vector<bool> stored_ = std::vector<bool>(program_.slots.size());
};

}  // namespace

void validate(const Program& program) { Walk(program).run(); }

}  // namespace onestep
