// A process with a pool, for tests of how it ends: node child.js WAY. Says "ready" when its work is under way.
import { Pool } from '../../lib/index.js'
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

const way = process.argv[2] ?? ''
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
