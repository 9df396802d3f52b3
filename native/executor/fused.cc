// fused: a group of elementwise operations in one pass over the output, a block at a time, so that what lies
// between them never leaves the first cache.
//
// When the Program is loaded, every register is found to be
//   scalar     one number for all elements: computed once, by blocks of 1
//   invariant  the same in every block (a value of the lanes, say): computed once, before the blocks
//   varying    computed in every block
// and gets a place: in scratch, or directly in the memory of an output.
#include <array>
#include <map>
#include <optional>

#include "executor/broadcast.h"
#include "executor/registry.h"
#include "kernels/elementwise.h"

namespace onestep {
namespace {

/** Elements a block: a handful of blocks fit the first cache. */
constexpr int64_t kBlock = 512;
/** Buffers must not lie a multiple of 4096 bytes apart, where they would fight for the same cache lines. */
constexpr int64_t kGap = 24;

constexpr uint32_t kMaxRegisters = 1 << 16;

/** A place in the table of a frame; `moving` has all bits set when it goes forward with the blocks. */
struct Operand {
  Index index = 0;
  int64_t moving = 0;
  double* at(const Frame& frame, int64_t start) const { return frame[index] + (start & moving); }
};

struct Step {
  enum class Kind { unary, binary, ternary, fill, load };
  Kind kind;
  union {
    UnaryKernel unary;
    BinaryKernel binary;
    TernaryKernel ternary;
    const Broadcast* broadcast;
  };
  Operand out;
  std::array<Operand, 3> arguments;

  void run(const Frame& frame, int64_t start, int64_t count) const {
    const auto n = static_cast<size_t>(count);
    double* to = out.at(frame, start);
    const double* a = arguments[0].at(frame, start);
    switch (kind) {
      case Kind::unary:
        return unary(to, a, n);
      case Kind::binary:
        return binary(to, a, arguments[1].at(frame, start), n);
      case Kind::ternary:
        return ternary(to, a, arguments[1].at(frame, start), arguments[2].at(frame, start), n);
      case Kind::fill:
        return fill(to, *a, n);
      case Kind::load:
        return broadcast->load(to, a, start, count);
    }
  }
};

class Fused final : public Command {
 public:
  void run(Frame& frame) const override {
    for (const Step& step : scalars) step.run(frame, 0, 1);
    for (const Step& step : invariants) step.run(frame, 0, std::min(block, size));
    const int64_t numbers = block * static_cast<int64_t>(body.size());
    for (const int64_t start : Panels(size, block, frame.stop, numbers)) {
      const int64_t count = std::min(block, size - start);
      for (const Step& step : body) step.run(frame, start, count);
    }
  }

  int64_t size = 0;
  int64_t block = 0;
  std::vector<Broadcast> broadcasts;
  std::vector<Step> scalars;
  std::vector<Step> invariants;
  std::vector<Step> body;
};

enum class Rate { scalar, invariant, varying };

/** An input, or the result of one step: registers may be written again, these are written once. */
struct Node {
  Rate rate = Rate::varying;
  /** The function and its arguments, for a step. */
  std::string_view function;
  std::vector<size_t> arguments;
  /** The last step that reads it; that of an output is behind all steps. −1: never. */
  int64_t lastUse = -1;
  /** Where its elements lie. Inputs that are repeated, and scalars, get a place when they are first needed.
   */
  std::optional<Operand> place;
  /** Where a scalar lies. */
  std::optional<Operand> scalar;
  /** Whether `place` is a buffer that is free again after the last use. */
  bool temporary = false;
};

class Builder {
 public:
  explicit Builder(const Call& call) : call_(call) {}

  CommandPointer build() {
    call_.require(call_.outputs() > 0, "at least one output");
    const Shape& shape = call_.output().shape;
    fused_->size = call_.output().size * call_.lanes();
    // Blocks are whole tiles where that is possible, so that values of the lanes are invariant.
    const int64_t tiles = std::max<int64_t>(kBlock / call_.lanes(), 1) * call_.lanes();
    fused_->block = tiles <= kBlock ? tiles : kBlock;
    for (size_t i = 0; i < call_.outputs(); ++i) {
      call_.require(call_.output(i).shape == shape, "outputs of one shape");
    }
    addInputs(shape);
    readSteps();
    markUses();
    placeOutputs();
    for (size_t node = call_.inputs(); node < nodes_.size(); ++node) emit(node);
    for (size_t i = 0; i < outputs_.size(); ++i) emitCopy(i);
    return std::move(fused_);
  }

