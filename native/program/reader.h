// Reads the words of a Program one after another and never past the end: every length is checked against
// what is left before it is used.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/error.h"

namespace onestep {

/** Refuses a Program, in the words of all our errors: what, expected, received, remedy. */
[[noreturn]] inline void refuse(const std::string& what, const std::string& expected,
                                const std::string& received) {
  throw Error("ERR_PROGRAM", "The Program cannot be loaded: " + what + ". Expected " + expected +
                                 ", received " + received +
                                 ". Lower the function again with this version of onestep.");
}

class Reader {
 public:
  /** @param position where `words` begin in the buffer, for messages */
  Reader(std::span<const uint32_t> words, size_t position) : words_(words), position_(position) {}

  size_t left() const { return words_.size(); }

  std::span<const uint32_t> take(size_t count, const char* what) {
    if (count > left()) {
      refuse(at(what), std::to_string(count) + " more words", std::to_string(left()));
    }
    const auto taken = words_.first(count);
    words_ = words_.subspan(count);
    position_ += count;
    return taken;
  }

  uint32_t word(const char* what) { return take(1, what)[0]; }

  /** A long as it stands. */
  uint64_t bits(const char* what) {
    const auto pair = take(2, what);
    return static_cast<uint64_t>(pair[1]) << 32 | pair[0];
  }

  /** A long that counts doubles. */
  int64_t size(const char* what) {
    const uint64_t size = bits(what);
    if (size > kMaxSize) refuse(at(what), "at most 2^36 doubles", std::to_string(size));
    return static_cast<int64_t>(size);
  }

  /** A number of entries that follow, of at least `words` words each. */
  size_t count(const char* what, size_t words = 1) {
    const uint32_t count = word(what);
    if (count > left() / words) refuse(at(what), "entries that fit the buffer", std::to_string(count));
    return count;
  }

  uint32_t index(const char* what, size_t bound) {
    const uint32_t index = word(what);
    if (index >= bound) refuse(at(what), "an index below " + std::to_string(bound), std::to_string(index));
    return index;
  }

  bool flag(const char* what) { return index(what, 2) == 1; }

  std::string name(const char* what) {
    const size_t bytes = word(what);
    const auto words = take(bytes / 4 + (bytes % 4 != 0), what);
    return std::string(reinterpret_cast<const char*>(words.data()), bytes);
  }

  /** A number of words that follow, and a reader of just those. */
  Reader part(const char* what) {
    const size_t count = word(what);
    const size_t position = position_;
    return Reader(take(count, what), position);
  }

  void end(const char* what) const {
    if (left() != 0) refuse(at(what), "no word after it", std::to_string(left()) + " words");
  }

  /** "what (word 17)" */
  std::string at(const char* what) const {
    return std::string(what) + " (word " + std::to_string(position_) + ")";
  }

  static constexpr uint64_t kMaxSize = uint64_t{1} << 36;

 private:
  std::span<const uint32_t> words_;
  size_t position_;
};

}  // namespace onestep
