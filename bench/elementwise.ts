// The elementwise part of the logistic loss and its gradient, as one fused native loop beside one scalar loop an op.
//   loss Σ wᵢ log(1 + e^tᵢ),   gradient −wᵢ yᵢ / (1 + e^−tᵢ),   t = −y z
import {
  OnestepError,
  compile,
  mul,
  sigmoid,
  softplus,
  stream,
  sum,
  statistics,
  timing,
} from '../lib/index.js'
import type { NDArray, Tensor } from '../lib/index.js'
import { atLeast, reported } from './figures.js'
import type { Figure } from './figures.js'
import { relativeError } from './paper/spectrum.js'

const fused = (z: Tensor, y: Tensor, w: Tensor): [Tensor, Tensor] => {
  const t = mul(y, z).neg()
  return [sum(mul(w, softplus(t))), mul(mul(w, sigmoid(t)), y).neg()]
}

type Vector = Float64Array
const at = (x: Vector, i: number): number => x[i] as number

/** One op, one loop, one new vector, in JavaScript, whose exp and log1p are scalar. */
const unfused = (z: Vector, y: Vector, w: Vector): [number, Vector] => {
  const n = z.length
  const product = new Float64Array(n)
  for (let i = 0; i < n; i++) product[i] = at(y, i) * at(z, i)
  const t = new Float64Array(n)
  for (let i = 0; i < n; i++) t[i] = -at(product, i)
  const losses = new Float64Array(n)
  for (let i = 0; i < n; i++) losses[i] = Math.max(at(t, i), 0) + Math.log1p(Math.exp(-Math.abs(at(t, i))))
  const weighted = new Float64Array(n)
  for (let i = 0; i < n; i++) weighted[i] = at(w, i) * at(losses, i)
  let total = 0
  for (let i = 0; i < n; i++) total += at(weighted, i)
  const s = new Float64Array(n)
  for (let i = 0; i < n; i++) s[i] = 1 / (1 + Math.exp(-at(t, i)))
  const scaled = new Float64Array(n)
  for (let i = 0; i < n; i++) scaled[i] = at(w, i) * at(s, i)
  const signed = new Float64Array(n)
  for (let i = 0; i < n; i++) signed[i] = at(scaled, i) * at(y, i)
  const gradient = new Float64Array(n)
  for (let i = 0; i < n; i++) gradient[i] = -at(signed, i)
  return [total, gradient]
}

/** Fused against unfused for n samples, T = 1. */
export const elementwiseFigures = async (n = 16384): Promise<Figure[]> => {
  const z = stream(1, 'margins').normals(n)
  const y = z.map((_, i) => (i % 2 === 0 ? 1 : -1))
  const w = new Float64Array(n).fill(1 / n)
  const program = compile(fused)
  const [, gradient] = program(z, y, w).value
  const error = relativeError((gradient as NDArray).data, unfused(z, y, w)[1])
  if (!(error < 1e-13)) {
    throw new OnestepError('fused and unfused loops differ', {
      code: 'ERR_BENCH',
      expected: '< 1e-13',
      received: String(error),
    })
  }
  const contestants = {
    fused: timing.computing(() => program(z, y, w)),
    unfused: timing.computing(() => unfused(z, y, w)),
  }
  const times = await timing.sideBySide(contestants, { rounds: 15 })
  const title = `logistic loss and gradient, compiled, n = ${String(n)}, T = 1`
  return [
    reported(`${title}: ns a sample`, (1e9 * statistics.median(times.fused)) / n),
    atLeast(
      `${title}: times unfused scalar loops of JavaScript`,
      timing.ratio(times.unfused, times.fused),
      3,
    ),
  ]
}
