// The weighted Gram matrix G = Aᵀ diag(w) A, the Hessian of a generalised linear model.
#pragma once

#include "kernels/lanes.h"

namespace onestep {

/** A is [rows, cols], w is [rows] of any sign, G is [cols, cols], per lane when A or w is, else uniform. */
struct GramShape {
  int64_t rows;
  int64_t cols;
  int64_t lanes;
  bool laneA;
  /** Whether there is a w, and whether it is per lane. Without one, G = AᵀA. */
  bool weighted;
  bool laneW;
};

/** The scratch of gram, in doubles. */
size_t gramScratch(const GramShape& shape);

/**
 * Computes the lower triangle of G and mirrors it, so that G is symmetric bit for bit. `w` is not read when
 * the shape is not weighted. G overlaps neither operand.
 */
void gram(const GramShape& shape, double* g, const double* a, const double* w, double* scratch,
          Poll stop = Poll());

}  // namespace onestep
