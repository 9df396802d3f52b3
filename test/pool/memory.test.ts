// What a pool needs: it can be bounded, it does not grow from job to job or from function to function, and it is told when it
// does not suffice. And what is refused.
import { test } from 'tap'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { NativeError, OnestepError, Pool, array, compile, shared } from '../../lib/index.js'
import type { NDArray, Results, Tensor } from '../../lib/index.js'
import { setMemoryPressure } from '../../lib/base/memory.js'
import { jobsOf } from '../../lib/runtime/compile.js'
import { localExecutor } from '../../lib/runtime/executor.js'
import { MemoryPool } from '../../lib/runtime/memoryPool.js'
import { native } from '../../lib/runtime/native.js'
import { bits, normals, programs } from './programs.js'

const double = (x: Tensor): Tensor => x.mul(2)
const soak = process.env['ONESTEP_SOAK'] === '1' ? 10 : 1

test('limits', async (t) => {
  await using pool = new Pool({ threads: 4 })
  for (const { name, fn, inputs } of programs) {
    const args = inputs(200)
    const start = async (memoryLimit: number): Promise<Results<unknown>> =>
      pool.run(fn as never, args, { lanes: 8, memoryLimit })
    const expected = bits(compile(fn as (...x: unknown[]) => unknown, { lanes: 8 }).batch(...args))
    const error = await start(1).catch((thrown: unknown) => thrown)
    t.ok(error instanceof OnestepError)
    t.match(error, { code: 'ERR_MEMORY_LIMIT', received: '1', remedy: /memoryLimit/ })
    const least = Number(/at least (\d+) bytes/.exec((error as OnestepError).message)?.[1])
    t.equal(await start(least - 1).catch((thrown: OnestepError) => thrown.code), 'ERR_MEMORY_LIMIT')
    let before = 0
    for (const limit of [least, least + 100, 2 * least, 5 * least, 100 * least, 1e12, Infinity]) {
      const { run, ...results } = await start(limit)
      t.ok((run?.workingBytes ?? Infinity) <= limit, `${name}, ${String(limit)}`)
      t.equal(bits(results), expected)
      t.ok((run?.threads ?? 0) >= before, 'no fewer threads for more memory')
      before = run?.threads ?? 0
    }
    t.equal(before, 4)
    const local = localExecutor().prepare(fn, { lanes: 8 })
    t.equal((await local(args, { memoryLimit: least })).run?.workingBytes, least)
  }
})

test('wrong options and arguments', async (t) => {
  await using pool = new Pool({ threads: 1 })
  const wrong: readonly (readonly [string, unknown, unknown, object, string])[] = [
    ['an unknown option', double, [[1]], { timeout: 5 }, 'ERR_UNKNOWN_OPTION'],
    ['no time', double, [[1]], { timeoutMs: 0 }, 'ERR_ARGUMENT'],
    ['a time that is no number', double, [[1]], { timeoutMs: NaN }, 'ERR_ARGUMENT'],
    ['no memory', double, [[1]], { memoryLimit: 0 }, 'ERR_ARGUMENT'],
    ['memory that is no number', double, [[1]], { memoryLimit: NaN }, 'ERR_ARGUMENT'],
    ['three lanes', double, [[1]], { lanes: 3 }, 'ERR_ARGUMENT'],
    ['no threads of BLAS', double, [[1]], { blasThreads: 0 }, 'ERR_ARGUMENT'],
    ['half a thread of BLAS', double, [[1]], { blasThreads: 1.5 }, 'ERR_ARGUMENT'],
    ['no function', 3, [[1]], {}, 'ERR_ARGUMENT'],
    ['nothing to tell the batch', double, [shared(1)], {}, 'ERR_ARGUMENT'],
    ['batches that differ', (x: Tensor, y: Tensor) => x.add(y), [[1], [1, 2]], {}, 'ERR_SHAPE'],
    ['shapes that do not fit', (x: Tensor) => x.reshape([3]), [[[1, 2]]], {}, 'ERR_SHAPE'],
  ]
  for (const [name, fn, inputs, options, code] of wrong) {
    const error = await pool.run(fn as never, inputs as never, options).catch((thrown: unknown) => thrown)
    t.ok(error instanceof OnestepError, `${name}: ${String(error)}`)
    t.equal((error as OnestepError).code, code, name)
  }
  t.equal(
    (await pool.run(double, [[1]], { timeoutMs: 2 ** 40 })).value.data[0],
    2,
    'a time of decades is not over at once',
  )
})

