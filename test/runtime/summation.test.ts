// Sums over a batch: against naive sums, and bit for bit against another account of their order.
import { test } from 'tap'
import { shared, summed } from '../../lib/base/executor.js'
import type { RunOptions } from '../../lib/base/executor.js'
import { NDArray, array } from '../../lib/base/ndarray.js'
import { stream } from '../../lib/base/random.js'
import { gradientStatusCode, statusCode } from '../../lib/base/status.js'
import { cond } from '../../lib/control/cond.js'
import { scan } from '../../lib/control/scan.js'
import { whileLoop } from '../../lib/control/while.js'
import { solve } from '../../lib/differentiation/solve.js'
import type { Tensor } from '../../lib/ir/tensor.js'
import { report } from '../../lib/ir/trace.js'
import type { Operand } from '../../lib/ir/trace.js'
import { add } from '../../lib/ops/elementwise.js'
import { matmul } from '../../lib/ops/linalg.js'
import { compile } from '../../lib/runtime/compile.js'
import { localExecutor } from '../../lib/runtime/executor.js'
import { fixedPoint } from '../../lib/solvers/fixedPoint.js'
import { grad, hessian, jacobian, jvp, valueAndGrad, vjp, vmap } from '../../lib/transform/derivatives.js'

/** A tree over values: the left part has the largest power of two of them that leaves something for the right. */
const tree = (values: readonly number[]): number => {
  if (values.length === 1) return values[0] as number
  let left = 1
  while (2 * left < values.length) left *= 2
  return tree(values.slice(0, left)) + tree(values.slice(left))
}

/** The sum of rows [batch][size] over those that are kept, an entry at a time. */
const treeSum = (rows: readonly (readonly number[])[], kept: readonly boolean[]): number[] => {
  const size = rows[0]?.length ?? 0
  if (!kept.includes(true)) return new Array<number>(size).fill(0)
  return Array.from({ length: size }, (_, e) => {
    const blocks: number[] = []
    for (let first = 0; first < rows.length; first += 64) {
      const own = rows
        .slice(first, first + 64)
        .flatMap((row, i) => (kept[first + i] === true ? [row[e] as number] : []))
      blocks.push(own.length === 0 ? -0 : own.reduce((a, b) => a + b))
    }
    return tree(blocks)
  })
}

const rowsOf = ({ data }: NDArray, batch: number): number[][] =>
  Array.from({ length: batch }, (_, i) => [
    ...data.slice((i * data.length) / batch, ((i + 1) * data.length) / batch),
  ])

const bits = (x: ArrayLike<number>): string => Buffer.from(Float64Array.from(x).buffer).toString('hex')

/** Numbers of very different sizes, so that the order of additions shows. */
const spread = (count: number, seed: number): Float64Array =>
  stream(seed, 'spread')
    .normals(count)
    .map((x, i) => x * 10 ** ((7 * i) % 9))

/** Squares and threefold of x, alone and summed; statuses are arguments. */
const both = (x: Tensor, status: Tensor, gradientStatus: Tensor) => {
  report('status', status)
  report('gradientStatus', gradientStatus)
  const own = { squares: x.square(), list: [x.mul(3), x.sum()] as const }
  return { own, total: summed(own) }
}

const inputsOf = (batch: number): [NDArray, Float64Array, Float64Array] => [
  new NDArray([batch, 2], spread(2 * batch, batch)),
  new Float64Array(batch),
  new Float64Array(batch),
]

const close = (x: number, y: number, scale: number): boolean => Math.abs(x - y) <= 1e-12 * scale

test('sums of many sizes of a batch, bit for bit, on any lanes', async (t) => {
  for (const batch of [1, 2, 63, 64, 65, 128, 129, 320, 448, 4097]) {
    const inputs = inputsOf(batch)
    for (const lanes of [1, 8, 'auto'] as const) {
      const { value, leftOut } = compile(both, { lanes }).batch(...inputs)
      t.equal(leftOut, 0)
      for (const [own, total, shape] of [
        [value.own.squares, value.total.squares, [2]],
        [value.own.list[0], value.total.list[0], [2]],
        [value.own.list[1], value.total.list[1], []],
      ] as const) {
        t.strictSame(total.shape, shape)
        const rows = rowsOf(own, batch)
        t.equal(
          bits(total.data),
          bits(treeSum(rows, new Array<boolean>(batch).fill(true))),
          `${String(batch)} instances`,
        )
        total.data.forEach((x, e) => {
          const column = rows.map((row) => row[e] as number)
          const scale = column.reduce((sum, y) => sum + Math.abs(y), 0)
          t.ok(
            close(
              x,
              column.reduce((sum, y) => sum + y, 0),
              scale,
            ),
          )
        })
      }
    }
  }
})

