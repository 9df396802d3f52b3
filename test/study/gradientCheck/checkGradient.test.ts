// checkGradient: planted mistakes disagree, right derivatives agree, and what a difference cannot tell is inconclusive.
import { test } from 'tap'
import { ArgumentError } from '../../../lib/base/errors.js'
import { NDArray } from '../../../lib/base/ndarray.js'
import {
  abs,
  add,
  backtracking,
  checkGradient,
  cond,
  customDerivative,
  dot,
  exp,
  fixedPoint,
  formatGradientCheck,
  grad,
  gradientDescent,
  greater,
  implicit,
  log,
  matmul,
  max,
  maximum,
  mul,
  neumann,
  newton,
  oneStep,
  relu,
  sin,
  softplus,
  solve,
  sqrt,
  square,
  stopGradient,
  sub,
  sum,
  sumSquares,
  tanh,
  tensor,
  truncated,
  unrolled,
  valueAndGrad,
  withDerivative,
} from '../../../lib/index.js'
import type {
  GradientCheck,
  Operand,
  Solver,
  StoppingOptions,
  Strategy,
  Tensor,
  Verdict,
} from '../../../lib/index.js'
import { normal } from '../../harness/evaluate.js'
import { problems } from '../../differentiation/problems.js'

type F = (theta: Tensor) => Operand
const told = (check: GradientCheck): string => `${check.verdict}\n${formatGradientCheck(check)}`

// Solves of one kind each, at a tolerance, differentiated by a strategy.
const W = normal('check W', 6, 6)
const [X, y] = [normal('check X', 20, 5), normal('check y', 20)]
const [six, five] = [new NDArray([6], new Float64Array(6)), new NDArray([5], new Float64Array(5))]
type Solve = (options: StoppingOptions, strategy: Strategy) => F
const regression = (w: Tensor, p: Tensor): Tensor =>
  add(mul(0.5, sumSquares(sub(matmul(X, w), y))), mul(sum(exp(p)), sumSquares(w)))
const layerMap = (x: Tensor, p: Tensor): Tensor => tanh(add(matmul(mul(0.15, W), x), p))
const solves: Readonly<Record<string, Solve>> = {
  layer: (options, strategy) => (p) =>
    sum(sin(solve(fixedPoint({ map: layerMap, ...options }), { x0: six, theta: p, strategy }))),
  ridge: (options, strategy) => (p) =>
    sumSquares(
      solve(gradientDescent({ objective: regression, stepSize: 0.01, maxSteps: 20000, ...options }), {
        x0: five,
        theta: p,
        strategy,
      }),
    ),
  'ridge, backtracking': (options, strategy) => (p) =>
    sumSquares(
      solve(
        gradientDescent({ objective: regression, stepSize: backtracking(), maxSteps: 20000, ...options }),
        { x0: five, theta: p, strategy },
      ),
    ),
  logistic: (options, strategy) => (p) =>
    sumSquares(
      solve(
        newton({
          objective: (w: Tensor, q: Tensor) =>
            add(sum(softplus(matmul(X, w))), mul(sum(exp(q)), sumSquares(w))),
          ...options,
        }),
        { x0: five, theta: p, strategy },
      ),
    ),
}
const point = (name: string): NDArray => normal(`check ${name}`, 6)

test('strategies that are exact agree', async (t) => {
  for (const [name, make] of Object.entries(solves)) {
    for (const strategy of [implicit(), implicit({ linearSolver: 'gmres' }), unrolled(), neumann(300)]) {
      // A line search is a function of θ, too, which unrolled holds constant by definition.
      if (strategy.name === 'unrolled' && /backtracking|logistic/.test(name)) continue
      for (const mode of ['reverse', 'forward'] as const) {
        const check = checkGradient(make({ tol: 1e-11 }, strategy), point(name), { mode, tol: 1e-7 })
        t.equal(check.verdict, 'agrees', `${name}, ${strategy.name}, ${mode}: ${told(check)}`)
      }
    }
  }
})

