// The measurement of a cell, in the process that is meant for it: a first run, which traces and compiles; runs to warm up; then measured
// runs. The memory of the process is noted before its gradients are compared, which takes some of its own.
// One thread is that of the process itself, without a pool; more are those of a pool.
import { readFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import type { Results } from '../../base/executor.js'
import { NDArray } from '../../base/ndarray.js'
import { gradientStatusCode, statusCode } from '../../base/status.js'
import { sizeOf } from '../../base/shape.js'
import { Pool } from '../../pool/pool.js'
import { localExecutor } from '../../runtime/executor.js'
import { mapFunction } from '../compute/map.js'
import type { StudySpecification } from '../specification/specification.js'
import type { Variant } from '../store/manifest.js'
import { thetaBatch } from './batch.js'
import { benchOf, loadCellProblem } from './cells.js'
import { gradientError } from './reference.js'
import { callsFilling, timed, waiting } from './timing.js'

/** A short run is repeated until it has taken so many seconds: clocks and interrupts are coarse. */
const turn = 0.01
/** Instances whose gradients are compared. */
const compared = 4

export interface CellTask {
  readonly specification: StudySpecification
  readonly variant: Variant
  /** The number of the process of this cell: it draws its own θ. */
  readonly repeat: number
  /** What paths are relative to. */
  readonly folder: string
}

/** Seconds of one run, on the wall clock and by the processor time of all threads, as the mean of so many calls. */
export interface MeasuredRun {
  readonly seconds: number
  readonly cpuSeconds: number
  readonly calls: number
}

export interface MeasuredCell {
  readonly runs: readonly MeasuredRun[]
  /** Of the first run, with tracing, lowering and the threads' start. */
  readonly firstSeconds: number
  /** The most that was resident in the process. */
  readonly peakBytes: number
  /** Of gradients, relative; see reference.ts. */
  readonly error: number
  /** A mean over the instances. */
  readonly iterations: number
  /** Codes: what most of those instances have that did not end well; well where all did. */
  readonly status: number
  readonly gradientStatus: number
}

/** The high-water mark of resident memory. The kernel's count for a child begins with what its parent had, where it can be avoided. */
const peakResident = (): number => {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
    if (kilobytes !== undefined) return Number(kilobytes) * 1024
  } catch {
    // Not Linux.
  }
  return process.resourceUsage().maxRSS * 1024
}

/** The most frequent code that is not `good`; `good` where there is none. */
const verdict = (codes: Uint8Array, good: number): number => {
  const counts = new Map<number, number>()
  for (const code of codes) if (code !== good) counts.set(code, (counts.get(code) ?? 0) + 1)
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? good
}

const firstRows = (
  thetas: Readonly<Record<string, NDArray>>,
  count: number,
): Readonly<Record<string, NDArray>> =>
  Object.fromEntries(
    Object.entries(thetas).map(([name, { shape, data }]) => {
      const rest = shape.slice(1)
      return [name, new NDArray([count, ...rest], data.slice(0, count * sizeOf(rest)))]
    }),
  )

/** What a run computes: what the study records of it, value and gradient where that is nothing. Metrics are not measured. */
const measuredRecord = ({ record }: StudySpecification): StudySpecification['record'] => {
  const computed = record.filter((name) => ['value', 'gradient', 'certificate', 'x'].includes(name))
  return computed.some((name) => name !== 'certificate') ? computed : ['value', 'gradient', ...computed]
}

/** Measures a cell in this process, which should have done nothing before. */
export const measureHere = async (
  { specification, variant, repeat, folder }: CellTask,
  onRun: (done: number) => void = () => undefined,
): Promise<MeasuredCell> => {
  const { repeats, warmUp, batch } = benchOf(specification)
  const { threads = 1 } = variant
  const { maxSteps } = specification
  const cell = { ...variant, ...(maxSteps === undefined ? {} : { maxSteps }) }
  const problem = await loadCellProblem(specification, variant, folder)
  const thetas = thetaBatch(problem, specification, { batch, repeat })
  const pool = threads === 1 ? undefined : new Pool({ threads })
  try {
    const wanted = { ...specification, record: measuredRecord(specification), metrics: [] }
    const compute = (pool ?? localExecutor()).prepare(mapFunction(wanted, problem, cell))
    let results: Results | undefined
    const run = async (): Promise<void> => {
      results = await compute([thetas])
    }
    const first = await timed(run)
    let warm = Infinity
    for (let i = 0; i < warmUp; i++) warm = Math.min(warm, (await timed(run)).wall)
    const calls = warm >= turn && warm < Infinity ? 1 : await callsFilling(waiting(run), turn)
    const runs: MeasuredRun[] = []
    for (let i = 0; i < repeats; i++) {
      const { wall, processor } = await timed(run, calls)
      runs.push({ seconds: wall / calls, cpuSeconds: processor / calls, calls })
      onRun(i + 1)
      // Whoever wants to end this process is heard.
      await setImmediate()
    }
    const peakBytes = peakResident()
    const last = results as unknown as Results
    const some = firstRows(thetas, Math.min(batch, compared))
    const { status, gradientStatus, iterations } = last
    return {
      runs,
      firstSeconds: first.wall,
      peakBytes,
      error: await gradientError(specification, problem, cell, { results: last, thetas: some }),
      iterations: iterations.reduce((sum, k) => sum + k, 0) / batch,
      status: verdict(status, statusCode.converged),
      gradientStatus: verdict(gradientStatus, gradientStatusCode.ok),
    }
  } finally {
    await pool?.close()
  }
}
