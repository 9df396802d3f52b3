// The bits of an instance depend on its program and its numbers alone: not on neighbours, positions, threads, interruptions,
// memory, or failures beside it. The oracle is one run on this thread, of which each way must give every bit.
import tap, { test } from 'tap'
import { NDArray } from '../../lib/base/ndarray.js'
import {
  Pool,
  array,
  compile,
  luSolve,
  newton,
  oneStep,
  shared,
  solve,
  statusNames,
  stream,
} from '../../lib/index.js'
import type { Results, Tensor, OnestepError } from '../../lib/index.js'
import { jobsOf } from '../../lib/runtime/compile.js'
import { localExecutor } from '../../lib/runtime/executor.js'
import { MemoryPool } from '../../lib/runtime/memoryPool.js'
import { SharedJob } from '../../lib/runtime/sharedJob.js'
import { bits, different, normals, pick, programs, unevenInputs } from './programs.js'
import type { Function } from './programs.js'

type Given = readonly unknown[]
const run = async (
  pool: Pool,
  fn: Function,
  inputs: Given,
  options: { readonly lanes: number; readonly memoryLimit?: number },
): Promise<Results<unknown>> => pool.run(fn as never, inputs, options)

const direct = (fn: Function, inputs: Given, lanes: number): Results<unknown> =>
  compile(fn as (...args: unknown[]) => unknown, { lanes }).batch(...inputs)

/** What a job needs at least. */
const least = async (pool: Pool, fn: Function, inputs: Given, lanes: number): Promise<number> => {
  try {
    await run(pool, fn, inputs, { lanes, memoryLimit: 1 })
  } catch (error) {
    return Number(/at least (\d+) bytes/.exec((error as OnestepError).message)?.[1])
  }
  return NaN
}

const shuffled = (count: number): readonly number[] => [...stream(5, 'order').permutation(count)]

const [one, two, eight] = [1, 2, 8].map((threads) => new Pool({ threads })) as [Pool, Pool, Pool]
tap.teardown(async () => Promise.all([one.close(), two.close(), eight.close()]))

for (const { name, fn, inputs, sums } of programs) {
  test(name, async (t) => {
    const batch = 200
    const args = inputs(batch)
    for (const lanes of [1, 8, 16]) {
      const right = direct(fn, args, lanes)
      const expected = bits(right)
      t.equal(bits(direct(fn, args, lanes)), expected, 'again')
      const here = localExecutor().prepare(fn, { lanes })
      t.equal(bits(await here(args)), expected, 'the executor of this thread')
      t.equal(bits(await here(args, { timeoutMs: 1e6 })), expected, 'in slices')
      for (const pool of [one, two, eight]) {
        const results = await run(pool, fn, args, { lanes })
        t.equal(bits(results), expected, `${String(pool.threads)} threads, ${String(lanes)} lanes`)
        if (pool === eight) continue
        const pair = await Promise.all([run(pool, fn, args, { lanes }), run(pool, fn, args, { lanes })])
        t.strictSame(pair.map(bits), [expected, expected], 'two jobs at once')
        const limit = await least(pool, fn, args, lanes)
        const small = await run(pool, fn, args, { lanes, memoryLimit: limit })
        t.equal(bits(small), expected, 'as little memory as possible')
        t.equal(small.run?.workingBytes, limit)
      }
      const compiled = compile(fn as (...x: unknown[]) => unknown, { lanes })
      t.equal(bits(await two.run(compiled, args)), expected, 'a function that was compiled before')
      if (sums === true) continue
      const order = shuffled(batch)
      const permuted = await run(two, fn, pick(args, order), { lanes })
      t.strictSame(different(permuted, right, order), [], 'in another order')
      for (const i of order.slice(0, 5)) {
        const alone = [await run(two, fn, pick(args, [i]), { lanes }), direct(fn, pick(args, [i]), lanes)]
        for (const own of alone) t.strictSame(different(own, right, [i]), [], 'alone')
      }
      for (const few of [7, 8, 9, 17]) {
        const part = await run(eight, fn, pick(args, order.slice(0, few)), { lanes })
        t.strictSame(different(part, right, order.slice(0, few)), [], 'a few of them')
      }
    }
  })
}