test('unrolled is the derivative of the steps that were made, converged or not', async (t) => {
  for (const { name, theta, run, steps } of problems) {
    // A line search is a function of θ, too, which unrolled holds constant by definition.
    if (/backtracking|damped/.test(name)) continue
    const check = checkGradient((p: Tensor) => sumSquares(run(p, { strategy: unrolled(), steps })), theta)
    t.equal(check.verdict, 'agrees', `${name}: ${told(check)}`)
    t.equal(check.status, 'maxSteps', name)
  }
})

test('strategies that leave something out disagree', async (t) => {
  const slow: Solve = (options, strategy) => (p) =>
    sum(
      solve(fixedPoint({ map: (x: Tensor, q: Tensor) => add(mul(0.9, tanh(x)), q), ...options }), {
        x0: six,
        theta: p,
        strategy,
      }),
    )
  for (const strategy of [oneStep(), truncated(3), neumann(5)]) {
    const check = checkGradient(slow({ tol: 1e-10 }, strategy), point('slow'))
    t.equal(check.verdict, 'disagrees', `${strategy.name}: ${told(check)}`)
    t.ok(
      check.rows.every(({ relativeError }) => relativeError > 1e-2),
      strategy.name,
    )
  }
  const settled = checkGradient(slow({ tol: 1e-10 }, neumann(500)), point('slow'))
  t.equal(settled.verdict, 'agrees', told(settled))
})

const wrong = (rule: (x: Tensor, v: Tensor) => Tensor): F => {
  const squares = customDerivative((x) => square(x), {
    vjp: ([x], _, v) => [rule(x as Tensor, v)],
    jvp: ([x], _, [t]) => mul(2, mul(x as Tensor, t as Tensor)),
  })
  return (p) => sum(sin(squares(p)))
}
const planted: readonly (readonly [string, F, Verdict])[] = [
  ['the right rule', wrong((x, v) => mul(2, mul(x, v))), 'agrees'],
  ['a factor of 2 forgotten', wrong((x, v) => mul(x, v)), 'disagrees'],
  ['a wrong sign', wrong((x, v) => mul(-2, mul(x, v))), 'disagrees'],
  ['a cotangent that is dropped', wrong((x) => mul(2, x)), 'disagrees'],
  ['off by a thousandth', wrong((x, v) => mul(2.002, mul(x, v))), 'disagrees'],
  ['off by a millionth, which passes', wrong((x, v) => mul(2 + 2e-6, mul(x, v))), 'agrees'],
  ['zero', wrong((x, v) => mul(0, mul(x, v))), 'disagrees'],
  ['not a number', wrong((x, v) => mul(NaN, mul(x, v))), 'disagrees'],
  ['infinite', wrong((x, v) => mul(Infinity, mul(x, v))), 'disagrees'],
  ['a term whose gradient was stopped', (p) => add(sum(sin(p)), sum(stopGradient(square(p)))), 'disagrees'],
  [
    'a branch',
    (p) =>
      cond(
        greater(sum(p), 0),
        () => sum(exp(p)),
        () => sum(square(p)),
      ),
    'agrees',
  ],
]

test('planted mistakes in rules', async (t) => {
  for (const [name, f, verdict] of planted) {
    const check = checkGradient(f, [0.7, -1.3, 2.1])
    t.equal(check.verdict, verdict, `${name}: ${told(check)}`)
  }
  t.equal(
    checkGradient(
      wrong((x, v) => mul(x, v)),
      [1, 2],
      { mode: 'forward' },
    ).verdict,
    'agrees',
    'the other mode',
  )
})

test('one wrong entry of a thousand is noticed, and found', async (t) => {
  const n = 1000
  const theta = normal('check long', n)
  const at = (entry: number): Float64Array =>
    Float64Array.from({ length: n }, (_, i) => (i === entry ? 1.5 : 1))
  const f = customDerivative((x) => sum(sin(x)), {
    vjp: ([x], _, v) => [mul(v, mul(at(617), (x as Tensor).cos()))],
  })
  t.equal(checkGradient(f, theta).verdict, 'disagrees')
  const check = checkGradient(f, theta, { coordinates: 'all' })
  t.strictSame(
    check.rows.filter((row) => row.verdict !== 'agrees').map(({ name, verdict }) => [name, verdict]),
    [['theta[617]', 'disagrees']],
  )
  t.equal(checkGradient((p: Tensor) => sum(sin(p)), theta).verdict, 'agrees')
})