test('an error of a thread keeps its class, its code and its message', async (t) => {
  await using pool = new Pool({ threads: 2 })
  const fn = (x: Tensor): Tensor => x.mul(3)
  const { bytes, constants } = jobsOf(fn).job([[1, 2]]).ready.program
  // Damaged on its way to the threads; this one has loaded it before.
  bytes[bytes.length - 1] = 0xff ^ (bytes.at(-1) as number)
  let expected: unknown
  try {
    native().loadProgram(
      bytes,
      constants.map(({ data }) => data),
    )
  } catch (error) {
    expected = error
  }
  const { code, message } = expected as OnestepError
  t.equal(code, 'ERR_PROGRAM')
  const received = await pool.run(fn, [[1, 2]]).catch((error: unknown) => error)
  t.ok(received instanceof Error)
  t.match(received, { code, message })
  t.equal((await pool.run(double, [[4]])).value.data[0], 8, 'the threads are as good as before')

  const path = process.env['ONESTEP_NATIVE_PATH']
  process.env['ONESTEP_NATIVE_PATH'] = '/nowhere/onestep.node'
  await using blind = new Pool({ threads: 1 })
  try {
    const error = await blind.run(double, [[1]]).catch((thrown: unknown) => thrown)
    t.ok(error instanceof NativeError)
    t.match(error, { code: 'ERR_NATIVE_MISSING', message: /nowhere/ })
  } finally {
    if (path === undefined) delete process.env['ONESTEP_NATIVE_PATH']
    else process.env['ONESTEP_NATIVE_PATH'] = path
  }
})

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

/** MiB once the garbage is gone: of the process, and of JavaScript's heap. */
const usage = (): { readonly rss: number; readonly heap: number } => {
  for (let i = 0; i < 3; i++) gc()
  const { rss, heapUsed } = process.memoryUsage()
  return { rss: rss / 2 ** 20, heap: heapUsed / 2 ** 20 }
}
const resident = (): number => usage().rss

test('small jobs in a row', async (t) => {
  await using pool = new Pool({ threads: 1 })
  const batch = normals('row', 512)
  const job = async (): Promise<Results<NDArray>> => pool.run(double, [batch], { lanes: 8 })
  for (let i = 0; i < 2000; i++) await job()
  let made = 0
  setMemoryPressure((bytes) => {
    made += Math.max(bytes, 0)
    native().adjustMemory(bytes)
  })
  for (let i = 0; i < 1000; i++) await job()
  t.equal(made, 1000 * 512 * 8, 'shared memory is made for the results, and for nothing else')
  const before = usage()
  for (let i = 0; i < 10_000 * soak; i++) await job()
  setMemoryPressure((bytes) => {
    native().adjustMemory(bytes)
  })
  const after = usage()
  const [grown, kept] = [after.rss - before.rss, after.heap - before.heap]
  // Outputs alone were 41 MB.
  t.ok(grown < 100, `${grown.toFixed(1)} MiB more`)
  t.ok(kept < 10, `${kept.toFixed(1)} MiB of objects more`)
})

test('new functions in a row', async (t) => {
  await using pool = new Pool({ threads: 1 })
  const job = async (k: number): Promise<void> => {
    const own = array(new Float64Array(20_000).fill(k))
    const { value } = await pool.run((x: Tensor) => x.mul(own).sum(), [[1, 2]], { lanes: 8 })
    if (value.data[1] !== 40_000 * k) t.fail('a wrong result')
  }
  for (let i = 0; i < 300; i++) await job(i)
  const before = resident()
  for (let i = 0; i < 2000 * soak; i++) await job(i)
  const grown = resident() - before
  // Each brings a constant of 160 kB and a tile of 1.3 MB.
  t.ok(grown < 150, `${grown.toFixed(1)} MiB more`)
})

test('memory that is used again', async (t) => {
  const memory = new MemoryPool()
  const first = memory.take(3000)
  t.ok(first.length >= 3000)
  t.not(memory.take(3000).buffer, first.buffer)
  memory.give(first)
  t.equal(memory.take(2900).buffer, first.buffer)
  t.not(memory.take(2900).buffer, first.buffer, 'once')
  memory.give(first)
  t.not(memory.take(100).buffer, first.buffer, 'not for what is much smaller')
  t.not(memory.take(2 * first.length).buffer, first.buffer, 'nor for what is larger')
  t.equal(memory.take(first.length).buffer, first.buffer)
  // More than 256 MiB are not kept.
  const large = Array.from({ length: 5 }, () => memory.take(80 * 2 ** 20))
  for (const piece of large) memory.give(piece)
  const again = Array.from({ length: 5 }, () => memory.take(80 * 2 ** 20))
  t.equal(again.filter((piece) => large.some(({ buffer }) => buffer === piece.buffer)).length, 3)
})
