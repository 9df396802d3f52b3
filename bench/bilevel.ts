// The bench "bilevel": a penalty for each feature, hyper-cleaning of digits, memory of unrolling, the outer loop as lanes.
import { cleaning } from './cleaning.js'
import { featurePenalties } from './featurePenalties.js'
import type { Figure } from './figures.js'
import { outerLoop } from './outerLoop.js'
import { unrollMemory } from './unrollMemory.js'

/**
 * All figures of bilevel problems; two minutes on a quiet machine. `data`: a LIBSVM file for the penalties, synthetic rows without it.
 * `out`: a folder for the page of hyper-cleaning.
 */
export const bilevel = async (options: {
  readonly quick: boolean
  readonly data?: string
  readonly out?: string
}): Promise<Figure[]> => {
  const { quick, data, out } = options
  // A file that is missing is told before much is measured.
  return [
    ...(await featurePenalties({ quick, ...(data === undefined ? {} : { data }) })),
    ...(await cleaning({ quick, ...(out === undefined ? {} : { out }) })),
    ...unrollMemory({ quick }),
    ...(await outerLoop({ quick })),
  ]
}