test('a solve that stops early: inconclusive, whatever the tolerance, and never called wrong', async (t) => {
  for (const [name, make] of Object.entries(solves)) {
    const verdicts = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5].map((tol, k) => {
      const theta = point(`${name} ${String(k)}`)
      return checkGradient(make({ tol }, implicit()), theta, { seed: k, tol: 1e-7 })
    })
    for (const check of verdicts) {
      t.not(check.verdict, 'disagrees', `${name}: ${told(check)}`)
      for (const { doubt } of check.rows)
        t.ok(doubt === undefined || doubt === 'stopping', `${name}: ${told(check)}`)
    }
    t.equal(verdicts[0]?.verdict, 'inconclusive', name)
  }
  // The same mistake is noticed once the solve is accurate enough to tell.
  const check = (tol: number): Verdict =>
    checkGradient((solves.layer as Solve)({ tol }, oneStep()), point('layer')).verdict
  t.strictSame([1e-1, 1e-8].map(check), ['inconclusive', 'disagrees'])
})

test('a slow map: a small residual is a large error', async (t) => {
  // ‖∂ₓF‖ ≈ 0.999, so that the value is off by about a thousand residuals.
  const slow: Solve = (options, strategy) => (p) =>
    sum(
      solve(
        fixedPoint({
          map: (x: Tensor, q: Tensor) => add(mul(0.999, x), mul(1e-3, sub(q, mul(0.1, sin(x))))),
          maxSteps: 100_000,
          ...options,
        }),
        { x0: six, theta: p, strategy },
      ),
    )
  const check = (tol: number): GradientCheck => checkGradient(slow({ tol }, implicit()), point('slow map'))
  for (const tol of [1e-5, 1e-6, 1e-7]) {
    t.equal(check(tol).verdict, 'inconclusive', told(check(tol)))
    t.ok(check(tol).rows.every(({ shares, error }) => shares.stopping > 0.5 * error))
  }
  t.equal(check(1e-12).verdict, 'agrees', told(check(1e-12)))
})

test('a solve without a single step', async (t) => {
  const lazy = (solves.layer as Solve)({ tol: 10 }, implicit())
  const check = checkGradient(lazy, point('layer'))
  t.equal(check.iterations, 0)
  t.equal(check.verdict, 'inconclusive', told(check))
})

const noisy = customDerivative(
  (x) => {
    // The fraction of a large multiple: noise of size 1e-6 that a computer calls deterministic.
    const big = mul(x, 1e13)
    return sum(add(sin(x), mul(1e-6, sub(big, big.floor()))))
  },
  { vjp: ([x], _, v) => [mul(v, (x as Tensor).cos())] },
)

test('noise in the values', async (t) => {
  const check = checkGradient(noisy, [0.7, 1.9], { tol: 1e-6 })
  t.equal(check.verdict, 'inconclusive', told(check))
  t.ok(check.rows.every(({ shares }) => shares.noise > 1e-6))
  t.equal(checkGradient(noisy, [0.7, 1.9], { tol: 1e-1 }).verdict, 'agrees', 'enough for a coarse check')
  const twice: F = (p) => add(noisy(p), sum(stopGradient(mul(3, p))))
  t.equal(
    checkGradient(twice, [0.7, 1.9], { tol: 1e-6 }).verdict,
    'disagrees',
    'enough to see a large mistake',
  )
})

/** argmin ½ (x − θ)² + |x| by soft thresholding: 0 for |θ| ≤ 1. */
const shrunk: F = (p) =>
  sum(
    solve(
      fixedPoint({
        map: (x: Tensor, q: Tensor) => {
          const z = add(mul(0.5, x), mul(0.5, q))
          return sub(relu(sub(z, 0.5)), relu(sub(mul(-1, z), 0.5)))
        },
        tol: 1e-13,
      }),
      { x0: [0.3], theta: p },
    ),
  )
