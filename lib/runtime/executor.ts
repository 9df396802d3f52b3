// The Executor of this thread: batches run in slices, between which events are heard, so that a run can be ended and
// followed; a single instance cannot be interrupted. The pool is the Executor for many threads.
import { ArgumentError, checkOptions } from '../base/errors.js'
import type { Executor, Prepared, PrepareOptions, Results, RunOptions } from '../base/executor.js'
import { sizeOf } from '../base/shape.js'
import { gradientStatusCode, statusCode } from '../base/status.js'
import { Compiler } from './compile.js'
import type { Job } from './compile.js'
import { batchResults } from './results.js'

/** Events are heard about every so many milliseconds. */
const sliceMs = 50
/** A slice takes at least so many times what it costs to begin one: uniform code runs anew in each. */
const leastWork = 10

const runOptions = ['signal', 'timeoutMs', 'onProgress', 'memoryLimit']

/** Runs functions in this thread, natively. */
export const localExecutor = (): Executor => ({
  prepare: (fn: (...args: never[]) => unknown, options: PrepareOptions = {}): Prepared => {
    checkOptions('prepare', options, ['lanes'])
    const compiler = new Compiler(fn as unknown as (...args: unknown[]) => unknown, options)
    return async (inputs, given = {}) => {
      checkOptions('run', given, runOptions)
      return run(compiler.job(inputs), given)
    }
  },
})

const run = async (job: Job, options: RunOptions): Promise<Results> => {
  const { ready, batch } = job
  const { signal, timeoutMs = Infinity, onProgress } = options
  if (!(timeoutMs > 0)) {
    throw new ArgumentError('timeoutMs is no time', {
      expected: 'a positive number',
      received: String(timeoutMs),
    })
  }
  const control = options.memoryLimit === undefined ? undefined : { chunkBytes: options.memoryLimit }
  if (signal === undefined && onProgress === undefined && timeoutMs === Infinity) {
    return batchResults(ready.meaning, ready.loaded.run(job.inputs, batch, control), batch)
  }
  const end = performance.now() + timeoutMs
  const outputs = ready.program.outputs.map(({ shape }) => new Float64Array(sizeOf(shape) * batch).fill(NaN))
  const clock = (from: number, to: number): number => {
    const before = performance.now()
    const written = ready.loaded.run(slice(job, from, to), to - from, control)
    written.forEach((data, k) => {
      outputs[k]?.set(data, from * (data.length / Math.max(1, to - from)))
    })
    return performance.now() - before
  }
  const start = clock(0, 0)
  const target = Math.max(sliceMs, leastWork * start)
  const { lanes } = ready.program
  let done = 0
  for (let size = lanes; done < batch;) {
    if (signal?.aborted === true || performance.now() > end) break
    const to = Math.min(batch, done + size)
    const took = clock(done, to)
    const wanted = ((to - done) * target) / Math.max(took - start, 1e-3)
    size = lanes * Math.max(1, Math.round(Math.min(4 * size, wanted) / lanes))
    done = to
    onProgress?.({ done, total: batch })
    await new Promise((resolve) => setImmediate(resolve))
  }
  const results = batchResults(ready.meaning, outputs, batch)
  results.status.fill(statusCode.aborted, done)
  results.gradientStatus.fill(gradientStatusCode.skipped, done)
  return results
}

/** The inputs of the instances from … to − 1. */
const slice = ({ ready, inputs }: Job, from: number, to: number): Float64Array[] =>
  ready.program.inputs.map(({ uniform, shape }, i) => {
    const data = inputs[i] as Float64Array
    return uniform ? data : data.subarray(from * sizeOf(shape), to * sizeOf(shape))
  })
