// What solve, the solvers and the strategies refuse, and what they say.
import { test } from 'tap'
import { ArgumentError, ShapeError, TraceError } from '../../lib/base/errors.js'
import type { OnestepError } from '../../lib/base/errors.js'
import {
  add,
  backtracking,
  fixedPoint,
  grad,
  gradientDescent,
  implicit,
  mul,
  neumann,
  newton,
  oneStep,
  phantom,
  solve,
  square,
  sub,
  sum,
  tensor,
  truncated,
  unrolled,
} from '../../lib/index.js'
import type { Tensor } from '../../lib/index.js'
import type { Operand } from '../../lib/ir/trace.js'
import { lowered } from '../harness/evaluate.js'

const scalars =
  (f: (x: Tensor, theta: Tensor) => Operand) =>
  (x: Tensor, theta: Tensor): Tensor =>
    add(f(x, theta), mul(0, x))
const doubling = scalars((x, theta) => mul(theta, x))
const quartic = (x: Tensor, theta: Tensor): Tensor =>
  sub(mul(0.25, sum(square(square(x)))), mul(theta, sum(x)))

const one = fixedPoint({ map: doubling })
const refused: readonly (readonly [string, () => unknown, new (...args: never[]) => OnestepError, RegExp])[] =
  [
    [
      'an unknown option of solve',
      () => solve(one, { x0: [1], thetas: 1 } as never),
      ArgumentError,
      /Did you mean "theta"/,
    ],
    ['no x0', () => solve(one, { x0: [] as never, theta: 1 }), ArgumentError, /x0 is empty/],
    [
      'a map that changes the shape',
      () => solve(fixedPoint({ map: (x: Tensor) => sum(x) }), { x0: [1, 2] }),
      ShapeError,
      /./,
    ],
    [
      'a map that changes the structure',
      () => solve(fixedPoint({ map: (x: { a: Tensor }) => ({ b: x.a }) as never }), { x0: { a: [1] } }),
      ArgumentError,
      /structure/,
    ],
    [
      'a vector as error',
      () => solve({ ...one, error: ({ x }: { x: Tensor }) => x } as never, { x0: [1, 2], theta: 1 }),
      ShapeError,
      /error.*scalar/,
    ],
    [
      'an unknown option of a solver',
      () => fixedPoint({ map: doubling, maxStep: 1 } as never),
      ArgumentError,
      /Did you mean "maxSteps"/,
    ],
    ['a broken step limit', () => fixedPoint({ map: doubling, maxSteps: 1.5 }), ArgumentError, /integer/],
    ['a negative tolerance', () => fixedPoint({ map: doubling, tol: -1 }), ArgumentError, /≥ 0/],
    ['a tolerance that is NaN', () => newton({ objective: quartic, tol: NaN }), ArgumentError, /≥ 0/],
    ['newton without a function', () => newton({}), ArgumentError, /neither/],
    [
      'newton with two functions',
      () => newton({ objective: quartic, residual: doubling }),
      ArgumentError,
      /both/,
    ],
    [
      'an unknown line search',
      () => newton({ objective: quartic, lineSearch: 'wolfe' as never }),
      ArgumentError,
      /wolfe/,
    ],
    [
      'a negative step',
      () => gradientDescent({ objective: quartic, stepSize: -1 }),
      ArgumentError,
      /positive/,
    ],
    [
      'a step that is no step',
      () => gradientDescent({ objective: quartic, stepSize: 'auto' as never }),
      ArgumentError,
      /backtracking/,
    ],
    ['backtracking that grows', () => backtracking({ shrink: 2 }), ArgumentError, /shrink/],
    ['truncated 0', () => truncated(0), ArgumentError, /integer ≥ 1/],
    ['Neumann 1.5', () => neumann(1.5), ArgumentError, /integer ≥ 1/],
    ['phantom without damping', () => phantom(2, 0), ArgumentError, /\(0, 1\]/],
    ['phantom with too much', () => phantom(2, 1.1), ArgumentError, /\(0, 1\]/],
    ['an unknown linear solver', () => implicit({ linearSolver: 'qr' as never }), ArgumentError, /qr/],
    [
      'an unknown option of implicit',
      () => implicit({ solver: 'lu' } as never),
      ArgumentError,
      /unknown option/,
    ],
    ['options of implicit that are out of range', () => implicit({ tol: -1 }), ArgumentError, /tol/],
    ['unknown checkpoints', () => unrolled({ checkpoints: 'none' as never }), ArgumentError, /sqrt/],
    ['one-step somewhere else', () => oneStep({ at: 'first' as never }), ArgumentError, /previous/],
    [
      'a step length of a solver that has none',
      () =>
        grad((p: Tensor) =>
          sum(solve(one, { x0: [1], theta: p, strategy: oneStep({ stepLengthCorrection: true }) })),
        )(tensor(0.5)),
      TraceError,
      /step length/,
    ],
    [
      'a held Hessian of a solver that has none',
      () =>
        grad((p: Tensor) =>
          sum(solve(one, { x0: [1], theta: p, strategy: oneStep({ detachHessian: true }) })),
        )(tensor(0.5)),
      TraceError,
      /linearization/,
    ],
    [
      'a held Hessian with a step length',
      () => oneStep({ detachHessian: true, stepLengthCorrection: true }),
      ArgumentError,
      /full/,
    ],
  ]
for (const [name, fn, type, message] of refused) {
  test(`refused: ${name}`, async (t) => {
    t.throws(() => lowered(() => (fn(), 0)), type)
    t.throws(() => lowered(() => (fn(), 0)), { message })
  })
}
