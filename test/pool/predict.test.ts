// What a run would need is what it then needs.
import { test } from 'tap'
import { Pool, fixedPoint, logspace, oneStep, solve } from '../../lib/index.js'
import type { Tensor } from '../../lib/index.js'

const solver = fixedPoint<Tensor, Tensor>({ map: (x, theta) => x.mul(0.5).add(theta) })
const f = (theta: Tensor): Tensor => solve(solver, { x0: [0, 0, 0], theta, strategy: oneStep() })

test('predict', async (t) => {
  const pool = new Pool({ threads: 2 })
  try {
    for (const batch of [1, 100, 100_000]) {
      const thetas = logspace(1, 10, batch)
      const free = pool.predict(f, [thetas])
      const { run } = await pool.run(f, [thetas])
      t.equal(free.workingBytes, run?.workingBytes, `B = ${batch}`)
      t.equal(free.threads, run?.threads)
      t.equal(free.workingBytes, free.uniformBytes + free.tileBytes + free.sharedBytes)
      const memoryLimit = Math.ceil(0.8 * free.workingBytes)
      if (batch < 1000) continue
      const less = pool.predict(f, [thetas], { memoryLimit })
      t.ok(less.workingBytes <= memoryLimit && less.positions < free.positions)
      t.equal(less.workingBytes, (await pool.run(f, [thetas], { memoryLimit })).run?.workingBytes)
    }
    t.throws(() => pool.predict(f, [[1, 2]], { memoryLimit: 10 }), { code: 'ERR_MEMORY_LIMIT' })
    t.throws(() => pool.predict(f, [[1, 2]], { memory: 10 } as never), { code: 'ERR_UNKNOWN_OPTION' })
  } finally {
    await pool.close()
  }
})
