// What the maker of a command sees of its instruction, and how it asks for scratch.
#pragma once

#include <algorithm>
#include <string>

#include "executor/command.h"
#include "program/extent.h"
#include "program/reader.h"

namespace onestep {

/** "[2, 3]", as shapes are written in every message. */
std::string format(const Shape& shape);

/** The number of elements of axes first … last − 1. */
inline int64_t product(const Shape& shape, size_t first, size_t last) {
  int64_t size = 1;
  for (size_t i = first; i < last; ++i) size *= shape[i];
  return size;
}

/** Pieces of scratch. All commands use the same memory, one after another. */
class Scratch {
 public:
  explicit Scratch(Index firstIndex) : firstIndex_(firstIndex) {}

  /** The next command begins: what went before may be overwritten. */
  void restart() { next_ = 0; }

  /** A piece of so many doubles, aligned to 64 bytes; the answer is its place in the table of a frame. */
  Index piece(int64_t doubles) {
    offsets_.push_back(next_);
    next_ += (doubles + 7) / 8 * 8;
    size_ = std::max(size_, next_);
    return firstIndex_ + static_cast<Index>(offsets_.size() - 1);
  }

  /** Doubles that hold every command's pieces. */
  int64_t size() const { return size_; }
  /** Where each piece begins. */
  const std::vector<int64_t>& offsets() const { return offsets_; }

 private:
  Index firstIndex_;
  int64_t next_ = 0;
  int64_t size_ = 0;
  std::vector<int64_t> offsets_;
};

class Call {
 public:
  /** @param lanes T in lane code, 1 in uniform code */
  Call(const Program& program, const Instruction& instruction, int64_t lanes, Scratch& scratch)
      : program_(program), instruction_(instruction), lanes_(lanes), scratch_(scratch) {
    scratch_.restart();
  }

  int64_t lanes() const { return lanes_; }
  size_t inputs() const { return instruction_.inputs.size(); }
  size_t outputs() const { return instruction_.outputs.size(); }
  /** Places in the table of a frame. */
  Index in(size_t i) const { return instruction_.inputs[i]; }
  Index out(size_t i = 0) const { return instruction_.outputs[i]; }
  const Value& input(size_t i) const { return program_.values[in(i)]; }
  const Value& output(size_t i = 0) const { return program_.values[out(i)]; }
  /** Whether an operand has an entry for each lane; with one lane there is no difference. */
  bool perLane(size_t input) const { return lanes_ > 1 && this->input(input).perLane; }
  /** Whether an output lies upon an input; the loader has seen to it that it then does so exactly. */
  bool sameMemory(size_t output, size_t input) const {
    const Extent extent = extentOf(program_, in(input));
    return extent.begin < extent.end && extent == extentOf(program_, out(output));
  }
  const std::vector<std::string>& kernels() const { return program_.kernels; }

  /** The attribute words. Whoever reads them ends with `end`. */
  Reader attributes() const { return Reader(instruction_.attributes, 0); }
  void noAttributes() const { attributes().end(name().c_str()); }

  std::string name() const { return std::string(instruction_.kernel); }

  void arity(size_t inputs, size_t outputs) const;
  /** Refuses the instruction and shows its shapes, unless `holds`. */
  void require(bool holds, std::string_view expected) const;

  /** In lane code, kernels that do not mix take per-lane operands only. */
  void requirePerLane(size_t input) const {
    require(lanes_ == 1 || perLane(input), "per-lane operands, in lane code");
  }

  /** A piece of scratch, as a place in the table of a frame. */
  Index scratch(int64_t doubles) const { return scratch_.piece(doubles); }

 private:
  const Program& program_;
  const Instruction& instruction_;
  int64_t lanes_;
  Scratch& scratch_;
};

}  // namespace onestep
