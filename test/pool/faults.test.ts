// Threads that die, by their own end or for want of memory: what they held is computed again, once; the rest does not notice.
import { test } from 'tap'
import { setFlagsFromString } from 'node:v8'
import { OnestepError, Pool, compile, implicit, statusNames, whileLoop } from '../../lib/index.js'
import type { Progress, Results, RunOptions, Tensor } from '../../lib/index.js'
import { faultHook } from '../../lib/pool/messages.js'
import type { Fault } from '../../lib/pool/messages.js'
import { bits, different, normals, pick, programs, spread, uneven, unevenInputs } from './programs.js'
import type { Function } from './programs.js'

interface Case {
  readonly fn: Function
  readonly inputs: readonly unknown[]
  readonly right: (lanes: number) => Results<unknown>
}
const caseOf = (fn: Function, inputs: readonly unknown[]): Case => {
  const known = new Map<number, Results<unknown>>()
  const right = (lanes: number): Results<unknown> => {
    const results =
      known.get(lanes) ?? compile(fn as (...x: unknown[]) => unknown, { lanes }).batch(...inputs)
    known.set(lanes, results)
    return results
  }
  return { fn, inputs, right }
}

const several = caseOf(uneven(implicit()), unevenInputs(300))
/** One loop stage and nothing else, 70 to 400 iterations of it: a thread that dies there holds a tile. */
const loop = caseOf(
  (x: Tensor) =>
    whileLoop(
      ({ y }: { y: Tensor }) => y.less(400),
      ({ y }: { y: Tensor }) => ({ y: y.mul(1.001).add(1) }),
      { y: x },
    ).y,
  [spread('slow', 300, 1, 300)],
)

const run = async (
  pool: Pool,
  { fn, inputs }: Case,
  lanes: number,
  fault?: Fault,
  onProgress?: (progress: Progress) => void,
): Promise<Results<unknown>> =>
  pool.run(fn as never, inputs, {
    lanes,
    ...(fault === undefined ? {} : { [faultHook]: fault }),
    ...(onProgress === undefined ? {} : { onProgress }),
  })

/** Threads made from now on have little memory, so that they fill it soon; this thread has as much as ever. */
setFlagsFromString('--max-old-space-size=64')

/** [name, fault, threads, lanes, what runs, how many may crash at least] */
const table: readonly (readonly [string, Fault, number, number, Case, number])[] = [
  ['at once', { death: 'exit', after: 0, times: 1 }, 1, 1, several, 0],
  ['in the middle', { death: 'exit', after: 900, times: 1 }, 1, 1, several, 0],
  ['in the middle of two threads', { death: 'exit', after: 700, times: 2 }, 2, 8, several, 0],
  ['twice, of one thread, alone', { death: 'exit', after: 5, times: 2 }, 1, 1, loop, 1],
  ['twice, of one thread, with a tile', { death: 'exit', after: 5, times: 2 }, 1, 8, loop, 8],
  ['four times, of two threads', { death: 'exit', after: 5, times: 4 }, 2, 8, loop, 8],
  ['for want of memory', { death: 'outOfMemory', after: 300, times: 1 }, 2, 8, several, 0],
  ['for want of memory, twice', { death: 'outOfMemory', after: 5, times: 2 }, 1, 1, loop, 1],
]

for (const [name, fault, threads, lanes, given, least] of table) {
  test(`a death ${name}`, async (t) => {
    await using pool = new Pool({ threads })
    const expected = given.right(lanes)
    const { batch } = expected
    let last: Progress | undefined
    const results = await run(pool, given, lanes, fault, (progress) => (last = progress))
    const names = statusNames(results.status)
    const crashed = [...names.keys()].filter((i) => names[i] === 'crashed')
    t.strictSame([...different(results, expected)], crashed, 'all others bit for bit')
    t.ok(
      crashed.length >= least && crashed.length <= (least * fault.times) / 2,
      `${String(crashed.length)} crashed`,
    )
    for (const { data } of [results.value].flat() as { data: Float64Array }[]) {
      const size = data.length / batch
      for (const i of crashed) t.ok(data.subarray(i * size, (i + 1) * size).every(Number.isNaN))
    }
    t.match(last, { done: batch, total: batch })
    t.equal(last?.statuses.crashed ?? 0, crashed.length)
    t.equal(bits(await run(pool, given, lanes)), bits(expected), 'the pool is as good as new')
    // As many threads as before take part.
    const tails = await Promise.all(
      Array.from({ length: threads }, async () =>
        run(pool, { ...given, inputs: pick(given.inputs, [3, 4]) }, lanes),
      ),
    )
    for (const tail of tails) t.strictSame(different(tail, expected, [3, 4]), [])
  })
}

test('deaths beside other jobs', async (t) => {
  await using pool = new Pool({ threads: 2 })
  const fault: Fault = { death: 'exit', after: 200, times: 2 }
  const results = await Promise.all([
    run(pool, several, 8, fault),
    run(pool, loop, 8),
    run(pool, loop, 1, { ...fault, times: 1 }),
    run(pool, several, 1),
  ])
  const expected = [several.right(8), loop.right(8), loop.right(1), several.right(1)]
  t.strictSame(results.map(bits), expected.map(bits))
})

test('programs of several stages', async (t) => {
  await using pool = new Pool({ threads: 2 })
  for (const [k, { name, fn, inputs }] of programs.entries()) {
    const given = caseOf(fn, inputs(150))
    const results = await run(pool, given, 8, { death: 'exit', after: [3, 20, 0][k % 3] as number, times: 1 })
    t.equal(bits(results), bits(given.right(8)), name)
  }
})

test('threads that die before they hold anything', async (t) => {
  await using pool = new Pool({ threads: 1 })
  const straight = caseOf((x: Tensor) => x.mul(2), [normals('straight', 64)])
  const error = await run(pool, straight, 8, { death: 'exit', after: 0, times: 3 }).catch(
    (thrown: unknown) => thrown,
  )
  t.ok(error instanceof OnestepError)
  t.match(error, { code: 'ERR_POOL_THREAD', remedy: /doctor/, cause: /exit/i })
  t.equal(bits(await run(pool, straight, 8)), bits(straight.right(8)))
})

test('threads that die now and then, with work in between', async (t) => {
  const pool = new Pool({ threads: 1 })
  try {
    // Each gets on by ten pieces of work, and holds nothing when it dies.
    const fault: Fault = { death: 'exit', after: 10, times: 5 }
    const options: RunOptions & { readonly [faultHook]: Fault } = { [faultHook]: fault }
    const results = await pool.prepare(several.fn, { lanes: 1 })(several.inputs, options)
    t.equal(bits(results), bits(several.right(1)))
  } finally {
    await pool.close()
  }
})
