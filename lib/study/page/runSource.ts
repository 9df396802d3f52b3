// A run directory as what pages and comparisons read.
import { readFile } from 'node:fs/promises'
import { openRun, type RunDirectory } from '../store/runDirectory.js'
import type { StudySource } from './source.js'

/** Of environment.json; undefined where there is none that can be read. */
const environmentOf = async (run: RunDirectory): Promise<unknown> => {
  try {
    return JSON.parse(await readFile(run.path('environment.json'), 'utf8')) as unknown
  } catch {
    return undefined
  }
}

/** The rows of an open run directory that are there. */
export const sourceOfRun = async (run: RunDirectory): Promise<StudySource> => ({
  manifest: run.manifest,
  blocks: run.blocks(),
  environment: await environmentOf(run),
})

/**
 * The rows of the run directory `dir` that are there; they can be read once.
 * @throws {DataError} where it is none
 */
export const runSource = async (dir: string): Promise<StudySource> => sourceOfRun(await openRun(dir))
