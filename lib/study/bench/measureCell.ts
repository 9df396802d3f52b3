// Measures a cell of a bench in a process of its own, so that nothing that was computed before counts: caches, compiled code, memory.
import { fork } from 'node:child_process'
import { fromRecord } from '../../base/errorRecord.js'
import { ArgumentError } from '../../base/errors.js'
import { gradientStatusCode, statusCode } from '../../base/status.js'
import { ComputeAborted, ComputeDied } from '../compute/process.js'
import type { StudySpecification } from '../specification/specification.js'
import type { Block, ColumnData } from '../store/block.js'
import type { Variant } from '../store/manifest.js'
import { benchColumns, benchOf, benchVariants } from './cells.js'
import type { CellReply } from './cellProcess.js'
import type { CellTask, MeasuredCell, MeasuredRun } from './measureHere.js'

export interface MeasureOptions {
  /** What paths of the study are relative to. */
  readonly folder: string
  /** The number of the process of this cell, below the repeats of the study; default 0. */
  readonly repeat?: number
  /** Ends the process. */
  readonly signal?: AbortSignal
  /** Measured runs that have ended. */
  readonly onProgress?: (done: number) => void
}

/** What is kept of a process's last words. */
const mostWords = 4000

const inProcess = (
  task: CellTask,
  { signal, onProgress }: Pick<MeasureOptions, 'signal' | 'onProgress'>,
): Promise<MeasuredCell> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(new ComputeAborted())
      return
    }
    const child = fork(new URL('./cellProcess.js', import.meta.url), [], {
      serialization: 'advanced',
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    let words = ''
    let answer: CellReply | undefined
    const abort = (): void => {
      child.kill('SIGKILL')
    }
    signal?.addEventListener('abort', abort)
    child.stderr?.on('data', (text: Buffer) => {
      words = (words + text.toString()).slice(-mostWords)
    })
    child.on('message', (reply: CellReply) => {
      if (reply.kind === 'run') onProgress?.(reply.done)
      else answer = reply
    })
    child.on('error', (error) => {
      words ||= error.message
    })
    child.on('close', (code, killed) => {
      signal?.removeEventListener('abort', abort)
      if (answer?.kind === 'done') resolve(answer.measured)
      else if (answer?.kind === 'failed') reject(fromRecord(answer.error))
      else if (signal?.aborted === true) reject(new ComputeAborted())
      else reject(new ComputeDied(killed ?? `exit code ${String(code)}`, words.trim()))
    })
    child.send(task, () => undefined)
  })

const unknownCell: MeasuredCell = {
  runs: [],
  firstSeconds: NaN,
  peakBytes: NaN,
  error: NaN,
  iterations: NaN,
  status: statusCode.crashed,
  gradientStatus: gradientStatusCode.skipped,
}

/** The rows of a process: measured, or `crashed` where nothing was. */
export const cellRows = (
  specification: StudySpecification,
  cell: number,
  repeat: number,
  measured: MeasuredCell = unknownCell,
): Block => {
  const { repeats: runs } = benchOf(specification)
  const { size = NaN, threads = 1 } = cellOf(specification, cell)
  const first = (cell * specification.repeats + repeat) * runs
  const each = (value: (run: number) => number): Float64Array =>
    Float64Array.from({ length: runs }, (_, i) => value(i))
  const timesOf = (field: keyof MeasuredRun) => (run: number) => measured.runs[run]?.[field] ?? NaN
  const values: Readonly<Record<string, (run: number) => number>> = {
    index: (run) => first + run,
    variant: () => cell,
    repeat: () => repeat,
    run: (run) => run,
    size: () => size,
    threads: () => threads,
    seconds: timesOf('seconds'),
    cpuSeconds: timesOf('cpuSeconds'),
    firstSeconds: () => measured.firstSeconds,
    calls: timesOf('calls'),
    peakBytes: () => measured.peakBytes,
    error: () => measured.error,
    iterations: () => measured.iterations,
    status: () => measured.status,
    gradientStatus: () => measured.gradientStatus,
  }
  const columns = benchColumns(specification)
  const data = columns.map(({ name, kind }): ColumnData => {
    const numbers = each(values[name] ?? (() => NaN))
    return kind === 'code' ? Uint8Array.from(numbers) : numbers
  })
  return { rows: runs, columns, data }
}

const cellOf = (specification: StudySpecification, cell: number): Variant => {
  const variants = benchVariants(specification)
  const variant = variants[cell]
  if (variant !== undefined) return variant
  throw new ArgumentError(`the bench has no cell ${String(cell)}`, {
    expected: `0 … ${String(variants.length - 1)}`,
    received: String(cell),
  })
}

/**
 * Measures a cell, by its number among `benchVariants`: a row for each measured run.
 * @throws {ComputeDied} where the process died; {ComputeAborted}; or what loading the problem or computing threw.
 */
export const measureCell = async (
  specification: StudySpecification,
  cell: number,
  { folder, repeat = 0, ...rest }: MeasureOptions,
): Promise<Block> => {
  const variant = cellOf(specification, cell)
  return cellRows(
    specification,
    cell,
    repeat,
    await inProcess({ specification, variant, repeat, folder }, rest),
  )
}
