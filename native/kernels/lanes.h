// How a tile lies in memory, and the words every kernel header uses.
//
// A lane is one problem instance; a tile is `lanes` of them, 1 or a multiple of 8. A per-lane value of
// shape [n, m] is stored row-major as [n, m, lanes], the lane index last; a uniform value as [n, m]. With
// lanes = 1 the two are the same. Every number is a double; sizes and strides are int64, counted in
// doubles; a size of 0 is allowed everywhere.
//
// Every kernel is a pure function over raw pointers: it allocates nothing, throws nothing and keeps no
// state. Where it needs working memory it takes `scratch`, whose size in doubles the function ...Scratch
// of the same arguments gives (it may be 0; scratch may then be null). All memory is best aligned to 64
// bytes: without that the lane kernels take about a quarter longer, with the same result.
//
// A kernel that may take more than some milliseconds takes a Poll, and asks it between panels. Once told to
// stop it returns early and leaves anything in its output and its scratch: whoever may say the word throws
// that away. Otherwise the Poll changes no bit.
//
// For one shape and one kind of processor the bits of a lane's result depend on that lane's inputs alone:
// not on its neighbours (NaN and infinity included), its position in the tile, or the alignment of any
// pointer. They may depend on `lanes`.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/panels.h"

namespace onestep {

/**
 * The lanes that one slab holds: a tile is worked on eight lanes (64 bytes) at a time, whatever the
 * processor's vector length.
 */
inline constexpr int64_t kSlab = 8;

/** Whether a tile may have so many lanes. */
constexpr bool validLanes(int64_t lanes) { return lanes == 1 || (lanes > 0 && lanes % kSlab == 0); }

}  // namespace onestep
