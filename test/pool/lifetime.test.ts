// Pools begin and end: with work under way or queued, twice, many at once, with the process. Whatever happens, they do end.
import { test } from 'tap'
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { Pool, statusNames } from '../../lib/index.js'
import type { Tensor } from '../../lib/index.js'
import { endless, spread } from './programs.js'

const double = (x: Tensor): Tensor => x.mul(2)

/** How a process ends, which is killed if it takes too long. */
const ending = async (
  way: string,
  timeout = 20_000,
): Promise<{ readonly code: number | null; readonly output: string }> => {
  const child = spawn(process.execPath, [fileURLToPath(new URL('child.js', import.meta.url)), way], {
    timeout,
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

test('200 pools, closed with work under way', async (t) => {
  // In a process of its own: under the test runner each thread would take ten times as long to start.
  const { code, output } = await ending('manyPools', 60_000)
  t.equal(code, 0, output)
  const { aborted, growth, threads } = JSON.parse(output) as Record<'aborted' | 'growth' | 'threads', number>
  t.ok(aborted >= 400, `${String(aborted)} of 600 runs were aborted, all of the endless ones among them`)
  t.equal(threads, 0)
  // AddressSanitizer keeps what is freed for a while.
  const limit = process.env['LD_PRELOAD'] === undefined ? 100 : 400
  t.ok(growth < limit, `the second half of them took ${growth.toFixed(0)} MiB`)
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
