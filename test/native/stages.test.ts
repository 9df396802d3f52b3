// Stages: tiles with missing lanes, lane refill, chunks, data read and written where they lie, abort, progress and resume;
// and the promise that an instance's bits depend on nothing but the instance.
import { test } from 'tap'
import { Worker } from 'node:worker_threads'
import { stream } from '../../lib/base/random.js'
import { Assembler } from './assembler.js'
import type { Value } from './assembler.js'
import { load, run } from './program.js'

const widths = [1, 8, 16, 64]

const permutation = (n: number): number[] =>
  [...stream(3, 'order').normals(n)]
    .map((x, i) => [x, i] as const)
    .sort((a, b) => a[0] - b[0])
    .map(([, i]) => i)

/** Heron's iteration x ← (x + θ/x)/2 until |x² − θ| ≤ 1e-12 θ, with x, the number of steps, and a product Mx. */
const heron = (lanes: number): { p: Assembler; sizes: number[] } => {
  const p = new Assembler(lanes)
  const theta = p.slot('input', [])
  const [th, x, k, x1, k1, go] = Array.from({ length: 6 }, () => p.lane([])) as [
    Value,
    Value,
    Value,
    Value,
    Value,
    Value,
  ]
  const [one, half, zero, tol] = [1, 0.5, 0, 1e-12].map((v) => p.immediate(v)) as [Value, Value, Value, Value]
  const root = p.internal([])
  p.loopStage(
    {
      loads: [
        [theta, th],
        [-1 - one, x],
        [-1 - zero, k],
      ],
      stores: [
        [x, root],
        [k, p.slot('output', [])],
      ],
    },
    {
      carries: [
        [x, x1],
        [k, k1],
      ],
      predicate: go,
      condition: [
        p.fused(
          [x, th, tol],
          [go],
          [
            ['square', 0, -1],
            ['sub', 0, 0, -2],
            ['abs', 0, 0],
            ['mul', 1, -2, -3],
            ['greater', 0, 0, 1],
          ],
          [0],
        ),
      ],
      body: [
        p.fused(
          [x, th, half, k, one],
          [x1, k1],
          [
            ['div', 0, -2, -1],
            ['add', 0, 0, -1],
            ['mul', 0, 0, -3],
            ['add', 1, -4, -5],
          ],
          [0, 1],
        ),
      ],
    },
  )
  const n = 5
  const matrix = p.constant([n, n], stream(1, 'matrix').normals(n * n))
  const [r, column, y, squares] = [p.lane([]), p.lane([n, 1]), p.lane([n, 1]), p.lane([])]
  p.straightStage(
    {
      loads: [[root, r]],
      stores: [
        [y, p.slot('output', [n, 1])],
        [squares, p.slot('output', [])],
      ],
    },
    p.call('broadcast', [r], [column]),
    p.call('matmul', [matrix, column], [y], 0, 0),
    p.call('sum', [y], [squares], 2, 0, 1),
  )
  return { p, sizes: [1, n, 1] }
}

const steps = (theta: number): number => {
  let [x, k] = [1, 0]
  for (; Math.abs(x * x - theta) > theta * 1e-12; k++) x = (theta / x + x) * 0.5
  return k
}

/** Some roots take 5 steps, some 30. */
const thetas = (batch: number): Float64Array =>
  Float64Array.from({ length: batch }, (_, i) => (i % 7 === 0 ? 4 ** ((i % 11) + 1) : 1 + i / 100))

test('an instance has the same bits wherever it stands, with whomever, in whatever batch and chunk', async (t) => {
  for (const lanes of widths) {
    const { p, sizes } = heron(lanes)
    const handle = load(p)
    const batch = 3 * lanes + 5
    const theta = thetas(batch)
    const whole = run(handle, [theta], sizes, batch).outputs
    const pick = (list: readonly number[]): number[][] =>
      sizes.map((size, k) => list.flatMap((i) => [...(whole[k]?.subarray(i * size, (i + 1) * size) ?? [])]))

    const order = permutation(batch)
    const shuffled = run(handle, [Float64Array.from(order, (i) => theta[i] as number)], sizes, batch).outputs
    t.strictSame(
      shuffled.map((x) => [...x]),
      pick(order),
      `T = ${lanes}, shuffled`,
    )

    for (const chunkBytes of [1, 8 * lanes, 17 * lanes]) {
      const chunked = run(handle, [theta], sizes, batch, { chunkBytes }).outputs
      t.strictSame(chunked, whole, `T = ${lanes}, chunks of ${chunkBytes} bytes`)
    }
    const alone = [0, 1, batch - 1].map((i) =>
      run(handle, [theta.slice(i, i + 1)], sizes, 1).outputs.map((x) => [...x]),
    )
    t.strictSame(
      alone,
      [0, 1, batch - 1].map((i) => pick([i])),
      `T = ${lanes}, alone`,
    )
    t.strictSame([...(whole[0] ?? [])], [...theta].map(steps), `T = ${lanes}, steps`)
  }
})

