// The way in and out of tiles. A batch is stored instance by instance, [instances, size]; a tile is
// [size, lanes].
#pragma once

#include "kernels/lanes.h"

namespace onestep {

/**
 * tile[s, t] = batch[instances[t], s] for every lane t. A negative instance leaves its lane as it is. The
 * same instance may stand in several lanes: that is how a tile is padded.
 */
void loadTile(double* tile, const double* batch, int64_t size, int64_t lanes, const int64_t* instances);

/** batch[instances[t], s] = tile[s, t] for every lane t whose instance is not negative. */
void storeTile(double* batch, const double* tile, int64_t size, int64_t lanes, const int64_t* instances);

/** tile[s, lane] = instance[s]: one lane is filled, as when a waiting instance takes a free lane. */
void loadLane(double* tile, const double* instance, int64_t size, int64_t lanes, int64_t lane);

/** instance[s] = tile[s, lane]. */
void storeLane(double* instance, const double* tile, int64_t size, int64_t lanes, int64_t lane);

}  // namespace onestep
