#include "executor/placement.h"

#include <algorithm>

#include "program/extent.h"

namespace onestep {
namespace {

void collect(const Block& block, std::vector<Access>& list);

void join(Access& whole, const Block& block) {
  std::vector<Access> inner;
  collect(block, inner);
  for (const Access& access : inner) {
    whole.reads.insert(whole.reads.end(), access.reads.begin(), access.reads.end());
    whole.writes.insert(whole.writes.end(), access.writes.begin(), access.writes.end());
  }
}

void joinCarries(Access& whole, const std::vector<Carry>& carries) {
  for (const auto& [carry, result] : carries) {
    whole.reads.insert(whole.reads.end(), {carry, result});
    whole.writes.push_back(carry);
  }
}

Access accessOf(const While& loop) {
  Access access{.reads = {loop.predicate}, .writes = {}, .anyOrder = true};
  joinCarries(access, loop.carries);
  join(access, loop.condition);
  join(access, loop.body);
  return access;
}

Access accessOf(const Scan& scan) {
  Access access{.reads = {}, .writes = {}, .anyOrder = true};
  if (scan.count) access.reads.push_back(*scan.count);
  joinCarries(access, scan.carries);
  for (const auto& [sequence, _] : scan.sequences) access.reads.push_back(sequence);
  for (const auto& [stacked, result] : scan.stacks) {
    access.reads.push_back(result);
    access.writes.push_back(stacked);
  }
  join(access, scan.body);
  return access;
}

Access accessOf(const Cond& cond) {
  Access access{.reads = {cond.predicate}, .writes = {}, .anyOrder = true};
  for (const auto& [output, then, otherwise] : cond.choices) {
    access.reads.insert(access.reads.end(), {then, otherwise});
    access.writes.push_back(output);
  }
  join(access, cond.then);
  join(access, cond.otherwise);
  return access;
}

void collect(const Block& block, std::vector<Access>& list) {
  for (const Instruction& instruction : block) {
    if (const auto* loop = std::get_if<While>(&instruction.control)) {
      list.push_back(accessOf(*loop));
    } else if (const auto* scan = std::get_if<Scan>(&instruction.control)) {
      list.push_back(accessOf(*scan));
    } else if (const auto* cond = std::get_if<Cond>(&instruction.control)) {
      list.push_back(accessOf(*cond));
    } else {
      list.push_back({.reads = instruction.inputs, .writes = instruction.outputs});
    }
  }
}

/** A growing set of values inside one extent. */
class Group {
 public:
  Group(const Program& program, Index first) : program_(program), extent_(extentOf(program, first)) {
    add(first);
  }

  bool touches(Index value) const { return extent_.overlaps(extentOf(program_, value)); }
  bool touchesAny(const std::vector<Index>& values) const {
    return std::any_of(values.begin(), values.end(), [&](Index value) { return touches(value); });
  }
  bool has(Index value) const {
    return std::any_of(placed_.begin(), placed_.end(), [&](const Placed& p) { return p.value == value; });
  }
  bool hasAny(const std::vector<Index>& values) const {
    return std::any_of(values.begin(), values.end(), [&](Index value) { return has(value); });
  }
  /** Whether the value lies inside, so that it could be added. */
  bool add(Index value) {
    if (has(value)) return true;
    const Extent extent = extentOf(program_, value);
    if (!extent_.contains(extent)) return false;
    placed_.push_back({value, extent.begin - extent_.begin});
    return true;
  }
  const Extent& extent() const { return extent_; }
  const Placement& placement() const { return placed_; }

 private:
  const Program& program_;
  Extent extent_;
  Placement placed_;
};

}  // namespace

std::vector<Access> accesses(const Stage& stage) {
  std::vector<Access> list;
  if (stage.kind == Stage::Kind::loop) {
    list.push_back(accessOf(stage.loop));
  } else {
    collect(stage.block, list);
  }
  return list;
}

Placement placeLoaded(const Program& program, Index loaded, std::span<const Access> accesses) {
  Group group(program, loaded);
  std::vector<Extent> overwritten;
  for (const Access& access : accesses) {
    if (access.anyOrder && group.touchesAny(access.reads) && group.touchesAny(access.writes)) return {};
    for (const Index value : access.reads) {
      if (!group.touches(value)) continue;
      if (overwritten.empty()) {
        if (!group.add(value)) return {};
      } else {
        // It must read what one write has put there, and nothing that was loaded.
        const Extent extent = extentOf(program, value);
        const bool fresh = std::any_of(overwritten.begin(), overwritten.end(),
                                       [&](const Extent& written) { return written.contains(extent); });
        if (!fresh || group.has(value)) return {};
      }
    }
    for (const Index value : access.writes) {
      if (!group.touches(value)) continue;
      if (group.has(value)) return {};
      overwritten.push_back(extentOf(program, value));
    }
  }
  return group.placement();
}

Placement placeStored(const Program& program, Index stored, std::span<const Access> accesses,
                      std::span<const Index> loaded, std::span<const Index> storedValues) {
  Group group(program, stored);
  // Everything after the last write belongs to what is stored.
  for (const Index value : storedValues) {
    if (group.touches(value) && !group.add(value)) return {};
  }
  size_t last = accesses.size();
  while (last > 0 && !group.touchesAny(accesses[last - 1].writes)) {
    const Access& access = accesses[--last];
    for (const Index value : access.reads) {
      if (group.touches(value) && !group.add(value)) return {};
    }
  }
  if (last == 0) return {};
  const Access& writer = accesses[last - 1];
  for (const Index value : writer.writes) {
    if (!group.touches(value)) continue;
    if (extentOf(program, value) != group.extent() || !group.add(value)) return {};
  }
  // Nothing before it, nor what it reads, may be seen through one of these values.
  if (group.hasAny(writer.reads)) return {};
  for (size_t i = 0; i + 1 < last; ++i) {
    if (group.hasAny(accesses[i].reads) || group.hasAny(accesses[i].writes)) return {};
  }
  for (const Index value : loaded) {
    if (group.has(value)) return {};
  }
  return group.placement();
}

}  // namespace onestep
