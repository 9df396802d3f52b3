// From a study file to a run directory that is ready to be computed: read, loaded, traced, measured, written.
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { readFile } from 'node:fs/promises'
import { DataError, OnestepError } from '../base/errors.js'
import { packageVersion } from '../runtime/diagnosis.js'
import { BenchComputer } from './bench/benchComputer.js'
import { prepareBench } from './bench/cells.js'
import { fixedChunkRows, probeStudy } from './chunkRows.js'
import type { Probe } from './chunkRows.js'
import { SafeComputer } from './compute/isolate.js'
import { environment } from './environment.js'
import { prepareStudy } from './prepare.js'
import type { PreparedStudy } from './prepare.js'
import { loadStudyProblem } from './problem/load.js'
import { readStudy } from './specification/read.js'
import type { ReadStudy } from './specification/read.js'
import type { ChunkComputer } from './run.js'
import { createRun, openRun } from './store/runDirectory.js'
import type { RunDirectory } from './store/runDirectory.js'

/** Seconds that a chunk should take on this machine, and where it is handed to others. */
export const chunkSeconds = { local: 2, queue: 30 } as const

export interface StartOptions {
  /** Changes of the file: "seed=3". */
  readonly overrides?: readonly string[]
  /** The run directory; default: runs/NAME. */
  readonly dir?: string
  /** Default: one for each core. */
  readonly threads?: number
  /** Seconds that a chunk should take, where the file does not say; default 2. 'fixed': a thousandth of a variant, on every machine. */
  readonly chunk?: number | 'fixed'
}

/** A study file that was read and traced. */
export interface TracedStudy extends PreparedStudy {
  readonly source: ReadStudy
  readonly dir: string
  /** Where it does not depend on the machine: a chunk of a bench is what one process measures. */
  readonly chunkRows?: number
}

/** Reads a study and traces its variants; writes nothing. */
export const traceStudy = async (file: string, options: StartOptions = {}): Promise<TracedStudy> => {
  const { overrides = [], dir } = options
  const source = await readStudy(file, { overrides })
  const { specification, folder } = source
  const at = resolve(dir ?? join('runs', specification.name))
  if (specification.kind === 'bench') {
    const manifest = await prepareBench(specification, { folder, version: packageVersion() })
    return { manifest, blobs: new Map(), source, dir: at, chunkRows: manifest.chunkRows }
  }
  const prepared = await prepareStudy(
    source,
    await loadStudyProblem(specification.problem, { folder }),
    packageVersion(),
  )
  return { ...prepared, source, dir: at }
}

/** Where a study came from: what `origin.json` holds. */
interface Origin {
  readonly file: string
  readonly folder: string
}

/**
 * Who computes a study on this machine: a process of its own; for a bench one for each cell, which loads the problem by itself.
 * @throws {DataError} where a bench does not know where its study file was.
 */
export const computerOf = async (run: RunDirectory, threads: number): Promise<ChunkComputer> => {
  if (run.manifest.specification.kind !== 'bench') {
    return new SafeComputer({ blobs: run.path('blobs'), checkpoints: run.path('checkpoints'), threads })
  }
  try {
    const { folder } = JSON.parse(await readFile(run.path('origin.json'), 'utf8')) as Origin
    return new BenchComputer({ folder })
  } catch (cause) {
    throw new DataError(`${run.dir}: origin.json, which says where the study file is, cannot be read`, {
      remedy: 'Run the study file again: onestep run FILE',
      cause,
    })
  }
}

/** What a traced study costs here, measured on some rows of each variant. */
export const measureStudy = async (
  study: PreparedStudy,
  { threads = availableParallelism(), chunk = chunkSeconds.local }: StartOptions = {},
): Promise<Probe> => {
  const { specification } = study.manifest
  const wanted = specification.chunk.seconds ?? (chunk === 'fixed' ? chunkSeconds.local : chunk)
  return probeStudy(study, {
    computer: (blobs) => new SafeComputer({ blobs, threads }),
    chunkSeconds: wanted,
  })
}

/** The rows of a chunk of the run that is there already; undefined where there is none. */
const earlierChunkRows = async (dir: string): Promise<number | undefined> => {
  try {
    return (await openRun(dir)).manifest.chunkRows
  } catch (error) {
    if (error instanceof OnestepError && error.code === 'ERR_NO_RUN') return undefined
    throw error
  }
}

/**
 * Makes the run directory of a study, or goes on with the one that is there.
 * @throws {StudyError} with every fault of the file; `ERR_STUDY_CHANGED` where the directory is that of another study.
 */
export const startStudy = async (file: string, options: StartOptions = {}): Promise<RunDirectory> => {
  const study = await traceStudy(file, options)
  const { manifest, blobs, source, dir } = study
  const { specification } = manifest
  const chunkRows =
    study.chunkRows ??
    (await earlierChunkRows(dir)) ??
    specification.chunk.rows ??
    (options.chunk === 'fixed' && specification.chunk.seconds === undefined
      ? fixedChunkRows(manifest)
      : (await measureStudy(study, options)).chunkRows)
  const origin: Origin = { file: resolve(file), folder: resolve(source.folder) }
  return createRun(
    dir,
    { ...manifest, chunkRows },
    {
      blobs,
      files: {
        'study.json': `${JSON.stringify(specification, null, 2)}\n`,
        'study.source': source.source,
        'origin.json': `${JSON.stringify(origin, null, 2)}\n`,
        'environment.json': `${JSON.stringify(await environment({ folder: source.folder }), null, 2)}\n`,
      },
    },
  )
}
