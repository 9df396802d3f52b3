// The batch of quadratic programs: gradients against the exact solution by active sets, and that solution against a closed form.
import { test } from 'tap'
import { activeSetSolution, rowErrors } from '../../bench/activeSet.js'
import { accuracyFigures } from '../../bench/qp.js'
import { qpBatch, qpGradient, qpPoint } from '../../bench/qpBatch.js'
import type { QpParameters } from '../../bench/qpBatch.js'
import { array, compile, implicit, oneStep, stream } from '../../lib/index.js'
import type { NDArray, Tensor } from '../../lib/index.js'

const [batch, n, m] = [8, 12, 10]
const data = qpBatch(batch, n, m)
const solved = (lanes: number | 'auto' = 'auto') =>
  compile((d: QpParameters<Tensor>) => qpPoint(d, oneStep(), 1e-12), { lanes }).batch(data)
const exact = activeSetSolution(data, solved().value)

const sameBits = (a: Float64Array, b: Float64Array): boolean =>
  a.length === b.length && a.every((v, i) => Object.is(v, b[i]))

/** Instances of the batch, in this order. */
const chosen = (list: readonly number[]): QpParameters<NDArray> => {
  const take = ({ data: numbers, shape: [, ...shape] }: NDArray): NDArray => {
    const size = shape.reduce((a, b) => a * b, 1)
    const out = new Float64Array(list.length * size)
    list.forEach((b, i) => out.set(numbers.subarray(b * size, (b + 1) * size), i * size))
    return array(out, [list.length, ...shape])
  }
  return { Q: take(data.Q), p: take(data.p), G: take(data.G), h: take(data.h) }
}

test('programs are feasible, and some of their constraints are active', async (t) => {
  t.ok(exact.active > batch && exact.active < batch * m, `${String(exact.active)} active`)
  t.ok(exact.margin > 1e-6)
})

const strategies = { implicit: implicit(), corrected: oneStep({ stepLengthCorrection: true }) }
for (const lanes of [1, 8] as const) {
  for (const [name, strategy] of Object.entries(strategies)) {
    test(`${name}, T = ${String(lanes)}: x̄ and the gradient are exact`, async (t) => {
      const { value, gradientStatus } = compile(qpGradient(strategy, 1e-12), { lanes }).batch(data)
      t.ok(gradientStatus.every((code) => code === 0))
      const error = Math.max(...rowErrors(value.gradient.data, exact.gradient, n))
      t.ok(error > 0 && error <= 1e-8, `gradient ${error.toExponential(1)}`)
      const off = Math.max(...rowErrors(solved(lanes).value.x.data, exact.x, n))
      t.ok(off > 0 && off <= 1e-8, `x ${off.toExponential(1)}`)
    })
  }
  test(`T = ${String(lanes)}: an instance has the same bits alone, and in any place`, async (t) => {
    const program = compile(qpGradient(implicit(), 1e-9), { lanes })
    const whole = program.batch(data).value.gradient.data
    const row = (all: Float64Array, i: number): Float64Array => all.subarray(i * n, (i + 1) * n)
    const order = [5, 2, 7, 0, 3, 3, 1, 6, 4, 2, 0]
    const mixed = program.batch(chosen(order)).value.gradient.data
    order.forEach((b, i) =>
      t.ok(sameBits(row(mixed, i), row(whole, b)), `${String(b)} in place ${String(i)}`),
    )
    for (const b of [0, 6]) {
      t.ok(sameBits(program.batch(chosen([b])).value.gradient.data, row(whole, b)), `${String(b)} alone`)
    }
  })
}

test('one-step without correction is off by 1 − τ', async (t) => {
  const { value } = compile(qpGradient(oneStep(), 1e-12)).batch(data)
  for (const error of rowErrors(value.gradient.data, exact.gradient, n)) {
    t.ok(Math.abs(error / 1e-5 - 1) < 0.1, error.toExponential(2))
  }
})

// min ½‖x‖² + pᵀx,  x ≤ h:  x̄ = min(−p, h), and Σ x̄ changes by −1 with each p whose constraint is not active
const boxes = (count: number, size: number) => {
  const [p, h] = [stream(3, 'p').normals(count * size), stream(3, 'h').normals(count * size)]
  const eye = Float64Array.from({ length: count * size * size }, (_, i) =>
    Number(Math.floor(i / size) % size === i % size),
  )
  const identity = array(eye, [count, size, size])
  const data = { Q: identity, p: array(p, [count, size]), G: identity, h: array(h, [count, size]) }
  const z = p.map((v, i) => Math.max(0, -v - (h[i] as number)))
  const s = h.map((v, i) => Math.max(0, v + (p[i] as number)))
  return { data, s: array(s, [count, size]), z: array(z, [count, size]), p, h }
}

test('the exact solution of boxes is the closed form', async (t) => {
  const { data: box, s, z, p, h } = boxes(3, 5)
  const { x, gradient, active } = activeSetSolution(box, { s, z })
  t.strictSame([...x], [...p.map((v, i) => Math.min(-v, h[i] as number))])
  t.strictSame([...gradient], [...p.map((v, i) => (-v > (h[i] as number) ? -0 : -1))])
  t.equal(active, z.data.filter((v) => v > 0).length)
})

test('a wrong active set is found out', async (t) => {
  const { data: box, s, z } = boxes(3, 5)
  const claim = (i: number, on: boolean): NDArray =>
    array(
      z.data.map((v, j) => (j === i ? Number(on) * 100 : v)),
      z.shape,
    )
  const first = z.data.findIndex((v) => v > 0)
  const free = z.data.findIndex((v) => v === 0)
  t.throws(() => activeSetSolution(box, { s, z: claim(first, false) }), {
    message: /not those that are active/,
  })
  t.throws(() => activeSetSolution(box, { s, z: claim(free, true) }), {
    message: /not those that are active/,
  })
})

test('the figures of the errors keep to their bars', async (t) => {
  const figures = accuracyFigures('small', data, exact, 8)
  t.ok(figures.filter(({ bar }) => bar !== null).length === 3)
  t.strictSame(
    figures.filter(({ ok }) => !ok),
    [],
  )
})