const kinks: readonly (readonly [string, F, number[], Verdict])[] = [
  ['|θ| at 0', (p) => sum(abs(p)), [0], 'inconclusive'],
  ['|θ| beside it', (p) => sum(abs(p)), [1e-3], 'agrees'],
  ['relu at 0', (p) => sum(relu(p)), [0], 'inconclusive'],
  ['max where two are largest', (p) => max(p), [2, 2], 'inconclusive'],
  ['maximum of equal halves', (p) => sum(maximum(p, mul(2, p))), [0], 'inconclusive'],
  ['an active set that changes', shrunk, [1], 'inconclusive'],
  ['before it changes', shrunk, [0.9], 'agrees'],
  ['after it changed', shrunk, [1.1], 'agrees'],
  ['soft enough to see through', (p) => sum(mul(1e-3, softplus(mul(1e3, p)))), [0.001], 'agrees'],
]

test('kinks', async (t) => {
  for (const [name, f, theta, verdict] of kinks) {
    const check = checkGradient(f, theta, { coordinates: 'all' })
    t.equal(check.verdict, verdict, `${name}: ${told(check)}`)
    if (verdict === 'inconclusive') t.equal(check.rows[0]?.doubt, 'kink', name)
  }
  const beyond = customDerivative((x) => sum(abs(x)), { vjp: (_, __, v) => [mul(v, tensor([5]))] })
  t.equal(checkGradient(beyond, [0]).verdict, 'disagrees', 'no one-sided derivative is 5')
})

test('statuses: no difference across a change of status', async (t) => {
  // Diverges for |θ| > 1.
  const edge: F = (p) =>
    sum(
      solve(
        fixedPoint({
          map: (x: Tensor, q: Tensor) => add(mul(q, x), 1),
          maxSteps: 50000,
          divergence: 1e3,
          tol: 1e-11,
        }),
        { x0: [0], theta: p },
      ),
    )
  const near = checkGradient(edge, [0.97], { directions: 1, tol: 1e-4 })
  t.equal(near.verdict, 'agrees', told(near))
  t.ok((near.rows[0]?.statuses.diverged ?? 0) > 0, 'some of the values diverged')
  const cases: readonly (readonly [string, F, number, string])[] = [
    ['within a hair of divergence', edge, 1 - 1e-8, 'maxSteps'],
    ['beyond it', edge, 1.5, 'diverged'],
    [
      'outside of the domain',
      (p) =>
        sum(
          solve(newton({ objective: (x: Tensor, q: Tensor) => sumSquares(sub(x, log(q))) }), {
            x0: [0],
            theta: p,
          }),
        ),
      -1,
      'nonFinite',
    ],
  ]
  for (const [name, f, theta, status] of cases) {
    const check = checkGradient(f, [theta])
    t.equal(check.verdict, 'inconclusive', `${name}: ${told(check)}`)
    t.equal(check.status, status, name)
    t.ok(
      check.rows.every(({ doubt }) => doubt === 'status'),
      name,
    )
  }
  // The values are smooth, but beyond 1 they are those of a solve that failed.
  const failing: Solver<Tensor, Tensor, Tensor> = {
    name: 'failing',
    init: (_, p) => square(p),
    step: (x) => x,
    point: (x) => x,
    error: (_, p) => sum(greater(p, 1)),
    map: (_, p) => square(p),
    stopping: { maxSteps: 0, tol: 0, rtol: 0, divergence: Infinity },
  }
  const half = checkGradient((p: Tensor) => sum(solve(failing, { x0: [0], theta: p })), [1])
  t.strictSame([half.status, half.verdict, half.rows[0]?.doubt], ['converged', 'inconclusive', 'status'])
  t.equal(checkGradient((p: Tensor) => sum(solve(failing, { x0: [0], theta: p })), [0.98]).verdict, 'agrees')
  const domain = checkGradient((p: Tensor) => sum(sqrt(sub(1.01, p))), [1])
  t.equal(domain.verdict, 'agrees', `NaN at the longest steps: ${told(domain)}`)
  const border = checkGradient((p: Tensor) => sum(sqrt(p)), [0, 4], { coordinates: 'all' })
  t.strictSame(
    border.rows.map((row) => [row.verdict, row.doubt]),
    [
      ['inconclusive', 'status'],
      ['agrees', undefined],
    ],
  )
})