test('a lane that has converged takes the next instance', async (t) => {
  const batch = 400
  const theta = thetas(batch)
  const needed = [...theta].map(steps)
  const total = needed.reduce((a, b) => a + b, 0)
  for (const lanes of widths) {
    const { p, sizes } = heron(lanes)
    const { statistics } = run(p, [theta], sizes, batch)
    t.equal(statistics.finished, batch)
    t.equal(statistics.iterations, total, `T = ${lanes}: the iterations that instances need`)
    // Lanes idle only when no instance waits any more.
    t.ok(
      statistics.laneSlots <= total + lanes * Math.max(...needed),
      `T = ${lanes}: ${statistics.laneSlots} lane slots for ${total}`,
    )
  }
})

test('neighbours of NaN and infinity, and lanes that never start', async (t) => {
  for (const lanes of widths) {
    const { p, sizes } = heron(lanes)
    const good = [2, 3, 5, 7, 11, 13]
    const theta = Float64Array.of(NaN, 2, Infinity, 3, 5, NaN, 7, 11, -Infinity, 13)
    const mixed = run(p, [theta], sizes, theta.length).outputs
    const clean = run(p, [Float64Array.from(good)], sizes, good.length).outputs
    const at = good.map((x) => theta.indexOf(x))
    sizes.forEach((size, k) => {
      const found = at.flatMap((i) => [...(mixed[k]?.subarray(i * size, (i + 1) * size) ?? [])])
      t.strictSame(found, [...(clean[k] ?? [])], `T = ${lanes}, output ${k}`)
    })
    t.equal(mixed[0]?.[0], 0, 'a NaN predicate ends the loop before its first step')
  }
})

test('empty batches, programs without instances, uniform stages that depend on inputs', async (t) => {
  for (const lanes of [1, 8]) {
    const { p, sizes } = heron(lanes)
    t.strictSame(run(p, [new Float64Array(0)], sizes, 0).statistics, {
      finished: 0,
      laneSlots: 0,
      iterations: 0,
    })

    const q = new Assembler(lanes)
    const [a, b] = [q.uniformInput([3]), q.uniform([])]
    const [x, y] = [q.lane([3]), q.lane([3])]
    q.uniformStage(q.call('sum', [a], [b], 1, 0)).uniformOutput(b, [])
    q.straightStage(
      { loads: [[q.slot('input', [3]), x]], stores: [[y, q.slot('output', [3])]] },
      q.fused(
        [x, a, b],
        [y],
        [
          ['mul', 0, -1, -2],
          ['sub', 0, 0, -3],
        ],
        [0],
      ),
    )
    const handle = load(q)
    for (const shift of [0, 1]) {
      const shared = Float64Array.of(1 + shift, 2, 3)
      const own = Float64Array.of(1, 1, 1, 2, 0, 1)
      const { outputs } = run(handle, [shared, own], [{ uniform: 1 }, 3], 2)
      t.strictSame(
        outputs.map((v) => [...v]),
        [[6 + shift], [1 + shift, 2, 3, 2 * (1 + shift), 0, 3].map((v) => v - 6 - shift)],
        `run ${shift}`,
      )
    }

    const r = new Assembler(lanes)
    const [c, d] = [r.constant([2], Float64Array.of(3, 4)), r.uniform([2])]
    r.uniformStage(r.apply('square', [c], d)).uniformOutput(d, [2])
    const { outputs, statistics } = run(r, [], [{ uniform: 2 }], 5)
    t.strictSame([[...(outputs[0] ?? [])], statistics.finished], [[9, 16], 5])
  }
})

