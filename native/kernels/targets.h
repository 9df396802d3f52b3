// Which processors the kernels are compiled for, and how wide a vector is. Include this before Highway.
//
// Every .cc file with vector code is compiled once per target and the best one is chosen at run time. Four
// are enough on x86: AVX3 (AVX-512), AVX2 with FMA, SSE4, and plain C++. Targets in between would add
// compile time and binary size, and no speed. SVE's vectors have no fixed length, so Arm uses NEON.
#pragma once

#define HWY_DISABLED_TARGETS \
  (HWY_AVX3_DL | HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

#include <hwy/targets.h>

// Loops over the registers of a block, whose length is a constant: unrolled, or the sums live in memory.
#if defined(__clang__)
#define ONESTEP_UNROLL _Pragma("unroll")
#else
#define ONESTEP_UNROLL _Pragma("GCC unroll 16")
#endif
