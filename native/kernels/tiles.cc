#include "kernels/tiles.h"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tiles.cc"
// clang-format off
#include "kernels/targets.h"
#include <hwy/foreach_target.h>
// clang-format on
#include "kernels/tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace onestep {
namespace HWY_NAMESPACE {

void LoadTile(double* tile, const double* batch, int64_t size, int64_t lanes, const int64_t* instances) {
  for (int64_t t = 0; t < lanes; t += kSlab) {
    const double* from[kSlab];
    bool all = true;
    for (int64_t i = 0; i < kSlab; ++i) {
      all = all && instances[t + i] >= 0;
      from[i] = batch + instances[t + i] * size;
    }
    if (all) {
      LoadSlab(tile + t, from, size, lanes);
      continue;
    }
    for (int64_t i = t; i < t + kSlab; ++i) {
      if (instances[i] >= 0) loadLane(tile, batch + instances[i] * size, size, lanes, i);
    }
  }
}

void StoreTile(double* batch, const double* tile, int64_t size, int64_t lanes, const int64_t* instances) {
  for (int64_t t = 0; t < lanes; t += kSlab) {
    double* to[kSlab];
    bool all = true;
    for (int64_t i = 0; i < kSlab; ++i) {
      all = all && instances[t + i] >= 0;
      to[i] = batch + instances[t + i] * size;
    }
    if (all) {
      StoreSlab(to, tile + t, size, lanes);
      continue;
    }
    for (int64_t i = t; i < t + kSlab; ++i) {
      if (instances[i] >= 0) storeLane(batch + instances[i] * size, tile, size, lanes, i);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace onestep
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace onestep {
namespace {

HWY_EXPORT(LoadTile);
HWY_EXPORT(StoreTile);

}  // namespace

void loadTile(double* tile, const double* batch, int64_t size, int64_t lanes, const int64_t* instances) {
  if (lanes == 1) {
    if (*instances >= 0) std::copy_n(batch + *instances * size, size, tile);
    return;
  }
  HWY_DYNAMIC_DISPATCH(LoadTile)(tile, batch, size, lanes, instances);
}

void storeTile(double* batch, const double* tile, int64_t size, int64_t lanes, const int64_t* instances) {
  if (lanes == 1) {
    if (*instances >= 0) std::copy_n(tile, size, batch + *instances * size);
    return;
  }
  HWY_DYNAMIC_DISPATCH(StoreTile)(batch, tile, size, lanes, instances);
}

void loadLane(double* tile, const double* instance, int64_t size, int64_t lanes, int64_t lane) {
  for (int64_t s = 0; s < size; ++s) tile[s * lanes + lane] = instance[s];
}

void storeLane(double* instance, const double* tile, int64_t size, int64_t lanes, int64_t lane) {
  for (int64_t s = 0; s < size; ++s) instance[s] = tile[s * lanes + lane];
}

}  // namespace onestep
#endif