test('the step limit: the derivative of the solution is not that of the steps', async (t) => {
  for (const [strategy, verdict] of [
    [implicit(), 'inconclusive'],
    [unrolled(), 'agrees'],
  ] as const) {
    const check = checkGradient((solves.layer as Solve)({ tol: 0, maxSteps: 4 }, strategy), point('layer'))
    t.equal(check.verdict, verdict, told(check))
    t.equal(check.status, 'maxSteps')
  }
})

test('a derivative that comes with a warning does not pass', async (t) => {
  // θ enters through x0 alone, and the fixed point does not depend on it.
  const through: F = (p) =>
    add(sum(p), sum(solve(fixedPoint({ map: (x: Tensor) => mul(0.5, x), tol: 1e-13 }), { x0: p })))
  const check = checkGradient(through, [1, 2])
  t.equal(check.gradientStatus, 'undefined')
  t.equal(check.verdict, 'inconclusive', told(check))
})

test('solutions from elsewhere', async (t) => {
  const root = (scale: number) =>
    withDerivative({
      forward: (p: Tensor) => sqrt(p),
      residual: (x: Tensor, p: Tensor) => sub(square(x), mul(scale, p)),
    })
  t.equal(checkGradient((p: Tensor) => sum(root(1)(p)), [2, 3]).verdict, 'agrees')
  t.not(checkGradient((p: Tensor) => sum(root(1.001)(p)), [2, 3]).verdict, 'agrees', 'another equation')
})

test('trees: every leaf is moved by its own size, and every entry has a name', async (t) => {
  interface Theta {
    readonly lambda: Tensor
    readonly layers: readonly { readonly w: Tensor; readonly b: Tensor }[]
  }
  const f = ({ lambda, layers }: Theta): Tensor =>
    layers.reduce((s, { w, b }) => add(s, sumSquares(add(matmul(w, b), lambda))), log(lambda))
  const theta = {
    lambda: 1e-6,
    layers: [
      {
        b: [1, 0],
        w: [
          [1, 2],
          [3, 4],
        ],
      },
      {
        b: [1e5, 2],
        w: [
          [1, 2],
          [0, 4],
        ],
      },
    ],
  }
  const check = checkGradient(f, theta, { coordinates: 'all', directions: 3 })
  t.equal(check.verdict, 'agrees', told(check))
  t.strictSame(
    check.rows.slice(0, 9).map(({ name }) => name),
    [
      'random 0',
      'random 1',
      'random 2',
      'theta.lambda',
      'theta.layers[0].b[0]',
      'theta.layers[0].b[1]',
      'theta.layers[0].w[0,0]',
      'theta.layers[0].w[0,1]',
      'theta.layers[0].w[1,0]',
    ],
  )
  const one = check.rows[3]
  t.ok(
    Math.abs((one?.derivative as number) / 1e6 - 1) < 0.5,
    'the derivative of one entry is the partial one',
  )
  t.equal(checkGradient((p: Tensor) => square(p), 3).rows[0]?.name, 'random 0', 'a number')
})

test('a gradient that is given', async (t) => {
  const f = (p: Tensor): Tensor => dot(p, sin(p))
  const given: readonly (readonly [string, (p: Tensor) => unknown, Verdict])[] = [
    ['a pair', (p) => valueAndGrad(f)(p), 'agrees'],
    ['a record', (p) => ({ value: f(p), gradient: grad(f)(p), x: p }), 'agrees'],
    ['a wrong one', (p) => ({ value: f(p), gradient: sin(p) }), 'disagrees'],
  ]
  for (const [name, g, verdict] of given) t.equal(checkGradient(g, [1, 2]).verdict, verdict, name)
})

test('second derivatives, by checking a gradient along a direction', async (t) => {
  const f = (solves.layer as Solve)({ tol: 1e-12 }, implicit())
  const along = (p: Tensor): Tensor => dot(grad((q: Tensor) => f(q))(p), [1, -1, 2, 0.5, 1, 3])
  t.equal(checkGradient(along, point('second')).verdict, 'agrees')
})

