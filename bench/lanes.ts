// The bench "lanes": refilled lanes on an uneven batch, two threads over one, compiled lock-step loops beside us, a stream of θ.
import type { Figure } from './figures.js'
import { laneFigures } from './laneRefill.js'
import { lockStepFigures } from './lockStep.js'
import { scalingFigures } from './scaling.js'
import { streamFigures } from './thetaStream.js'

/** All figures of lanes and threads; about a minute on a quiet machine. */
export const lanes = async (): Promise<Figure[]> => [
  ...(await laneFigures(4096, { orders: 1, bar: 1.05 })),
  ...(await laneFigures(256, { orders: 5, bar: 1.2, lanes: 8 })),
  ...(await laneFigures(256, { orders: 5 })),
  ...(await scalingFigures(5)),
  ...(await lockStepFigures(256, 7)),
  ...(await streamFigures(1e6, 16384)),
]