test('jobs that are interrupted all the time', async (t) => {
  const { fn } = programs.find(({ name }) => name.startsWith('an uneven')) as (typeof programs)[number]
  for (const [lanes, batch] of [
    [1, 500],
    [8, 2000],
    [16, 2000],
  ] as const) {
    const args = unevenInputs(batch)
    const expected = bits(direct(fn, args, lanes))
    const runs = await Promise.all(Array.from({ length: 4 }, async () => run(two, fn, args, { lanes })))
    for (const results of runs) t.equal(bits(results), expected, `${String(lanes)} lanes`)
  }
})

test('neighbours that fail', async (t) => {
  await using pool = new Pool({ threads: 2 })
  const solver = newton({
    residual: (x: Tensor, { A, b }: { A: Tensor; b: Tensor }) => luSolve(A, x).sub(b).add(x.mul(x).mul(0.01)),
    lineSearch: 'none',
    tol: 1e-9,
  })
  const fn = (A: Tensor, b: Tensor): unknown =>
    solve(solver, { x0: [0, 0, 0], theta: { A, b }, strategy: oneStep() })
  const batch = 4096
  const matrices = array(
    normals('matrices', batch, 3, 3).data.map((x, i) => 0.1 * x + ((i % 9) % 4 === 0 ? 1 : 0)),
    [batch, 3, 3],
  )
  const vectors = normals('vectors', batch, 3)
  const bad = shuffled(batch).slice(0, 200)
  const [A, b] = [array(matrices.data.slice(), matrices.shape), array(vectors.data.slice(), vectors.shape)]
  bad.forEach((i, k) => {
    if (k % 4 === 0) b.data[3 * i + 1] = NaN
    if (k % 4 === 1) b.data[3 * i] = Infinity
    if (k % 4 === 2) A.data.fill(1, 9 * i, 9 * i + 9)
    if (k % 4 === 3) b.data.fill(1e200, 3 * i, 3 * i + 3)
  })
  for (const lanes of [1, 8, 16]) {
    const clean = direct(fn, [matrices, vectors], lanes)
    t.ok(clean.status.every((code) => code === 0))
    const results = await run(pool, fn, [A, b], { lanes })
    const touched = different(results, clean)
    t.strictSame([...touched].sort(), [...bad].sort(), `${String(lanes)} lanes: those, and no others`)
    const names = statusNames(results.status)
    t.ok(bad.every((i) => names[i] !== 'converged'))
    t.ok(bad.every((i, k) => k % 4 !== 0 || names[i] === 'nonFinite'))
    t.equal(bits(results), bits(direct(fn, [A, b], lanes)))
  }
})

test('arrays of the user', async (t) => {
  await using pool = new Pool({ threads: 1 })
  const fn = (x: Tensor, y: Tensor): Tensor => x.mul(2).add(y)
  const kept = array([1, 2, 3])
  const inputs = jobsOf(fn).job([kept, new NDArray([3], new Float64Array(3))])
  const { message } = new SharedJob(inputs, new MemoryPool(), { threads: 1 })
  t.equal(message.inputs[0], kept.data, 'shared memory is used where it lies')
  t.ok(message.inputs[1]?.buffer instanceof SharedArrayBuffer, 'the rest is copied')
  const busy = pool.run(fn, [new Float64Array(1e6), new Float64Array(1e6)])
  const detached = new Float64Array([1, 2, 3])
  type Resizable = ArrayBuffer & { resize: (bytes: number) => void }
  const buffer = new (ArrayBuffer as unknown as new (bytes: number, options: object) => Resizable)(24, {
    maxByteLength: 48,
  })
  const shrunk = new Float64Array(buffer)
  shrunk.set([4, 5, 6])
  const runs = [
    pool.run(fn, [detached, shrunk]),
    pool.run(fn, [new NDArray([3], detached), new NDArray([3], shrunk)]),
    pool.run(fn, [detached, shared(1)]),
  ]
  structuredClone(detached.buffer, { transfer: [detached.buffer] })
  buffer.resize(0)
  t.equal(detached.length + shrunk.length, 0)
  for (const [k, results] of (await Promise.all(runs)).entries()) {
    t.strictSame([...results.value.data], k === 2 ? [3, 5, 7] : [6, 9, 12])
  }
  await busy
})