 private:
  void addInputs(const Shape& shape) {
    for (size_t i = 0; i < call_.inputs(); ++i) {
      const Broadcast broadcast(call_, call_.input(i).shape, call_.perLane(i), shape, call_.lanes());
      fused_->broadcasts.push_back(broadcast);
      Node node;
      switch (broadcast.kind()) {
        case Broadcast::Kind::direct:
          node.place = moving(call_.in(i));
          break;
        case Broadcast::Kind::scalar:
          node.rate = Rate::scalar;
          node.scalar = Operand{call_.in(i)};
          break;
        case Broadcast::Kind::periodic:
          if (fused_->block % broadcast.period() == 0) node.rate = Rate::invariant;
          break;
        case Broadcast::Kind::other:
          break;
      }
      nodes_.push_back(std::move(node));
    }
  }

  void readSteps() {
    Reader attributes = call_.attributes();
    constexpr size_t kUnset = ~size_t{0};
    const uint32_t registers = attributes.index("registers", kMaxRegisters + 1);
    const size_t steps = attributes.count("steps", 3);
    std::vector<size_t> current(registers, kUnset);
    const auto held = [&](uint32_t word) {
      call_.require(word < registers && current[word] != kUnset, "registers that have been written");
      return current[word];
    };
    for (size_t s = 0; s < steps; ++s) {
      Node node;
      node.function = call_.kernels()[attributes.index("function", call_.kernels().size())];
      const uint32_t destination = attributes.index("register", registers);
      const size_t count = attributes.count("arguments");
      node.rate = Rate::scalar;
      for (size_t i = 0; i < count; ++i) {
        const auto word = static_cast<int32_t>(attributes.word("argument"));
        const auto input = static_cast<uint32_t>(-1 - static_cast<int64_t>(word));
        call_.require(word >= 0 || input < call_.inputs(), "arguments that are inputs or registers");
        node.arguments.push_back(word < 0 ? input : held(static_cast<uint32_t>(word)));
        node.rate = std::max(node.rate, nodes_[node.arguments.back()].rate);
      }
      const bool known = count == 1   ? findUnary(node.function) != nullptr
                         : count == 2 ? findBinary(node.function) != nullptr
                                      : count == 3 && findTernary(node.function) != nullptr;
      call_.require(known, "elementwise functions; there is no " + std::string(node.function) + " of " +
                               std::to_string(count) + " arguments");
      current[destination] = nodes_.size();
      nodes_.push_back(std::move(node));
    }
    for (size_t i = 0; i < call_.outputs(); ++i) outputs_.push_back(held(attributes.word("output register")));
    attributes.end("fused");
  }

  void markUses() {
    for (const size_t node : outputs_) nodes_[node].lastUse = static_cast<int64_t>(nodes_.size());
    for (size_t node = nodes_.size(); node-- > call_.inputs();) {
      if (nodes_[node].lastUse < 0) continue;
      for (const size_t argument : nodes_[node].arguments) {
        nodes_[argument].lastUse = std::max(nodes_[argument].lastUse, static_cast<int64_t>(node));
      }
    }
  }

  /**
   * A result that varies is computed where the output lies, unless an input that lies there too is still read
   * by a later step.
   */
  void placeOutputs() {
    for (size_t i = 0; i < outputs_.size(); ++i) {
      Node& node = nodes_[outputs_[i]];
      if (node.rate != Rate::varying || node.place) continue;
      bool free = true;
      for (size_t k = 0; k < call_.inputs(); ++k) {
        free = free && !(call_.sameMemory(i, k) && nodes_[k].lastUse > static_cast<int64_t>(outputs_[i]));
      }
      if (free) node.place = moving(call_.out(i));
    }
  }

