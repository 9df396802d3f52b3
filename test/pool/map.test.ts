// Streams of batches: in order, never further ahead than asked for, and whoever stops, fails or ends them leaves nothing behind.
import { test } from 'tap'
import { OnestepError, Pool, array, shared, statusNames, zeros } from '../../lib/index.js'
import type { NDArray, Results, Tensor } from '../../lib/index.js'
import { inOrder } from '../../lib/pool/stream.js'
import { endless, normals } from './programs.js'

const double = (x: Tensor): Tensor => x.mul(2)
const sleep = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** A source that notes how often it was asked, and whether it was closed. */
class Source implements Iterable<readonly [NDArray]> {
  asked = 0
  closed = false
  readonly count: number
  constructor(count: number) {
    this.count = count
  }
  *[Symbol.iterator](): Generator<readonly [NDArray], void, undefined> {
    try {
      for (let i = 0; i < this.count; i++) {
        this.asked++
        yield [array([i, i + 0.5])]
      }
    } finally {
      this.closed = true
    }
  }
}

const first = (results: Results<NDArray>): number => results.value.data[0] as number

test('order and back-pressure', async (t) => {
  await using pool = new Pool({ threads: 2 })
  for (const ahead of [1, 2, 4, 100]) {
    const source = new Source(20)
    const stream = pool.map(double, source, { ahead })
    await sleep(5)
    t.equal(source.asked, 0, 'nothing is asked for before a result is')
    const seen: number[] = []
    for await (const results of stream) {
      seen.push(first(results))
      await sleep(1)
      t.ok(
        source.asked <= seen.length - 1 + ahead,
        `${String(source.asked)} asked, ${String(seen.length)} taken`,
      )
    }
    t.strictSame(
      seen,
      Array.from({ length: 20 }, (_, i) => 2 * i),
    )
    t.ok(source.closed)
  }
})

test('work of all sizes comes back in order, of asynchronous sources, too', async (t) => {
  await using pool = new Pool({ threads: 2 })
  const sizes = [20_000, 1, 0, 3000, 7, 1, 0]
  const source = async function* (): AsyncGenerator<readonly [NDArray]> {
    for (const size of sizes) {
      await sleep(size % 3)
      yield [normals('sizes', size)]
    }
  }
  const results: Results<NDArray>[] = []
  for await (const one of pool.map((x: Tensor) => x.sin(), source(), { lanes: 8 })) results.push(one)
  t.strictSame(
    results.map(({ batch }) => batch),
    sizes,
  )
  for (const { value, batch } of results) {
    if (batch > 0) t.equal(value.data[0], results[1]?.value.data[0])
    t.strictSame(value.shape, [batch])
  }
})

test('no batches, and batches of nobody', async (t) => {
  await using pool = new Pool({ threads: 1 })
  for await (const _ of pool.map(double, [])) t.fail('there is no result')
  const shapes: unknown[] = []
  for await (const { value, status } of pool.map(double, [[zeros([0])], [zeros([1])]])) {
    shapes.push([value.shape, status.length])
  }
  t.strictSame(shapes, [
    [[0], 0],
    [[1], 1],
  ])
})

test('who stops taking results ends the work and closes the source', async (t) => {
  await using pool = new Pool({ threads: 2 })
  const mixed = (x: Tensor, slow: Tensor): Tensor => x.add(endless(slow).mul(0))
  const source = new Source(1000)
  const withEndless = function* (): Generator<readonly [NDArray, NDArray]> {
    // What never ends is under way when the loop is left.
    for (const [x] of source) yield [x, array([1, 1])]
  }
  const controller = new AbortController()
  const stream = pool.map(mixed, withEndless(), { timeoutMs: 100, ahead: 3 })
  for await (const { status } of stream) {
    t.ok(statusNames(status).every((name) => name === 'aborted'))
    break
  }
  t.ok(source.closed)
  t.ok(source.asked <= 3)
  // Nothing is left on the threads.
  const { value } = await pool.run(double, [[21]])
  t.equal(value.data[0], 42)

  const again = new Source(1000)
  const endlessStream = pool.map(
    endless,
    (function* () {
      for (const item of again) yield item
    })(),
    { signal: controller.signal },
  )
  setTimeout(() => {
    controller.abort()
  }, 100)
  let count = 0
  for await (const { status } of endlessStream) {
    count++
    t.ok(statusNames(status).every((name) => name === 'aborted'))
  }
  t.equal(count, 4, 'what was under way is handed out')
  t.ok(again.closed)
  t.equal(again.asked, 4)

  const never = new Source(5)
  for await (const _ of pool.map(double, never, { signal: AbortSignal.abort() }))
    t.fail('ended before it began')
  t.equal(never.asked, 0)
})

/** What comes before a failure, and the failure. */
const untilFailure = async (stream: AsyncIterable<Results<unknown>>): Promise<readonly [number, unknown]> => {
  let count = 0
  try {
    for await (const _ of stream) count++
  } catch (error) {
    return [count, error]
  }
  return [count, undefined]
}

