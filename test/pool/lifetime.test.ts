// Pools begin and end: with work under way or queued, twice, many at once, with the process. Whatever happens, they do end.
import { test } from 'tap'
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { Pool, statusNames } from '../../lib/index.js'
import type { Tensor } from '../../lib/index.js'
import { endless, spread } from './programs.js'

const double = (x: Tensor): Tensor => x.mul(2)

/** How a process ends, which is killed after 20 seconds. */
const ending = async (way: string): Promise<{ readonly code: number | null; readonly output: string }> => {
  const child = spawn(process.execPath, [fileURLToPath(new URL('child.js', import.meta.url)), way], {
    timeout: 20_000,
    killSignal: 'SIGKILL',
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => (output += data.toString()))
  }
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, output }
}

for (const [way, code, says] of [
  ['exit', 0, /ready/],
  ['exitWithCode', 7, /ready/],
  ['throws', 1, /thrown on purpose/],
  ['rejects', 1, /rejected on purpose/],
  ['close', 0, /ready/],
  ['idle', 0, /^$/],
] as const) {
  test(`the process ends: ${way}`, async (t) => {
    const { code: received, output } = await ending(way)
    t.equal(received, code, output)
    t.match(output, says)
  })
}

test('many pools, closed with work under way', async (t) => {
  let aborted = 0
  for (let round = 0; round < 6; round++) {
    const pools = Array.from({ length: 5 }, () => new Pool({ threads: 1 }))
    const runs = pools.flatMap((pool) => [
      pool.run(endless, [[1, 2, 3]]),
      pool.run(endless, [[1]]),
      pool.run(double, [[1]]),
    ])
    // Some have hardly begun, others are in the midst of it.
    if (round % 3 === 1) await new Promise((resolve) => setTimeout(resolve, 60 * round))
    const closed = Promise.all(pools.map(async (pool) => pool.close()))
    for (const { status } of await Promise.all(runs)) if (statusNames(status)[0] === 'aborted') aborted++
    await closed
  }
  t.ok(aborted >= 2 * 5 * 6, String(aborted))
})

test('closing', async (t) => {
  const pool = new Pool({ threads: 1 })
  t.equal(pool.threads, 1)
  t.strictSame([...(await pool.run(double, [[1]])).value.data], [2])
  const running = pool.run(endless, [spread('closing', 20, 1, 9)])
  const queued = [pool.run(endless, [[1]]), pool.run(double, [[1]], { lanes: 8 })]
  const stream = pool.map(double, [[[1]]])
  const ends = [pool.close(), pool.close(), pool[Symbol.asyncDispose]()]
  const refused = await pool.run(double, [[1]]).catch((error: unknown) => error)
  t.match(refused, { code: 'ERR_POOL_CLOSED', remedy: /new Pool/ })
  await t.rejects(stream.next(), { code: 'ERR_POOL_CLOSED' })
  await t.rejects(pool.prepare(double)([[1]]), { code: 'ERR_POOL_CLOSED' })
  for (const run of [running, ...queued]) {
    t.ok(statusNames((await run).status).every((name) => name === 'aborted'))
  }
  await Promise.all(ends)
  await pool.close()
  await t.rejects(pool.run(double, [[1]]), { code: 'ERR_POOL_CLOSED' })
})

test('leaving a block closes the pool', async (t) => {
  let run
  let kept: Pool
  {
    await using pool = new Pool({ threads: 1 })
    kept = pool
    run = pool.run(endless, [[1]])
  }
  t.strictSame(statusNames((await run).status), ['aborted'])
  await t.rejects(kept.run(double, [[1]]), { code: 'ERR_POOL_CLOSED' })
})

test('numbers of threads', async (t) => {
  await using pool = new Pool()
  t.equal(pool.threads, availableParallelism())
  for (const threads of [0, -1, 1.5, NaN, Infinity, '2', null, 1e9]) {
    t.throws(() => new Pool({ threads } as never), { code: 'ERR_ARGUMENT' }, String(threads))
  }
  t.throws(() => new Pool({ thread: 2 } as never), { code: 'ERR_UNKNOWN_OPTION', message: /threads/ })
})
