// All experiments one after another, as one page with its numbers: npm run paper -- all --out DIR
import { machine, machineLine } from '../../lib/index.js'
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { beyondExperiment } from './beyondReport.js'
import { bilevelExperiment } from './bilevelReport.js'
import { boundsExperiment } from './boundsReport.js'
import { newtonExperiment } from './newtonReport.js'
import { qpExperiment } from './qpReport.js'
import { referenceExperiment } from './reference.js'
import { paperFiles } from './report/page.js'
import type { PaperResults } from './report/results.js'
import { experimentRidgeData } from './ridgeData.js'
import { ridgeExperiment } from './ridgeReport.js'

export interface AllOptions {
  readonly quick: boolean
  readonly quiet: boolean
  /** The file cpu.small.arff; synthetic data without it. */
  readonly data?: string
  /** Whether the flaws of the published code are measured, too. */
  readonly reference: boolean
}

/** All results. What is timed runs alone: nothing here runs beside something else. */
export const paperResults = async ({ reference, ...options }: AllOptions): Promise<PaperResults> => ({
  newton: await newtonExperiment(options),
  qp: await qpExperiment(options),
  ridge: await ridgeExperiment(options),
  bounds: await boundsExperiment(options),
  bilevel: await bilevelExperiment(options),
  beyond: await beyondExperiment(options),
  ...(reference ? { reference: await referenceExperiment(options) } : {}),
})

/** Where and how it was measured. */
const circumstances = ({ quick, data }: AllOptions): string => {
  return [
    machineLine(machine()),
    data === undefined ? 'synthetic data in the place of cpusmall' : `data: ${basename(data)}`,
    ...(quick ? ['quick: the smaller sizes only'] : []),
  ].join('; ')
}

/**
 * Runs all experiments and writes index.html, results.json and a CSV of each figure into the folder `out`, which is made where it
 * does not exist. Resolves to the names of the files.
 * @throws {Error} when the folder cannot be made, and {DataError} when the data file is missing or malformed: before anything is
 * measured.
 */
export const paperAll = async (out: string, options: AllOptions): Promise<readonly string[]> => {
  await mkdir(out, { recursive: true })
  await experimentRidgeData(options.data, true)
  const about = circumstances(options)
  const files = await paperFiles(await paperResults(options), about)
  await Promise.all([...files].map(([name, text]) => writeFile(join(out, name), text)))
  return [...files.keys()]
}