  void emit(size_t index) {
    Node& node = nodes_[index];
    if (node.lastUse < 0) return;
    const auto scalar = [&](size_t i) {
      return node.rate != Rate::scalar && nodes_[node.arguments[i]].rate == Rate::scalar;
    };
    Step step{};
    if (node.arguments.size() == 1) {
      step.kind = Step::Kind::unary;
      step.unary = findUnary(node.function);
    } else if (node.arguments.size() == 2) {
      const BinaryKernels* kernels = findBinary(node.function);
      step.kind = Step::Kind::binary;
      step.binary = scalar(0)   ? kernels->scalarVector
                    : scalar(1) ? kernels->vectorScalar
                                : kernels->vectorVector;
    } else {
      step.kind = Step::Kind::ternary;
      step.ternary = findTernary(node.function);
    }
    const bool takesScalars = node.rate == Rate::scalar || step.kind == Step::Kind::binary;
    for (size_t i = 0; i < node.arguments.size(); ++i) {
      Node& argument = nodes_[node.arguments[i]];
      const bool asScalar = takesScalars && argument.rate == Rate::scalar;
      step.arguments[i] = asScalar ? *argument.scalar : elements(node.arguments[i]);
    }
    for (const size_t argument : node.arguments) release(argument, static_cast<int64_t>(index));
    switch (node.rate) {
      case Rate::scalar:
        node.scalar = step.out = Operand{call_.scratch(1)};
        fused_->scalars.push_back(step);
        return;
      case Rate::invariant:
        node.place = step.out = Operand{buffer()};
        fused_->invariants.push_back(step);
        return;
      case Rate::varying:
        if (!node.place) {
          node.place = Operand{acquire()};
          node.temporary = true;
        }
        step.out = *node.place;
        fused_->body.push_back(step);
        return;
    }
  }

  /** Puts a result into its output where it was not computed there. */
  void emitCopy(size_t output) {
    Node& node = nodes_[outputs_[output]];
    Step step{};
    step.out = moving(call_.out(output));
    if (node.rate == Rate::scalar) {
      step.kind = Step::Kind::fill;
      step.arguments[0] = *node.scalar;
    } else {
      if (node.place->index == step.out.index) return;
      step.kind = Step::Kind::unary;
      step.unary = findUnary("copy");
      step.arguments[0] = *node.place;
    }
    fused_->body.push_back(step);
  }

  /** Where the elements of a node lie in a block; repeated inputs and scalars are brought there first. */
  Operand elements(size_t index) {
    Node& node = nodes_[index];
    if (node.place) return *node.place;
    Step step{};
    if (node.rate == Rate::scalar) {
      step.kind = Step::Kind::fill;
      step.arguments[0] = *node.scalar;
    } else {
      step.kind = Step::Kind::load;
      step.broadcast = &fused_->broadcasts[index];
      step.arguments[0] = Operand{call_.in(index)};
    }
    if (node.rate == Rate::varying) {
      node.temporary = true;
      step.out = Operand{acquire()};
      fused_->body.push_back(step);
    } else {
      step.out = Operand{buffer()};
      fused_->invariants.push_back(step);
    }
    node.place = step.out;
    return step.out;
  }

  static Operand moving(Index index) { return {index, ~int64_t{0}}; }

  Index buffer() { return call_.scratch(std::min(fused_->block, fused_->size) + kGap); }

  Index acquire() {
    if (free_.empty()) return buffer();
    const Index index = free_.back();
    free_.pop_back();
    return index;
  }

  void release(size_t index, int64_t step) {
    Node& node = nodes_[index];
    if (!node.temporary || node.lastUse != step) return;
    node.temporary = false;
    free_.push_back(node.place->index);
  }

  const Call& call_;
  std::unique_ptr<Fused> fused_ = std::make_unique<Fused>();
  /** Inputs, then steps. */
  std::vector<Node> nodes_;
  /** The node of each output. */
  std::vector<size_t> outputs_;
  std::vector<Index> free_;
};

CommandPointer makeFused(const Call& call) { return Builder(call).build(); }

constexpr Kernel kKernels[] = {{"fused", makeFused}};

}  // namespace

std::span<const Kernel> fusedKernels() { return kKernels; }

}  // namespace onestep
