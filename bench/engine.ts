// The bench "engine": kernels beside BLAS, LAPACK and scalar loops; Newton beside NumPy; what tracing and calling cost.
import { elementwiseFigures } from './elementwise.js'
import type { Figure } from './figures.js'
import { kernelFigures } from './kernels.js'
import { batchFigures, singleFigures } from './logisticPeers.js'
import { overheadFigures } from './overhead.js'

/** All figures of the engine; about a minute on a quiet machine. */
export const engine = async (): Promise<Figure[]> => [
  ...kernelFigures(),
  ...(await elementwiseFigures()),
  ...(await singleFigures(50, 3, 15)),
  ...(await singleFigures(1000, 1.3, 5)),
  ...(await batchFigures(1024, 7)),
  ...(await overheadFigures()),
]