test('memory that is used again: what lies in an input or output is copied when it must be', async (t) => {
  // [name, code from input value x [4] in lane memory, expected from x]
  type Case = readonly [
    string,
    (p: Assembler, x: Value) => { stores: readonly Value[]; code: readonly (readonly number[])[] },
    (x: number[]) => number[][],
  ]
  const cases: readonly Case[] = [
    ['the input itself', (_, x) => ({ stores: [x], code: [] }), (x) => [x]],
    ['the input twice', (_, x) => ({ stores: [x, x], code: [] }), (x) => [x, x]],
    [
      'in place of the input',
      (p, x) => {
        const y = p.lane([4], p.offsetOf(x))
        return { stores: [y], code: [p.apply('neg', [x], y)] }
      },
      (x) => [x.map((v) => -v)],
    ],
    [
      'the memory of the input, used for something else later',
      (p, x) => {
        const [y, z] = [p.lane([4]), p.lane([4], p.offsetOf(x))]
        return { stores: [z, y], code: [p.apply('neg', [x], y), p.apply('square', [y], z)] }
      },
      (x) => [x.map((v) => v * v), x.map((v) => -v)],
    ],
    [
      'an alias of the input and a part of it',
      (p, x) => {
        const [square, tail, y, z] = [p.alias(x, [2, 2]), p.alias(x, [2], 2), p.lane([2, 2]), p.lane([2])]
        return {
          stores: [p.alias(y, [4]), z],
          code: [p.call('transpose', [square], [y], 1, 0), p.apply('neg', [tail], z)],
        }
      },
      (x) => [[0, 2, 1, 3].map((i) => x[i] as number), [-(x[2] as number), -(x[3] as number)]],
    ],
    [
      'a part of the input overwritten, the rest read afterwards',
      (p, x) => {
        const [head, tail] = [p.alias(x, [2]), p.alias(x, [2], 2)]
        const [y, z] = [p.lane([2], p.offsetOf(x)), p.lane([2])]
        return { stores: [y, z], code: [p.apply('neg', [head], y), p.apply('square', [tail], z)] }
      },
      (x) => [x.slice(0, 2).map((v) => -v), x.slice(2).map((v) => v * v)],
    ],
    [
      'an output that is read again, and one with an earlier life',
      (p, x) => {
        const y = p.lane([4])
        const [z, w] = [p.lane([4]), p.lane([4], p.offsetOf(y))]
        return {
          stores: [w, z],
          code: [
            p.apply('neg', [x], y),
            p.apply('square', [y], z),
            p.fused([z, x], [w], [['add', 0, -1, -2]], [0]),
          ],
        }
      },
      (x) => [x.map((v) => v * v + v), x.map((v) => v * v)],
    ],
    [
      'one value stored twice, and its parts',
      (p, x) => {
        const y = p.lane([4])
        return { stores: [y, y, p.alias(y, [2], 1)], code: [p.apply('neg', [x], y)] }
      },
      (x) => [x.map((v) => -v), x.map((v) => -v), x.slice(1, 3).map((v) => -v)],
    ],
    [
      'both results of a group, one in place of its input',
      (p, x) => {
        const [y, z] = [p.lane([4], p.offsetOf(x)), p.lane([4])]
        return {
          stores: [y, z],
          code: [
            p.fused(
              [x],
              [y, z],
              [
                ['neg', 0, -1],
                ['square', 1, -1],
              ],
              [0, 1],
            ),
          ],
        }
      },
      (x) => [x.map((v) => -v), x.map((v) => v * v)],
    ],
    [
      'a loop that changes the memory it was loaded into',
      (p, x) => {
        const [k, k1, x1, go] = [p.lane([]), p.lane([]), p.lane([4]), p.lane([])]
        const [zero, one, three] = [0, 1, 3].map((v) => p.immediate(v)) as [Value, Value, Value]
        const loop = p.while({
          carries: [
            [x, x1],
            [k, k1],
          ],
          predicate: go,
          condition: [p.apply('less', [k, three], go)],
          body: [p.apply('add', [x, x], x1), p.apply('add', [k, one], k1)],
        })
        return { stores: [x], code: [p.call('copy', [zero], [k]), loop] }
      },
      (x) => [x.map((v) => 8 * v)],
    ],
  ]
  const batch = 11
  const data = stream(9, 'x').normals(4 * batch)
  for (const [name, write, expected] of cases) {
    for (const lanes of [1, 8]) {
      const p = new Assembler(lanes)
      const x = p.lane([4])
      const { stores, code } = write(p, x)
      const sample = expected([1, 2, 3, 4])
      p.straightStage(
        {
          loads: [[p.slot('input', [4]), x]],
          stores: stores.map((v, i) => [v, p.slot('output', [sample[i]?.length as number])]),
        },
        ...code,
      )
      const input = data.slice()
      const { outputs } = run(
        p,
        [input],
        sample.map((list) => list.length),
        batch,
      )
      const instances = Array.from({ length: batch }, (_, b) =>
        expected([...data.subarray(4 * b, 4 * b + 4)]),
      )
      t.strictSame(
        outputs.map((list) => [...list]),
        sample.map((_, k) => instances.flatMap((lists) => lists[k])),
        `${name}, T = ${lanes}`,
      )
      t.strictSame(input, data, `${name}, T = ${lanes}: the input is as it was`)
    }
  }
})