test('failed instances are left out of every sum, and counted', async (t) => {
  const batch = 200
  const [x, status, gradientStatus] = inputsOf(batch)
  status[3] = statusCode.maxSteps
  status[64] = statusCode.singular
  gradientStatus[3] = gradientStatusCode.skipped
  gradientStatus[130] = gradientStatusCode.notConverged
  x.data[2 * 77] = NaN
  x.data[2 * 199 + 1] = 1e200 // Its square is infinite, its threefold is not.
  const failed = [3, 64, 77, 130, 199]
  const kept = Array.from({ length: batch }, (_, i) => !failed.includes(i))
  const { value, leftOut } = compile(both).batch(x, status, gradientStatus)
  t.equal(leftOut, failed.length)
  t.equal(bits(value.total.squares.data), bits(treeSum(rowsOf(value.own.squares, batch), kept)))
  t.equal(bits(value.total.list[0].data), bits(treeSum(rowsOf(value.own.list[0], batch), kept)))
  // A number that is not finite counts among the summed outputs only.
  const partly = compile((y: Tensor) => ({ threefold: summed(y.mul(3)), log: y.log() })).batch([1, -1, 2])
  t.strictSame([partly.leftOut, ...partly.value.threefold.data], [0, 6])
  // A whole block that failed.
  status.fill(statusCode.diverged, 0, 70)
  const later = compile(both).batch(x, status, gradientStatus)
  t.equal(later.leftOut, 70 + 3)
  const keptLater = kept.map((k, i) => k && i >= 70)
  t.equal(
    bits(later.value.total.squares.data),
    bits(treeSum(rowsOf(later.value.own.squares, batch), keptLater)),
  )
})

test('strict sums are NaN when an instance failed, and the others are not', async (t) => {
  const f = compile((x: Tensor) => ({
    strict: summed({ a: x.log(), b: [x.mul([1, 2])] }, { strict: true }),
    inner: summed([summed(x, { strict: true }), x.mul(2)]),
    none: x.exp().mul(0),
  }))
  const good = f.batch([1, 2, 3])
  t.strictSame([good.leftOut, ...(good.value.strict.b[0] as NDArray).data], [0, 6, 12])
  const bad = f.batch([1, -2, 3])
  t.equal(bad.leftOut, 1)
  t.strictSame([...bad.value.strict.a.data, ...(bad.value.strict.b[0] as NDArray).data], [NaN, NaN, NaN])
  t.strictSame(
    bad.value.inner.map(({ data }) => [...data]),
    [[NaN], [8]],
    'the innermost mark counts',
  )
  t.strictSame(bad.value.none.shape, [3])
})

test('the order of the instances keeps the set, and decides the bits', async (t) => {
  const batch = 500
  const [x, status, gradientStatus] = inputsOf(batch)
  for (const i of [0, 100, 499]) status[i] = statusCode.diverged
  const f = compile(both)
  const forth = f.batch(x, status, gradientStatus)
  const reversed = new NDArray([batch, 2], Float64Array.from(rowsOf(x, batch).reverse().flat()))
  const back = f.batch(reversed, status.slice().reverse(), gradientStatus)
  t.equal(back.leftOut, 3)
  const [p, q] = [forth, back].map(({ value }) => value.total.list[0].data)
  const scale = x.data.reduce((sum, y) => sum + Math.abs(3 * y), 0)
  p?.forEach((y, e) => t.ok(close(y, q?.[e] as number, scale)))
  t.not(bits(p ?? []), bits(q ?? []), 'another order of additions rounds otherwise')
})

test('one instance is a batch of one', async (t) => {
  const f = compile((x: Tensor) => ({
    own: x.log(),
    sum: summed(x.log()),
    strict: summed(x, { strict: true }),
  }))
  for (const x of [1, -0.5, 0.3, NaN]) {
    const { value, leftOut } = f(x)
    const batch = f.batch([x])
    t.strictSame(
      [value.sum, value.strict, leftOut],
      [batch.value.sum.data[0], batch.value.strict.data[0], batch.leftOut],
    )
    if (x > 0) t.strictSame([value.sum, value.strict, leftOut], [value.own, x, 0])
    else t.strictSame([value.sum, value.strict, leftOut], [0, NaN, 1])
  }
  const g = compile(both)
  for (const [status, gradientStatus, total] of [
    [statusCode.converged, gradientStatusCode.ok, 3],
    [statusCode.maxSteps, gradientStatusCode.ok, 0],
    [statusCode.converged, gradientStatusCode.notConverged, 0],
  ] as const) {
    const { value, leftOut } = g([1, 2], status, gradientStatus)
    t.strictSame([value.own.list[1], value.total.list[1], leftOut], [3, total, total === 0 ? 1 : 0])
  }
  const negativeZero = compile((x: Tensor) => summed([x, x.mul([1, 2])]))(-0)
  t.ok(Object.is(negativeZero.value[0], -0), '−0 is itself')
  t.equal(compile((x: Tensor) => x.mul(2))(NaN).leftOut, 0, 'nothing is summed')
})

