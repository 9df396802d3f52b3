// A process that descends, and keeps a checkpoint of each round in a file: node resumeChild.js FILE. It is there to be killed.
import { renameSync, writeFileSync } from 'node:fs'
import { argv } from 'node:process'
import {
  checkpointText,
  domain,
  hypergradientDescent,
  implicit,
  innerTolerance,
  optimizer,
} from '../../lib/index.js'
import { byDescent, ridgeOuter, x0 } from './problems.js'

/** What is gone on from: inner solves that start warm, with tolerances that change from step to step. */
export const studied = {
  problem: { inner: byDescent, x0, outer: ridgeOuter, strategy: implicit() },
  domain: domain.logarithmic({ low: 1e-3, high: 1e3 }),
  tolerance: innerTolerance.exponential({ factor: 0.8 }),
}

export const studiedStarts = [0.6, 1, 3, 8, 12]

const file = argv[2]
if (file !== undefined && argv[1]?.endsWith('resumeChild.js') === true) {
  await hypergradientDescent({
    ...{ ...studied, theta0: studiedStarts, optimizer: optimizer.adam({ stepSize: 0.1 }), maxSteps: 400 },
    onStep: async ({ round, state }) => {
      // A file is whole or not there: it is written beside, and renamed.
      writeFileSync(`${file}.new`, checkpointText(state()))
      renameSync(`${file}.new`, file)
      process.stdout.write(`round ${String(round)}\n`)
      await new Promise((resolve) => setTimeout(resolve, 2))
    },
  })
}
