// Where values lie in an arena: half-open intervals of doubles, and sets of them.
#pragma once

#include <algorithm>
#include <map>

#include "program/program.h"

namespace onestep {

/** Doubles begin … end of the arena of a space; empty for values that lie in none. */
struct Extent {
  Space arena = Space::constant;
  int64_t begin = 0;
  int64_t end = 0;

  bool overlaps(const Extent& other) const {
    return arena == other.arena && std::max(begin, other.begin) < std::min(end, other.end);
  }
  bool contains(const Extent& other) const {
    return other.begin == other.end || (arena == other.arena && begin <= other.begin && other.end <= end);
  }
  bool operator==(const Extent&) const = default;
};

/** The extent of a value in an arena; that of anything else is empty. */
inline Extent extentOf(const Program& program, Index index) {
  const Value& value = program.values[index];
  if (value.space != Space::uniform && value.space != Space::lane) return {};
  const int64_t lanes = value.space == Space::lane ? program.lanes : 1;
  return {value.space, value.offset, value.offset + value.size * lanes};
}

/** A set of doubles of one arena, as disjoint intervals that do not touch. */
class Intervals {
 public:
  void add(int64_t begin, int64_t end) {
    if (begin >= end) return;
    auto at = intervals_.upper_bound(begin);
    if (at != intervals_.begin() && std::prev(at)->second >= begin) --at;
    while (at != intervals_.end() && at->first <= end) {
      begin = std::min(begin, at->first);
      end = std::max(end, at->second);
      at = intervals_.erase(at);
    }
    intervals_.emplace(begin, end);
  }

  bool covers(int64_t begin, int64_t end) const {
    if (begin >= end) return true;
    const auto after = intervals_.upper_bound(begin);
    return after != intervals_.begin() && std::prev(after)->second >= end;
  }

 private:
  std::map<int64_t, int64_t> intervals_;
};

}  // namespace onestep