test('no instance', async (t) => {
  const { value, leftOut } = compile((x: Tensor) => summed(x.mul([1, 2]))).batch(new Float64Array(0))
  t.strictSame([leftOut, value.shape, [...value.data]], [0, [2], [0, 0]])
})

test('the gradient with respect to a shared argument', async (t) => {
  const batch = 300
  const points = new NDArray([batch, 3], stream(1, 'points').normals(3 * batch))
  const w = stream(2, 'w').normals(3)
  const loss = (v: Tensor, x: Tensor): Tensor => matmul(v, x).softplus()
  const one = (v: Tensor, x: Tensor) => {
    const [value, gradient] = valueAndGrad(loss)(v, x)
    return summed({ value, gradient })
  }
  const { value } = compile(one).batch(shared(w), points)
  const whole = compile((v: Tensor, xs: Tensor) =>
    valueAndGrad((u: Tensor) => vmap((x: Tensor) => loss(u, x))(xs).sum())(v),
  )(w, points).value
  t.ok(close(value.value.data[0] as number, whole[0] as number, batch))
  value.gradient.data.forEach((g, e) => t.ok(close(g, (whole[1] as NDArray).data[e] as number, batch)))
})

test('the executor of this thread sums the same, and leaves out what it did not end', async (t) => {
  const batch = 3000
  const [x, status, gradientStatus] = inputsOf(batch)
  status[5] = statusCode.maxSteps
  const inputs = [x, status, gradientStatus]
  const expected = compile(both).batch(x, status, gradientStatus)
  const rows = rowsOf(expected.value.own.squares, batch)
  const run = localExecutor().prepare(both)
  const controller = new AbortController()
  const cases: readonly (readonly [name: string, options: RunOptions, least: number])[] = [
    ['at once', {}, 1],
    ['in slices', { timeoutMs: 60_000 }, 1],
    [
      'ended on the way',
      {
        signal: controller.signal,
        onProgress: () => {
          controller.abort()
        },
      },
      1,
    ],
    ['ended before it began', { signal: AbortSignal.abort() }, batch],
  ]
  for (const [name, options, least] of cases) {
    const results = await run(inputs, options)
    const kept = [...results.status].map((code) => code === statusCode.converged)
    t.equal(results.leftOut, kept.filter((k) => !k).length, name)
    t.ok(results.leftOut >= least, name)
    const total = (results.value as { total: { squares: NDArray } }).total.squares
    t.equal(bits(total.data), bits(treeSum(rows, kept)), name)
    if (options.signal === undefined) t.equal(results.leftOut, 1, `${name}: all ended`)
  }
})

const mark = (x: Tensor): Operand => summed(x) as unknown as Operand
const solver = fixedPoint({ map: (x: Tensor, theta: Tensor) => x.mul(0.5).add(theta) })

const misplaced: Readonly<Record<string, (x: Tensor) => unknown>> = {
  grad: (x) => grad(mark as () => Operand)(x),
  valueAndGrad: (x) => valueAndGrad(mark)(x),
  jvp: (x) => jvp(mark, [x], [x]),
  vjp: (x) => vjp((y: Tensor) => ({ y: summed(y) }), [x]),
  vmap: (x) => vmap(mark)(x.reshape([1])),
  jacobian: (x) => jacobian(mark)(x),
  hessian: (x) => hessian(mark)(x),
  'an op': (x) => add(mark(x), 1),
  scan: (x) => scan((c: Tensor) => [c, mark(c)] as const, x, array([1, 2])),
  'the carry of a loop': (x) =>
    whileLoop(
      () => x.mul(0),
      (c) => mark(c) as Tensor,
      x,
    ),
  'a branch': (x) =>
    cond(
      x,
      () => mark(x),
      () => mark(x),
    ),
  'θ of a solve': (x) => solve(solver, { x0: 0, theta: mark(x) }),
  'shared in place of summed': (x) => shared(x),
}

test('a mark where it has no meaning is refused', async (t) => {
  for (const [name, fn] of Object.entries(misplaced)) {
    t.throws(
      () => compile(fn)(1),
      { code: 'ERR_MARK', message: /is marked as (summed|shared).*Expected \w+\(\) on/ },
      name,
    )
  }
  t.throws(() => compile((x: Tensor) => x)(summed(1) as never), {
    code: 'ERR_MARK',
    message: /arguments\[0\]/,
  })
  t.throws(() => summed(1, { srict: true } as never), { code: 'ERR_UNKNOWN_OPTION', message: /strict/ })
  t.throws(() => summed(1, { strict: 'no' as never }), { code: 'ERR_ARGUMENT', message: /true or false/ })
})
