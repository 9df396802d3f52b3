// Complex numbers as pairs, and the elementwise functions on them, exact in the limit of a tiny imaginary part. On the
// negative axis, where the principal branch would leave the real line, real ops give NaN and so do these.

/** Real and imaginary part. */
export type Complex = readonly [number, number]

export const add = ([a, b]: Complex, [c, d]: Complex): Complex => [a + c, b + d]
export const sub = ([a, b]: Complex, [c, d]: Complex): Complex => [a - c, b - d]
export const mul = ([a, b]: Complex, [c, d]: Complex): Complex => [a * c - b * d, a * d + b * c]
const neg = ([a, b]: Complex): Complex => [-a, -b]

// Smith's division: no square of a large number.
export const div = ([a, b]: Complex, [c, d]: Complex): Complex => {
  if (Math.abs(c) >= Math.abs(d)) {
    const r = d / c
    const denominator = c + d * r
    return [(a + b * r) / denominator, (b - a * r) / denominator]
  }
  const r = c / d
  const denominator = c * r + d
  return [(a * r + b) / denominator, (b * r - a) / denominator]
}

const one: Complex = [1, 0]
const nan: Complex = [NaN, NaN]

// √(a + bi) = s + (b / 2s) i with s² = (|z| + a) / 2 = a (1 + |1 + i b/a|) / 2
export const sqrt = ([a, b]: Complex): Complex => {
  if (!(a >= 0)) return nan
  if (a === 0) return [Math.sqrt(Math.abs(b) / 2), Math.sign(b) * Math.sqrt(Math.abs(b) / 2)]
  const s = Math.sqrt(a) * Math.sqrt((1 + Math.hypot(1, b / a)) / 2)
  return [s, b / (2 * s)]
}

const exp = ([a, b]: Complex): Complex => [Math.exp(a) * Math.cos(b), Math.exp(a) * Math.sin(b)]

// e^z − 1: the real part is (e^a − 1) cos b − 2 sin²(b/2)
const expm1 = ([a, b]: Complex): Complex => [
  Math.expm1(a) * Math.cos(b) - 2 * Math.sin(b / 2) ** 2,
  Math.exp(a) * Math.sin(b),
]

export const log = ([a, b]: Complex): Complex =>
  a > 0 ? [Math.log(Math.hypot(a, b)), Math.atan2(b, a)] : nan

// log(1 + z) = log(1 + a) + log(1 + i b/(1+a))
const log1p = ([a, b]: Complex): Complex =>
  a > -1 ? [Math.log1p(a) + Math.log1p((b / (1 + a)) ** 2) / 2, Math.atan2(b, 1 + a)] : nan

const sin = ([a, b]: Complex): Complex => [Math.sin(a) * Math.cosh(b), Math.cos(a) * Math.sinh(b)]
const cos = ([a, b]: Complex): Complex => [Math.cos(a) * Math.cosh(b), -Math.sin(a) * Math.sinh(b)]

// tanh(a + bi) = (t + u i) / (1 + t u i) with t = tanh a, u = tan b
const tanh = ([a, b]: Complex): Complex => {
  const [t, u] = [Math.tanh(a), Math.tan(b)]
  const denominator = 1 + t * t * u * u
  return [(t * (1 + u * u)) / denominator, u / Math.cosh(a) ** 2 / denominator]
}

const sigmoid = (z: Complex): Complex =>
  z[0] < 0 ? div(exp(z), add(one, exp(z))) : div(one, add(one, exp(neg(z))))

const softplus = (z: Complex): Complex => (z[0] < 0 ? log1p(exp(z)) : add(z, log1p(exp(neg(z)))))

// x^y = e^{y log x}; for x < 0 and whole y it is (−1)^y (−x)^y, without a derivative in y.
const pow = (x: Complex, y: Complex): Complex => {
  if (x[0] > 0) return exp(mul(y, log(x)))
  const n = y[0]
  if (x[0] === 0) return [Math.pow(0, n), n === 0 ? 0 : n * Math.pow(0, n - 1) * x[1]]
  if (!Number.isInteger(n)) return nan
  const magnitude = exp(mul([n, 0], log(neg(x))))
  return n % 2 === 0 ? magnitude : neg(magnitude)
}

const abs = (z: Complex): Complex => (z[0] === 0 ? [0, 0] : z[0] < 0 ? neg(z) : z)

/** The analytic elementwise ops, and those that are analytic in pieces. */
export const functions = {
  add,
  sub,
  mul,
  div,
  neg,
  reciprocal: (z: Complex): Complex => div(one, z),
  square: (z: Complex): Complex => mul(z, z),
  sqrt,
  abs,
  pow,
  exp,
  expm1,
  log,
  log1p,
  sin,
  cos,
  tanh,
  sigmoid,
  softplus,
  maximum: (x: Complex, y: Complex): Complex => (x[0] > y[0] ? x : y),
  minimum: (x: Complex, y: Complex): Complex => (x[0] < y[0] ? x : y),
  where: (condition: Complex, x: Complex, y: Complex): Complex => (condition[0] !== 0 ? x : y),
}