test('a slot that a stage loads and stores', async (t) => {
  for (const lanes of [1, 8]) {
    const p = new Assembler(lanes)
    const [x, y, a, b, z] = [p.lane([3, 3]), p.lane([3, 3]), p.lane([3, 3]), p.lane([3, 3]), p.lane([3, 3])]
    const [between, other] = [p.internal([3, 3]), p.internal([3, 3])]
    const out = [p.slot('output', [3, 3]), p.slot('output', [3, 3])] as const
    p.straightStage(
      {
        loads: [[p.slot('input', [3, 3]), x]],
        stores: [
          [y, between],
          [x, other],
        ],
      },
      p.apply('neg', [x], y),
    )
    // Both slots get new contents, each made from the other.
    p.straightStage(
      {
        loads: [
          [between, a],
          [other, b],
        ],
        stores: [
          [z, between],
          [a, other],
        ],
      },
      p.call('transpose', [b], [z], 1, 0),
    )
    const [u, v] = [p.lane([3, 3]), p.lane([3, 3])]
    p.straightStage({
      loads: [
        [between, u],
        [other, v],
      ],
      stores: [
        [u, out[0]],
        [v, out[1]],
      ],
    })
    const data = stream(2, 'x').normals(9 * 5)
    const { outputs } = run(p, [data], [9, 9], 5)
    const transposed = data.map((_, i) => data[i - (i % 9) + 3 * (i % 3) + Math.floor((i % 9) / 3)] as number)
    t.strictSame(outputs, [transposed, data.map((value) => -value)], `T = ${lanes}`)
  }
})

/** x ← x + 1 while x < n; n = ∞ never ends. The outputs are x and, by a second stage, 2x. */
const counter = (lanes: number): Assembler => {
  const p = new Assembler(lanes)
  const [n, x, x1, go, y, z] = Array.from({ length: 6 }, () => p.lane([])) as [
    Value,
    Value,
    Value,
    Value,
    Value,
    Value,
  ]
  const [zero, one, two] = [0, 1, 2].map((v) => p.immediate(v)) as [Value, Value, Value]
  const counted = p.internal([])
  p.loopStage(
    {
      loads: [
        [p.slot('input', []), n],
        [-1 - zero, x],
      ],
      stores: [[x, counted]],
    },
    {
      carries: [[x, x1]],
      predicate: go,
      condition: [p.apply('less', [x, n], go)],
      body: [p.apply('add', [x, one], x1)],
    },
  )
  p.straightStage({ loads: [[counted, y]], stores: [[z, p.slot('output', [])]] }, p.apply('mul', [y, two], z))
  return p
}

const words = (length: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * length))

test('abort: finished instances are written, and the others untouched', async (t) => {
  for (const lanes of [1, 8, 16]) {
    const handle = load(counter(lanes))
    const batch = 100
    const endless = 57
    const n = Float64Array.from({ length: batch }, (_, i) => (i === endless ? Infinity : i % 5))
    const control = words(1)
    // Another thread sets the word while this one is inside the call.
    const code = `const { workerData: w } = require('node:worker_threads'); setTimeout(() => Atomics.store(w, 0, 1), 200)`
    const worker = new Worker(code, { eval: true, workerData: control })
    // Two instances of internal memory at a time, rounded up to a tile: the first come through, then one hangs.
    const { statistics, outputs } = run(handle, [n], [1], batch, { control, chunkBytes: 16 })
    await new Promise((resolve) => worker.once('exit', resolve))
    const written = [...(outputs[0] as Float64Array)]
    const done = written.filter((v) => !Number.isNaN(v)).length
    t.equal(statistics.finished, done, `T = ${lanes}: the statistics tell how many`)
    t.ok(done > 0 && done < batch && Number.isNaN(written[endless]), `${done} of ${batch} are finished`)
    t.ok(written.every((v, i) => Number.isNaN(v) || v === 2 * (n[i] as number)))

    Atomics.store(control, 0, 0)
    n[endless] = 3
    t.equal(
      run(handle, [n], [1], batch, { control }).statistics.finished,
      batch,
      'the handle is good for more',
    )
  }
})

test('a job that is aborted before it begins does nothing', async (t) => {
  const control = words(1)
  control[0] = 1
  for (const lanes of [1, 8]) {
    const { outputs, statistics } = run(counter(lanes), [Float64Array.of(1, 2, 3)], [1], 3, { control })
    t.strictSame([...(outputs[0] ?? [])], [NaN, NaN, NaN])
    t.equal(statistics.finished, 0)
  }
})