test('a source that is silent, or waits for results', async (t) => {
  await using pool = new Pool({ threads: 1 })
  const silent = async function* (): AsyncGenerator<readonly [NDArray]> {
    yield [array([1])]
    await new Promise(() => undefined)
  }
  const controller = new AbortController()
  const seen: number[] = []
  for await (const { value } of pool.map(double, silent(), { signal: controller.signal, ahead: 3 })) {
    seen.push(value.data[0] as number)
    // Nobody will ever answer.
    controller.abort()
  }
  t.strictSame(seen, [2])
  // The next item depends on the last result, with room for more.
  let last = 1
  let release: () => void = () => undefined
  const waiting = async function* (): AsyncGenerator<readonly [NDArray]> {
    for (let i = 0; i < 5; i++) {
      yield [array([last])]
      await new Promise<void>((resolve) => (release = resolve))
    }
  }
  const doubled: number[] = []
  for await (const { value } of pool.map(double, waiting(), { ahead: 4 })) {
    last = value.data[0] as number
    doubled.push(last)
    // The source may not have come to wait yet.
    await new Promise((resolve) => setTimeout(resolve, 5))
    release()
  }
  t.strictSame(doubled, [2, 4, 8, 16, 32])
})

test('failures', async (t) => {
  await using pool = new Pool({ threads: 2 })
  const broken = new Error('the source breaks')
  const breaking = function* (): Generator<readonly [NDArray]> {
    yield [array([1])]
    yield [array([2])]
    throw broken
  }
  t.equal((await untilFailure(pool.map(double, breaking())))[1], broken)
  const rejecting = async function* (): AsyncGenerator<readonly [NDArray]> {
    yield [array([1])]
    await sleep(1)
    throw broken
  }
  t.equal((await untilFailure(pool.map(double, rejecting(), { ahead: 1 })))[1], broken)

  const source = new Source(100)
  const wrong = function* (): Generator<readonly [NDArray]> {
    let i = 0
    for (const item of source) yield i++ === 3 ? [zeros([2, 3])] : item
  }
  const [count, error] = await untilFailure(
    pool.map((x: Tensor) => x.reshape([]).mul(2), wrong(), { ahead: 2 }),
  )
  t.equal(count, 3, 'the results before it are handed out')
  t.ok(error instanceof OnestepError)
  t.match(error, { code: 'ERR_SHAPE' })
  t.ok(source.closed)
  t.ok(source.asked <= 5)
  t.equal((await pool.run(double, [[21]])).value.data[0], 42)
  await pool.close()
  t.match((await untilFailure(pool.map(double, [[[1]]])))[1], { code: 'ERR_POOL_CLOSED' })
})

test('options of a stream', async (t) => {
  await using pool = new Pool({ threads: 1 })
  for (const [options, code] of [
    [{ ahead: 0 }, 'ERR_ARGUMENT'],
    [{ ahead: 1.5 }, 'ERR_ARGUMENT'],
    [{ aheadd: 1 }, 'ERR_UNKNOWN_OPTION'],
  ] as const) {
    t.throws(() => pool.map(double, [[[1]]], options as object), { code })
  }
  // What means nothing is refused before a batch is asked for, in every way to run.
  for (const wrong of [{ timeoutMs: '5' }, { timeoutMs: 0 }, { signal: 5 }, { onProgress: 5 }]) {
    const options = wrong as never
    t.throws(() => pool.map(double, [], options), { code: 'ERR_ARGUMENT' }, JSON.stringify(wrong))
    await t.rejects(pool.each(double, [], options).next(), { code: 'ERR_ARGUMENT' })
    await t.rejects(pool.run(double, [[1]], options), { code: 'ERR_ARGUMENT' })
  }
  for (const inputs of [undefined, null, 5]) {
    await t.rejects(pool.run(double, inputs as never), { code: 'ERR_ARGUMENT', message: /no list/ })
  }
})

test('many small batches', async (t) => {
  await using pool = new Pool({ threads: 2 })
  const weights = array([3])
  const source = function* () {
    for (let i = 0; i < 500; i++) yield [shared(weights), [i]] as const
  }
  let next = 0
  for await (const { value } of pool.map((w: Tensor, x: Tensor) => w.sum().mul(x), source())) {
    if (value.data[0] !== 3 * next++) t.fail('out of order')
  }
  t.equal(next, 500)
})

test('what inOrder promises of any work', async (t) => {
  let underWay = 0
  let most = 0
  const work = async (i: number, signal: AbortSignal): Promise<number> => {
    most = Math.max(most, ++underWay)
    await sleep((i * 7) % 5)
    underWay--
    if (i === 30) throw new Error('thirty')
    return signal.aborted ? -i : i
  }
  const seen: number[] = []
  await t.rejects(async () => {
    for await (const x of inOrder(
      Array.from({ length: 50 }, (_, i) => i),
      work,
      3,
    )) {
      seen.push(x)
    }
  }, /thirty/)
  t.strictSame(
    seen,
    Array.from({ length: 30 }, (_, i) => i),
  )
  t.equal(most, 3)
  t.equal(underWay, 0, 'all that was under way is waited for')
})
