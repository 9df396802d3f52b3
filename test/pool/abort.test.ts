// Every way to end a run, of every kind of work that would not end by itself: what was finished is right, the rest is aborted.
import { test } from 'tap'
import type { NDArray } from '../../lib/base/ndarray.js'
import {
  Pool,
  array,
  compile,
  luSolve,
  shared,
  statusNames,
  stream,
  sum,
  tensor,
  vmap,
  whileLoop,
} from '../../lib/index.js'
import type { Progress, Results, RunOptions, Tensor } from '../../lib/index.js'
import { localExecutor } from '../../lib/runtime/executor.js'
import { different, endless, normals, spread } from './programs.js'
import type { Function } from './programs.js'

/** What is waited for much longer than a run takes to end, and much shorter than it would take by itself. */
const soon = async <T>(what: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error('still running'))
    }, 15_000)
  })
  try {
    return await Promise.race([what, late])
  } finally {
    clearTimeout(timer)
  }
}

const size = 3000
const large = array(stream(3, 'large').normals(size * size), [size, size])

/** [name, function, inputs, lanes]: each would run for hours, or for many seconds in one call of a kernel. */
const works: readonly (readonly [string, Function, readonly unknown[], number])[] = [
  ['one instance', endless, [[1]], 1],
  ['one instance in a tile', endless, [[1]], 8],
  ['instances of several threads', endless, [spread('endless', 40, 1, 9)], 8],
  ['a loop in straight code', (x: Tensor) => sum(vmap(endless)(x)), [normals('vmapped', 3, 4)], 1],
  ['a loop in straight code, in a tile', (x: Tensor) => sum(vmap(endless)(x)), [normals('vmapped', 3, 4)], 8],
  [
    'a loop in a loop',
    (x: Tensor) =>
      whileLoop(
        ({ y }: { y: Tensor }) => y.greater(-1),
        ({ y }: { y: Tensor }) => ({ y: endless(y.add(1)) }),
        { y: x.abs() },
      ).y,
    [normals('nested', 10)],
    8,
  ],
  ['a uniform stage', (x: Tensor, y: Tensor) => endless(x).mul(y), [shared(1), [1, 2, 3]], 8],
  [
    'a large factorization that all share',
    (A: Tensor, y: Tensor) => luSolve(A.mul(luChain(A)), tensor(large.data.subarray(0, size))).mul(y),
    [shared(large), [1, 2]],
    8,
  ],
]

/** The determinant-like product of several factorizations, so that one of them ends long before the rest. */
function luChain(A: Tensor): Tensor {
  let x = tensor(large.data.subarray(0, size))
  for (let i = 0; i < 20; i++) x = luSolve(A.add(i), x)
  return sum(x)
}

/** How a run is ended, once it is under way. */
const ways: Readonly<
  Record<
    string,
    (pool: Pool, start: (options: RunOptions) => Promise<Results<unknown>>) => Promise<Results<unknown>>
  >
> = {
  signal: async (_, start) => {
    const controller = new AbortController()
    const run = start({ signal: controller.signal })
    setTimeout(() => {
      controller.abort()
    }, 150)
    return run
  },
  timeoutMs: async (_, start) => start({ timeoutMs: 150 }),
  close: async (pool, start) => {
    const run = start({})
    setTimeout(() => void pool.close(), 150)
    return run
  },
}

for (const [name, fn, inputs, lanes] of works) {
  test(`ended: ${name}`, async (t) => {
    await using pool = new Pool({ threads: 2 })
    for (const [way, end] of Object.entries(ways)) {
      const start = async (options: RunOptions): Promise<Results<unknown>> =>
        pool.run(fn as never, inputs, { ...options, lanes })
      const results = await soon(end(pool, start))
      t.ok(
        statusNames(results.status).every((status) => status === 'aborted'),
        `${name}, ${way}`,
      )
      t.ok((results.value as NDArray).data.every(Number.isNaN))
      t.ok(results.gradientStatus.every((code) => code !== 0))
      if (way === 'close') continue
      t.strictSame([...(await pool.run((x: Tensor) => x.mul(2), [[1, 2]])).value.data], [2, 4])
    }
  })
}

test('what was finished is right', async (t) => {
  await using pool = new Pool({ threads: 2 })
  /** Four instances never end. */
  const fn = (x: Tensor): Tensor =>
    whileLoop(
      ({ y }: { y: Tensor }) => y.less(400),
      ({ y }: { y: Tensor }) => ({ y: y.mul(1.001).add(x.greater(0)) }),
      { y: x },
    ).y
  const inputs = [array(spread('some', 200, 1, 300).data.map((x, i) => (i % 50 === 1 ? 0 : x)))] as const
  const endsOnly = [array(inputs[0].data.map((x) => (x === 0 ? 300 : x)))] as const
  for (const lanes of [1, 8]) {
    const right = compile(fn, { lanes }).batch(...endsOnly)
    const ended = [...inputs[0].data.keys()].filter((i) => inputs[0].data[i] !== 0)
    for (const executor of [pool, localExecutor()]) {
      let last: Progress | undefined
      const run = executor.prepare(fn, { lanes })
      const controller = new AbortController()
      const results = await soon(
        run(inputs, {
          signal: controller.signal,
          onProgress: (progress) => {
            last = progress
            // On one lane a thread that is caught by an endless instance does nothing else.
            if (progress.done === (lanes === 1 ? progress.done : ended.length)) controller.abort()
          },
        }),
      )
      const names = statusNames(results.status)
      const finished = [...names.keys()].filter((i) => names[i] !== 'aborted')
      const wrong = different(results, right).filter((i) => finished.includes(i))
      t.strictSame(wrong, [], 'bit for bit')
      t.ok(finished.every((i) => ended.includes(i)))
      if (lanes === 8) t.strictSame(finished, ended)
      t.ok(
        [...names.keys()].every(
          (i) => finished.includes(i) || Number.isNaN((results.value as NDArray).data[i]),
        ),
      )
      t.equal(last?.done, finished.length)
    }
  }
})

test('ended before it began', async (t) => {
  await using pool = new Pool({ threads: 1 })
  for (const executor of [pool, localExecutor()]) {
    const run = executor.prepare(endless)
    const results = await soon(run([[1, 2]], { signal: AbortSignal.abort() }))
    t.strictSame(statusNames(results.status), ['aborted', 'aborted'])
    t.strictSame([...(results.value as NDArray).data], [NaN, NaN])
  }
  const tooLate = await pool.run((x: Tensor) => x.mul(2), [[1, 2]], { timeoutMs: 1e6 })
  t.strictSame([...tooLate.value.data], [2, 4])
  // A run that waits for a thread is ended, too, even where nobody gives way; and one that waits does not end others.
  for (const busy of [endless, (x: Tensor) => sum(vmap(endless)(x.add([1, 2])))]) {
    const controller = new AbortController()
    const first = pool.run(busy, [[1]], { signal: controller.signal })
    const waiting = await soon(pool.run(endless, [[1]], { timeoutMs: 50 }))
    t.strictSame(statusNames(waiting.status), ['aborted'])
    if (busy === endless) {
      const third = await soon(pool.run((x: Tensor) => x.mul(2), [[1, 2]]))
      t.strictSame([...third.value.data], [2, 4])
    }
    controller.abort()
    t.strictSame(statusNames((await soon(first)).status), ['aborted'])
  }
})
