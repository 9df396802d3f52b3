// Masks of lanes: made from predicates, and used when results replace what was there.
#pragma once

#include <bit>
#include <cstring>

#include "executor/frame.h"

namespace onestep {

/** Keeps the lanes of `within` for which `holds`; `out` may be `within`. */
template <class Predicate>
Mask narrow(Mask out, const Mask& within, int64_t lanes, Predicate holds) {
  out.count = 0;
  for (int64_t t = 0; t < lanes; ++t) {
    const uint64_t in = within.words[t] != 0 && holds(t) ? ~uint64_t{0} : 0;
    out.words[t] = in;
    out.count += static_cast<int64_t>(in & 1);
  }
  return out;
}

/** What a predicate says: not 0, and not NaN. */
inline bool truth(double predicate) { return predicate < 0 || predicate > 0; }

/** to = from, both [size, lanes], in the lanes of the mask; what the others hold keeps its bits. */
inline void assign(double* to, const double* from, int64_t size, int64_t lanes, const Mask& mask) {
  if (to == from || mask.count == 0) return;
  if (mask.count == lanes) {
    std::memcpy(to, from, static_cast<size_t>(size * lanes) * sizeof(double));
    return;
  }
  for (int64_t s = 0; s < size; ++s, to += lanes, from += lanes) {
    for (int64_t t = 0; t < lanes; ++t) {
      const auto kept = std::bit_cast<uint64_t>(to[t]) & ~mask.words[t];
      to[t] = std::bit_cast<double>(kept | (std::bit_cast<uint64_t>(from[t]) & mask.words[t]));
    }
  }
}

}  // namespace onestep