test('reproducible, and plain data', async (t) => {
  const f = (solves.ridge as Solve)({ tol: 1e-9 }, implicit())
  const check = (seed: number): GradientCheck => checkGradient(f, point('ridge'), { seed })
  t.strictSame(check(5), check(5))
  t.notSame(check(5).rows[0]?.derivative, check(6).rows[0]?.derivative)
  t.strictSame(structuredClone(check(5)), check(5))
  const { rows, tol, seed } = checkGradient(f, point('ridge'), {
    directions: 2,
    steps: 6,
    seed: 9,
    tol: 1e-3,
  })
  t.strictSame([rows.length, tol, seed], [2, 1e-3, 9])
  t.strictSame(rows[0]?.statuses, { converged: 1 + 2 * 6 + 8 })
  const length = Math.hypot(...(rows[0]?.vector ?? []))
  t.ok(Math.abs(length - 1) < 1e-15, 'a unit vector')
})

test('constants', async (t) => {
  t.equal(checkGradient((p: Tensor) => add(5, mul(0, sum(p))), [1, 2]).verdict, 'agrees')
  const part = checkGradient((p: Tensor) => sin(sum(mul(p, [1, 0]))), [1, 2], { coordinates: 'all' })
  t.equal(part.verdict, 'agrees', told(part))
})

const scalar = (p: Tensor): Tensor => sum(p)
const refused: readonly (readonly [string, () => unknown, RegExp])[] = [
  ['no function', () => checkGradient(3 as never, [1] as never), /takes a function/],
  [
    'an unknown option',
    () => checkGradient(scalar, [1], { direction: 3 } as never),
    /Did you mean "directions"/,
  ],
  ['no directions', () => checkGradient(scalar, [1], { directions: 0 }), /nothing to check/],
  ['half a direction', () => checkGradient(scalar, [1], { directions: 0.5 }), /integer/],
  ['too few steps', () => checkGradient(scalar, [1], { steps: 2 }), /3 to 20/],
  ['a tolerance of 0', () => checkGradient(scalar, [1], { tol: 0 }), /tol/],
  ['a tolerance that is NaN', () => checkGradient(scalar, [1], { tol: NaN }), /tol/],
  ['an unknown mode', () => checkGradient(scalar, [1], { mode: 'both' as never }), /reverse/],
  ['a negative seed', () => checkGradient(scalar, [1], { seed: -1 }), /seed/],
  ['an entry that is not there', () => checkGradient(scalar, [1], { coordinates: [1] }), /0 to 0/],
  ['coordinates in words', () => checkGradient(scalar, [1], { coordinates: 'some' as never }), /'all'/],
  ['no θ', () => checkGradient(scalar as never, [] as never), /at least one number/],
  ['θ that is not a number', () => checkGradient(scalar, [NaN]), /finite/],
  ['a vector', () => checkGradient((p: Tensor) => p, [1, 2]), /not a scalar.*\[2\]/],
  ['a tree', () => checkGradient((p: Tensor) => ({ p }), [1, 2]), /not a scalar.*a tree/],
  [
    'a gradient of another structure',
    () => checkGradient((p: Tensor) => [sum(p), { p }], [1, 2]),
    /structure/,
  ],
  [
    'a gradient of another shape',
    () => checkGradient((p: Tensor) => [sum(p), sum(p)], [1, 2]),
    /another shape/,
  ],
  [
    'forward rules of a gradient that is given',
    () => checkGradient((p: Tensor) => valueAndGrad(scalar)(p), [1], { mode: 'forward' }),
    /no meaning/,
  ],
]

test('refused', async (t) => {
  for (const [name, fn, message] of refused) {
    t.throws(fn, ArgumentError, name)
    t.throws(fn, { message }, name)
  }
})

test('for people', async (t) => {
  const text = formatGradientCheck(
    checkGradient((solves.layer as Solve)({ tol: 1e-1 }, oneStep()), point('layer')),
  )
  t.match(text, /converged after \d+ steps, gradient ok/)
  t.match(text, /random 3 .*inconclusive: stopping/)
  t.match(text, /lower their tol/)
  t.match(text, /inconclusive \(0 agrees, 0 disagrees, 4 inconclusive; tol 0.00001\)$/)
  t.match(
    formatGradientCheck(checkGradient((p: Tensor) => sum(abs(p)), [0])),
    /kink: the one-sided derivatives/,
  )
})
