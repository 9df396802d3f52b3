// A process with a pool, for tests of how it ends: node child.js WAY. Says "ready" when its work is under way.
import { Pool, statusNames } from '../../lib/index.js'
import type { Tensor } from '../../lib/index.js'
import { endless, spread } from './programs.js'

const ways: Readonly<Record<string, (pool: Pool) => void | Promise<void>>> = {
  exit: () => process.exit(0),
  exitWithCode: () => process.exit(7),
  throws: () => {
    setImmediate(() => {
      throw new Error('thrown on purpose')
    })
  },
  rejects: async () => {
    await Promise.reject(new Error('rejected on purpose'))
  },
  close: async (pool) => pool.close(),
  // Nothing is left to do but what the pool does not count.
  idle: () => undefined,
}

/** 200 pools, ten at a time, closed with work under way; says how many of their 600 runs were aborted, and what is left. */
const manyPools = async (): Promise<void> => {
  let aborted = 0
  let rss = 0
  for (let round = 0; round < 20; round++) {
    const pools = Array.from({ length: 10 }, () => new Pool({ threads: 1 }))
    const runs = pools.flatMap((pool) => [
      pool.run(endless, [[1, 2, 3]]),
      pool.run(endless, [[1]]),
      pool.run((x: Tensor) => x.mul(2), [[1]]),
    ])
    // Some have hardly begun, others are in the midst of it.
    if (round % 3 === 1) await new Promise((resolve) => setTimeout(resolve, 30 * (round % 7)))
    const closed = Promise.all(pools.map(async (pool) => pool.close()))
    for (const { status } of await Promise.all(runs)) if (statusNames(status)[0] === 'aborted') aborted++
    await closed
    if (round === 9) rss = process.memoryUsage().rss
  }
  const growth = (process.memoryUsage().rss - rss) / 2 ** 20
  const threads = process.getActiveResourcesInfo().filter((name) => name === 'Worker').length
  console.log(JSON.stringify({ aborted, growth, threads }))
}

const way = process.argv[2] ?? ''
if (way === 'manyPools') {
  await manyPools()
  process.exit(0)
}
const pool = new Pool({ threads: 2 })
await pool.run(endless, [[1]], { timeoutMs: 50 })
if (way !== 'idle') {
  let begun = false
  const options = {
    onProgress: ({ iterations }: { readonly iterations: number }) => {
      if (begun || iterations === 0) return
      begun = true
      console.log('ready')
      void ways[way]?.(pool)
    },
  }
  void pool.run(endless, [spread('child', 40, 1, 9)], options)
  void pool.run(endless, [[2]])
}
