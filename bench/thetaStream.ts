// A million θ, streamed through a pool in batches: how many instances a second, and whether memory stays.
import { NDArray, OnestepError, Pool } from '../lib/index.js'
import type { RunRecord } from '../lib/index.js'
import { cheapErrors, cheapNewton, thetaBatch, variables } from './cheapNewton.js'
import { atLeast, atMost, reported } from './figures.js'
import type { Figure } from './figures.js'

const megabyte = 1024 ** 2

/** Streams `count` θ through a pool of two threads in batches of `size`: instances a second, and memory that stays. */
export const streamFigures = async (count: number, size: number): Promise<Figure[]> => {
  const theta = thetaBatch(0, count).data
  await using pool = new Pool({ threads: 2 })
  const cut = (first: number): Float64Array =>
    theta.subarray(first * variables, Math.min(first + size, count) * variables)
  const batches = function* (): Generator<[NDArray]> {
    for (let first = 0; first < count; first += size) {
      const data = cut(first)
      yield [new NDArray([data.length / variables, variables], data)]
    }
  }
  // Warm is a process whose garbage collectors, one a thread, have been at work: V8 lets some 64 MiB gather first.
  let settled = 0
  for await (const _ of pool.map(cheapNewton, batches())) {
    settled = Math.max(settled, process.memoryUsage.rss())
  }
  let [done, failed, largest, lanes] = [0, 0, 0, NaN]
  const worst = { residual: 0, gradient: 0 }
  let checking = 0
  const start = performance.now()
  const used = process.cpuUsage()
  for await (const { value, status, batch, run } of pool.map(cheapNewton, batches())) {
    for (const code of status) if (code !== 0) failed++
    if (done === 0) {
      const begin = performance.now()
      const errors = cheapErrors(cut(0), value.x.data, value.gradient.data)
      worst.residual = errors.residual
      worst.gradient = errors.gradient
      checking = performance.now() - begin
    }
    done += batch
    lanes = (run as RunRecord).lanes
    largest = Math.max(largest, process.memoryUsage.rss())
  }
  const seconds = (performance.now() - start - checking) / 1000
  const { user, system } = process.cpuUsage(used)
  if (done !== count || failed > 0) {
    throw new OnestepError('the stream of θ is not solved', {
      code: 'ERR_BENCH',
      expected: `${String(count)} instances, all converged`,
      received: `${String(done)} instances, ${String(failed)} of them not converged`,
    })
  }
  const title = `${String(count)} θ of Newton in 4 variables with one-step gradients, batches of ${String(size)}, T = ${String(lanes)}, 2 threads`
  return [
    reported(`${title}: largest entry of ∇f in the first batch`, worst.residual),
    reported(`${title}: largest error of a gradient in the first batch`, worst.gradient),
    atLeast(`${title}: instances a second`, count / seconds, 500_000),
    reported(`${title}: microseconds of processor time an instance, all threads`, (user + system) / count),
    atMost(
      `${title}: MiB that resident memory grows, after a stream of as many`,
      (largest - settled) / megabyte,
      64,
    ),
  ]
}
