// Several jobs on one pool: each gets on, none waits for another's end, and what is reported of each is true.
import { test } from 'tap'
import {
  Pool,
  array,
  compile,
  fixedPoint,
  implicit,
  luSolve,
  shared,
  solve,
  statuses,
  stream,
} from '../../lib/index.js'
import type { NDArray, Progress, Results, Tensor } from '../../lib/index.js'
import { localExecutor } from '../../lib/runtime/executor.js'
import { native } from '../../lib/runtime/native.js'
import { bits, endless, spread, uneven, unevenInputs } from './programs.js'

const double = (x: Tensor): Tensor => x.mul(2)
const slow = uneven(implicit())

/** Starts an endless job; `grown` waits until it has made iterations again, `end` ends it. */
const background = (
  pool: Pool,
  instances: number,
): { readonly grown: () => Promise<void>; readonly end: () => Promise<Results<NDArray>> } => {
  const controller = new AbortController()
  let iterations = 0
  const run = pool.run(endless, [spread('background', instances, 1, 9)], {
    signal: controller.signal,
    onProgress: (progress) => (iterations = progress.iterations),
    lanes: 8,
  })
  return {
    grown: async () => {
      const before = iterations
      const until = performance.now() + 20_000
      while (iterations === before) {
        if (performance.now() > until) throw new Error('the job does not get on')
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    },
    end: async () => {
      controller.abort()
      return run
    },
  }
}

for (const threads of [1, 2]) {
  test(`jobs that never end share ${String(threads)} threads`, async (t) => {
    await using pool = new Pool({ threads })
    const jobs = [background(pool, 100), background(pool, 1), background(pool, 30)]
    for (let round = 0; round < 3; round++) for (const { grown } of jobs) await grown()
    // A short job ends beside them, and gives what it would give alone.
    const short = await pool.run(double, [[1, 2, 3]])
    t.strictSame([...short.value.data], [2, 4, 6])
    const args = unevenInputs(50)
    t.equal(
      bits(await pool.run(slow, args as never, { lanes: 8 })),
      bits(compile(slow, { lanes: 8 }).batch(...(args as [never, never]))),
    )
    for (const { grown } of jobs) await grown()
    for (const { end } of jobs) t.ok((await end()).status.every((code) => code !== 0))
    t.equal((await pool.run(double, [[4]])).value.data[0], 8)
  })
}

test('a job that another one starts while it runs', async (t) => {
  await using pool = new Pool({ threads: 1 })
  let inner: Promise<Results<NDArray>> | undefined
  const controller = new AbortController()
  const outer = pool.run(endless, [[1]], {
    signal: controller.signal,
    onProgress: () => {
      if (inner !== undefined) return
      inner = pool.run(double, [[5]])
      void inner.then(() => {
        controller.abort()
      })
    },
  })
  t.ok((await outer).status[0] !== 0)
  t.equal((await inner)?.value.data[0], 10)
})

test('batches of one stream do not give way to each other', async (t) => {
  await using pool = new Pool({ threads: 1 })
  await pool.run(double, [[1]])
  const batches = [0, 1, 2].map((k) => [spread(`stream ${String(k)}`, 20, 1, 9)] as const)
  // Each would run for ever; their times are over at about the same time, and only the first one had the thread.
  const iterations: number[] = []
  for await (const { run } of pool.map(endless, batches, { timeoutMs: 300, ahead: 3 })) {
    iterations.push(run?.laneIterations ?? 0)
  }
  const [first = 0, ...others] = iterations
  t.ok(first > 0)
  t.ok(
    others.every((n) => n < first / 5),
    `${String(first)}, then ${others.join(', ')} iterations`,
  )
})

test('what is reported of a job', async (t) => {
  await using pool = new Pool({ threads: 2 })
  const batch = 8000
  const inputs = unevenInputs(batch) as [NDArray, NDArray]
  inputs[1].data[6 * 7] = NaN
  for (const run of [pool.prepare(slow, { lanes: 8 }), localExecutor().prepare(slow, { lanes: 8 })]) {
    const all: Progress[] = []
    const results = await run(inputs, { onProgress: (progress) => all.push(progress) })
    t.ok(all.length >= 2, `${String(all.length)} calls`)
    for (const [k, progress] of all.entries()) {
      const before = all[k - 1]
      t.equal(progress.total, batch)
      t.equal(
        Object.values(progress.statuses).reduce((a, b) => a + b, 0),
        progress.done,
      )
      if (before === undefined) continue
      t.ok(progress.done >= before.done && progress.iterations >= before.iterations)
      t.ok(progress.seconds >= before.seconds)
    }
    const last = all.at(-1)
    t.equal(last?.done, batch)
    for (const [code, { name }] of statuses.entries()) {
      t.equal(last?.statuses[name] ?? 0, results.status.filter((x) => x === code).length, name)
    }
    t.equal(last?.statuses.nonFinite, 1)
    t.equal(last?.iterations, results.run?.laneIterations)
    t.ok((results.run?.laneSlots ?? 0) >= (results.run?.laneIterations ?? Infinity))
  }
})

test('a status that all instances share is counted for each', async (t) => {
  const pool = new Pool({ threads: 1 })
  try {
    const solver = fixedPoint<Tensor, Tensor>({ map: (x, theta) => x.mul(0.5).add(theta), maxSteps: 3 })
    const f = (theta: Tensor, y: Tensor): Record<'x' | 'y', Tensor> => ({
      x: solve(solver, { x0: [0, 0], theta }),
      y: y.mul(2),
    })
    let last: Progress | undefined
    const onProgress = (progress: Progress): void => {
      last = progress
    }
    await pool.run(f, [shared([1, 2]), [1, 2, 3]], { onProgress })
    t.strictSame(last?.statuses, { maxSteps: 3 })
    t.equal(last?.done, 3)
  } finally {
    await pool.close()
  }
})

test('what onProgress throws ends the run', async (t) => {
  await using pool = new Pool({ threads: 2 })
  const thrown = new Error('enough')
  for (const executor of [pool, localExecutor()]) {
    const run = executor.prepare(endless)
    const options = {
      onProgress: () => {
        throw thrown
      },
    }
    t.equal(await run([[1]], options).catch((error: unknown) => error), thrown)
  }
  t.equal((await pool.run(double, [[5]])).value.data[0], 10)
})

test('several threads of BLAS for one job', async (t) => {
  await using pool = new Pool({ threads: 2 })
  const n = 400
  const matrix = array(stream(9, 'blas').normals(n * n), [n, n])
  const system = (A: Tensor, b: Tensor): Tensor => luSolve(A, b)
  const right = array(stream(9, 'right').normals(3 * n), [3, n])
  const alone = await pool.run(system, [shared(matrix), right])
  t.equal(alone.run?.blasThreads, 1)
  const other = background(pool, 10)
  await other.grown()
  const here = localExecutor().prepare(slow, { lanes: 8 })
  const args = unevenInputs(300)
  const expected = bits(compile(slow, { lanes: 8 }).batch(...(args as [never, never])))
  const [several, beside, local] = await Promise.all([
    pool.run(system, [shared(matrix), right], { blasThreads: 2 }),
    pool.run(slow, args as never, { lanes: 8 }),
    here(args, { timeoutMs: 1e6 }),
  ])
  t.equal(several.run?.blasThreads, 2)
  t.equal(several.run?.threads, 1)
  const scale = Math.max(...alone.value.data.map(Math.abs))
  t.ok(several.value.data.every((x, i) => Math.abs(x - (alone.value.data[i] as number)) <= 1e-9 * scale))
  t.strictSame([beside, local].map(bits), [expected, expected], 'others keep their bits')
  t.equal(native().selfCheck().blas.threads, 1)
  await other.grown()
  await other.end()
  // Uniform values that were computed with more threads are not used by others.
  const fixed = (x: Tensor): Tensor => luSolve(matrix, array(right.data.subarray(0, n))).mul(x)
  const again = (x: Tensor): Tensor => luSolve(matrix, array(right.data.subarray(0, n))).mul(x)
  await pool.run(fixed, [[1]], { blasThreads: 2 })
  t.equal(bits(await pool.run(fixed, [[1]])), bits(await pool.run(again, [[1]])))
})
