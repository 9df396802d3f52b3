// Quadratic programs with sides: planted solutions, gradients against differences and multipliers, and what is not regular.
import fc from 'fast-check'
import tap, { test } from 'tap'
import { parseQps, type QpsData } from '../../lib/data/qps.js'
import {
  array,
  compile,
  implicit,
  interiorPoint,
  quadraticProgram,
  solve,
  solveProgram,
  statusNames,
  sumSquares,
  valueAndGrad,
} from '../../lib/index.js'
import type { NDArray, ProgramVectors, SolvedProgram } from '../../lib/index.js'
import { eachEntry } from '../../lib/data/sparseColumns.js'
import { activeOf } from '../../lib/problems/quadratic/activeSides.js'
import { equilibrate } from '../../lib/problems/quadratic/equilibrate.js'
import { kktResiduals } from '../../lib/problems/quadratic/kktResiduals.js'
import { sideNames } from '../../lib/problems/quadratic/quadraticProgram.js'
import { rankOf, uniquenessOf } from '../../lib/problems/quadratic/uniqueness.js'
import { planted, situations, type Planted, type PlantedOptions, type Situation } from './plantedProgram.js'

// Every program is compiled for itself.
tap.setTimeout(300_000)

const isActive = (situation: Situation): boolean => !['between', 'inRange', 'free'].includes(situation)
const farthest = (a: Float64Array, b: Float64Array): number =>
  Math.max(0, ...a.map((v, i) => Math.abs(v - b[i]!)))
const largest = (v: Float64Array): number => Math.max(0, ...v.map(Math.abs))

/** Situations of which no more are active than there are variables. */
const arbitrary: fc.Arbitrary<PlantedOptions> = fc
  .record({
    variables: fc.array(fc.constantFrom(...situations), { minLength: 1, maxLength: 7 }),
    rows: fc.array(fc.constantFrom(...situations), { maxLength: 7 }),
    sense: fc.constantFrom('min' as const, 'max' as const),
    spread: fc.constantFrom(0, 1, 2),
    seed: fc.nat(1000),
  })
  .map(({ variables, rows, ...rest }) => {
    let room = variables.length
    const limit = (list: readonly Situation[]): Situation[] =>
      list.map((situation) => {
        if (!isActive(situation)) return situation
        return room-- > 0 ? situation : 'inRange'
      })
    return { variables: limit(variables), rows: limit(rows), ...rest }
  })

/** How far a solved program is from the planted one; an empty text where it is close. */
const difference = (
  { data, x, rowMultipliers, boundMultipliers }: Planted,
  options: PlantedOptions,
): string => {
  const found = solveProgram(data)
  const expected = [
    ...options.rows.map((situation, i) => [situation, `r${String(i)}`] as const),
    ...options.variables.map((situation, j) => [situation, `x${String(j)}`] as const),
  ].flatMap(([situation, name]) => (isActive(situation) ? [name] : []))
  const close = (a: Float64Array, b: Float64Array): boolean => farthest(a, b) <= 1e-4 * (1 + largest(b))
  if (found.status !== 'converged')
    return `status ${found.status}: ${found.primal} ${found.dual} ${found.gap}`
  if (!close(found.x, x)) return 'x'
  if (!close(found.rowMultipliers, rowMultipliers)) return 'row multipliers'
  if (!close(found.boundMultipliers, boundMultipliers)) return 'bound multipliers'
  const names = found.active.map(({ name }) => name).sort()
  if (names.join() !== [...expected].sort().join()) return `active ${names.join()}, not ${expected.join()}`
  return found.active.every(({ strict }) => strict) ? '' : 'not strict'
}

test('planted solutions are found: x, multipliers and active sides', async () => {
  fc.assert(
    fc.property(arbitrary, (options) => {
      const problem = difference(planted(options), options)
      if (problem !== '') throw new Error(problem)
    }),
    { numRuns: process.env['ONESTEP_SOAK'] === '1' ? 1000 : 40 },
  )
})

test('a program on which long steps can cycle', async (t) => {
  const options: PlantedOptions = {
    ...{ variables: ['atUpper', 'inRange'], rows: ['atLower', 'inRange'] },
    ...{ spread: 1, seed: 466 },
  }
  t.equal(difference(planted(options), options), '')
})

const mixed: PlantedOptions = {
  rows: ['equal', 'atLower', 'atUpper', 'between', 'rangeAtUpper', 'free'],
  variables: [
    'free',
    'equal',
    'atLower',
    'atUpper',
    'rangeAtLower',
    'between',
    'inRange',
    'free',
    'free',
    'free',
    'free',
  ],
}

/** The data with one entry of one vector moved, both sides where they are equal. */
const moved = (data: QpsData, name: 'c' | (typeof sideNames)[number], index: number, by: number): QpsData => {
  const vectors =
    name === 'rowEqual'
      ? (['rowLower', 'rowUpper'] as const)
      : name === 'fixed'
        ? (['lower', 'upper'] as const)
        : [name]
  return {
    ...data,
    ...Object.fromEntries(
      vectors.map((vector) => [vector, data[vector].map((v, i) => (i === index ? v + by : v))]),
    ),
  }
}

const halfNorm = (x: Float64Array): number => x.reduce((sum, v) => sum + (v * v) / 2, 0)

test('gradients of the optimal value and of ½‖x‖² are those of differences and multipliers', async (t) => {
  for (const [sense, spread] of [
    ['min', 0],
    ['max', 1],
  ] as const) {
    const { data, x, rowMultipliers, boundMultipliers } = planted({ ...mixed, sense, spread })
    const found = solveProgram(data, { sensitivity: true })
    const { status, value, halfNorm: norm } = found.sensitivity!
    t.equal(status, 'ok', found.sensitivity!.reason)
    t.ok(farthest(value.c, x) < 1e-6 * largest(x), 'the gradient of the value with respect to c is x')
    // A larger lower side costs −λ, a larger upper side gains λ; a maximum is minus a minimum.
    const sign = sense === 'max' ? 1 : -1
    for (const name of sideNames) {
      const { kind, indices } = found.form.sides[name]
      const multipliers = kind === 'row' ? rowMultipliers : boundMultipliers
      const own = Float64Array.from(indices, (i) => {
        const multiplier = multipliers[i]!
        const other = name === 'rowLower' || name === 'lower' ? multiplier > 0 : multiplier < 0
        return sign * (found.form.sides[name].equality || !other ? multiplier : 0)
      })
      t.ok(farthest(value[name], own) <= 1e-6 * (1 + largest(own)), `the value with respect to ${name}`)
    }
    for (const name of ['c', ...sideNames] as const) {
      const indices = name === 'c' ? [...data.c.keys()] : found.form.sides[name].indices
      indices.forEach((index, k) => {
        const usual = Math.abs(
          (name === 'rowEqual' ? data.rowUpper : name === 'fixed' ? data.upper : data[name])[index]!,
        )
        const h = 1e-4 * (usual + 10 ** -spread)
        const [above, below] = [h, -h].map((by) => solveProgram(moved(data, name, index, by))) as [
          SolvedProgram,
          SolvedProgram,
        ]
        const slopes = {
          value: (above.objective - below.objective) / (2 * h),
          norm: (halfNorm(above.x) - halfNorm(below.x)) / (2 * h),
        }
        const near = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-5 * (1 + Math.abs(b))
        t.ok(
          near(value[name][k]!, slopes.value),
          `value, ${name}[${index}]: ${value[name][k]} and ${slopes.value}`,
        )
        t.ok(
          near(norm[name][k]!, slopes.norm),
          `½‖x‖², ${name}[${index}]: ${norm[name][k]} and ${slopes.norm}`,
        )
      })
    }
  }
})

const program = (rows: string, columns: string, rest = ''): string =>
  `ROWS\n N f\n${rows}COLUMNS\n${columns}${rest}ENDATA\n`

const special: readonly (readonly [string, string, SolvedProgram['status'], readonly number[], string])[] = [
  [
    'no constraint',
    program('', ' x f 1\n y f -2\n', 'BOUNDS\n FR x\n FR y\nQUADOBJ\n x x 2\n y y 1\n'),
    'converged',
    [-0.5, 2],
    'ok',
  ],
  ['one variable', program('', ' x f 1\n', 'QUADOBJ\n x x 2\n'), 'converged', [0], 'ok'],
  [
    'one fixed variable',
    program('', ' x f 1\n', 'BOUNDS\n FX x 3\nQUADOBJ\n x x 2\n'),
    'converged',
    [3],
    'ok',
  ],
  [
    'only equalities',
    program(' E r\n', ' x r 1\n y r 1\n', 'RHS\n r 2\nBOUNDS\n FR x\n FR y\nQUADOBJ\n x x 2\n y y 2\n'),
    'converged',
    [1, 1],
    'ok',
  ],
  [
    'only bounds',
    program('', ' x f -9\n y f 1\n', 'BOUNDS\n UP x 2\n LO y -1\nQUADOBJ\n x x 2\n y y 0.5\n'),
    'converged',
    [2, -1],
    'ok',
  ],
  ['an empty row', program(' L r\n', ' x f -1\n', 'RHS\n r 2\nQUADOBJ\n x x 2\n'), 'converged', [0.5], 'ok'],
  [
    'a free row',
    program(' L r\n', ' x f -1 r 1\n', 'RHS\n r 1e30\nQUADOBJ\n x x 2\n'),
    'converged',
    [0.5],
    'ok',
  ],
  [
    'a linear program',
    program(' L r\n', ' x f -1 r 1\n y f -2 r 1\n', 'RHS\n r 1\n'),
    'converged',
    [0, 1],
    'ok',
  ],
  [
    'a maximum',
    `OBJSENSE MAX\n${program(' L r\n', ' x f 3 r 1\n', 'RHS\n r 1\nQUADOBJ\n x x -2\n')}`,
    'converged',
    [1],
    'ok',
  ],
  [
    'duplicate rows',
    program(' L r\n L s\n', ' x f -3 r 1\n x s 1\n', 'RHS\n r 1 s 1\nQUADOBJ\n x x 2\n'),
    'converged',
    [1],
    'singular',
  ],
  [
    'duplicate equalities',
    program(' E r\n E s\n', ' x f -3 r 1\n x s 1\n y f 1 r 1\n y s 1\n', 'RHS\n r 1 s 1\nQUADOBJ\n x x 2\n'),
    'converged',
    [1, 0],
    'singular',
  ],
  [
    'many minima',
    program(' L r\n', ' x f -1 r 1\n y f -1 r 1\n', 'RHS\n r 1\n'),
    'converged',
    [],
    'singular',
  ],
  [
    'a semidefinite matrix',
    program('', ' x f -1\n y f -1\n', 'QUADOBJ\n x x 2\n x y 2\n y y 2\n'),
    'converged',
    [],
    'singular',
  ],
  ['a side active by chance', program('', ' x f 0\n', 'QUADOBJ\n x x 2\n'), 'converged', [0], 'undefined'],
  [
    'rows that exclude each other',
    program(' L r\n G s\n', ' x f -3 r 1\n x s 1\n', 'RHS\n r 1 s 2\nQUADOBJ\n x x 2\n'),
    'infeasible',
    [],
    '',
  ],
  [
    'a row and a bound',
    program(' G r\n', ' x f -3 r 1\n', 'RHS\n r 5\nBOUNDS\n UP x 2\nQUADOBJ\n x x 2\n'),
    'infeasible',
    [],
    '',
  ],
  [
    'an empty row with a side',
    program(' G r\n', ' x f -3\n', 'RHS\n r 5\nQUADOBJ\n x x 2\n'),
    'infeasible',
    [],
    '',
  ],
  [
    'two values of one sum',
    program(' E r\n E s\n', ' x r 1 s 1\n y r 1 s 1\n', 'RHS\n r 5 s 6\n'),
    'infeasible',
    [],
    '',
  ],
  [
    'no value of a variable, beside a fixed one',
    program(
      ' L r\n',
      ' x f 0\n y r 5\n z f -5\n',
      'BOUNDS\n LO y 1\n FX z 0\nQUADOBJ\n x x 49\n x y -28\n x z 7\n y y 21\n y z 5\n z z 163\n',
    ),
    ...(['infeasible', [], ''] as const),
  ],
  ['a ray', program('', ' x f -3\n y f 1\n', 'QUADOBJ\n y y 2\n'), 'unbounded', [], ''],
  ['a ray of a free variable', program('', ' x f 3\n', 'BOUNDS\n FR x\n'), 'unbounded', [], ''],
  [
    'a ray inside a row',
    program(' L r\n', ' x f -3 r 1\n y f -1 r -1\n', 'RHS\n r 1\n'),
    'unbounded',
    [],
    '',
  ],
]

test('special programs', async (t) => {
  for (const [name, text, status, x, gradientStatus] of special) {
    const found = solveProgram(parseQps(text), { sensitivity: true })
    t.equal(found.status, status, name)
    if (x.length > 0) t.ok(farthest(found.x, Float64Array.from(x)) < 1e-4, `${name}: x = ${found.x.join()}`)
    t.equal(found.sensitivity?.status ?? '', gradientStatus, `${name}: ${found.sensitivity?.reason ?? ''}`)
    t.equal(found.certificate !== undefined, status !== 'converged', name)
    if (found.certificate !== undefined) t.ok(found.certificate.residual <= 1e-6, name)
  }
})

test('what is refused', async (t) => {
  const notConvex: readonly (readonly [string, RegExp])[] = [
    [program('', ' x f 1\n', 'QUADOBJ\n x x -2\n'), /is not convex.*diagonal entry -2 at variable "x"/],
    [program('', ' x f 1\n y f 1\n', 'QUADOBJ\n x x 2\n x y 3\n y y 2\n'), /is not convex.*pivot.*"y"/],
    [
      program('', ' x f 1\n y f 1\n', 'QUADOBJ\n x x 2\n x y 1\n'),
      /is not convex.*zero on the diagonal.*"y"/,
    ],
    [`OBJSENSE MAX\n${program('', ' x f 1\n', 'QUADOBJ\n x x 2\n')}`, /is not concave.*diagonal entry 2/],
  ]
  for (const [text, message] of notConvex) {
    t.throws(() => solveProgram(parseQps(text)), { code: 'ERR_NOT_CONVEX', message })
  }
  const { data } = planted(mixed)
  t.throws(() => quadraticProgram(data, { maxBytes: 1000 }), {
    code: 'ERR_ARGUMENT',
    message: /dense.*1000 bytes/,
  })
  t.throws(() => solveProgram(data, { tol: 0 }), { message: /"tol"/ })
  t.throws(() => solveProgram(data, { maxSteps: -1 }), { message: /maxSteps/ })
  t.throws(() => solveProgram(data, { tolerance: 1 } as never), { code: 'ERR_UNKNOWN_OPTION' })
})

test('few steps are told', async (t) => {
  const { data } = planted(mixed)
  const found = solveProgram(data, { maxSteps: 2 })
  t.equal(found.status, 'maxSteps')
  t.equal(found.iterations, 2)
  t.ok(Math.max(found.primal, found.dual, found.gap) > 1e-9)
})

test('residuals: exact sums, sides that do not exist, NaN', async (t) => {
  const { data, x, rowMultipliers, boundMultipliers } = planted({ ...mixed, spread: 3 })
  const exact = kktResiduals(data, { x, rowMultipliers, boundMultipliers })
  t.ok(Math.max(exact.primal, exact.dual, exact.gap) < 1e-9, 'the planted solution solves')
  for (const [name, index] of [
    ['x', 0],
    ['rowMultipliers', 1],
    ['boundMultipliers', 2],
  ] as const) {
    const solution = { x, rowMultipliers, boundMultipliers }
    const off = { ...solution, [name]: solution[name].map((v, i) => (i === index ? v + 1e-3 : v)) }
    const { primal, dual } = kktResiduals(data, off)
    t.ok(Math.max(primal, dual) > 1e-7, `${name} moved`)
    const nan = { ...solution, [name]: solution[name].map((v, i) => (i === index ? NaN : v)) }
    t.ok(Number.isNaN(kktResiduals(data, nan).dual), `NaN in ${name}`)
  }
  // 1e16 + 1 − 1e16 is 0 in doubles.
  const text = program(' E r\n', ' x r 1\n y r 1\n z r 1\n', 'RHS\n r 1\nBOUNDS\n FR x\n FR y\n FR z\n')
  const cancelling = {
    x: Float64Array.of(1e16, 1, -1e16),
    rowMultipliers: Float64Array.of(0),
    boundMultipliers: new Float64Array(3),
  }
  t.equal(kktResiduals(parseQps(text), cancelling).primal, 0)
  const half = parseQps(program(' L r\n', ' x f -1 r 1\n', 'RHS\n r 2\n'))
  const stray = {
    x: Float64Array.of(1),
    rowMultipliers: Float64Array.of(-3),
    boundMultipliers: Float64Array.of(4),
  }
  t.strictSame(kktResiduals(half, stray), { objective: -1, primal: 0, dual: 4, gap: 1 })
  const below = { ...stray, rowMultipliers: Float64Array.of(-2), boundMultipliers: Float64Array.of(3) }
  t.equal(kktResiduals({ ...half, upper: Float64Array.of(5) }, below).dual, 2, 'at a row, too')
})

test('the scaling: powers of two, and a matrix of entries near 1', async (t) => {
  const { data } = planted({ ...mixed, spread: 4 })
  const { D, R, B, sigma } = equilibrate(data)
  for (const v of [...D, ...R, ...B, sigma]) t.equal(Math.log2(v) % 1, 0)
  const norms = new Float64Array(data.c.length + data.rowNames.length)
  const note = (i: number, v: number): void => {
    norms[i] = Math.max(norms[i]!, Math.abs(v))
  }
  eachEntry(data.Q, (i, j, v) => {
    for (const k of [i, j]) note(k, v * D[i]! * D[j]!)
  })
  eachEntry(data.C, (i, j, v) => {
    for (const k of [j, data.c.length + i]) note(k, v * R[i]! * D[j]!)
  })
  data.lower.forEach((low, j) => {
    if (low > -Infinity || data.upper[j]! < Infinity) note(j, B[j]! * D[j]!)
  })
  t.ok(
    Math.max(...norms) <= 4 && Math.min(...norms) >= 1 / 4,
    `between ${Math.min(...norms)} and ${Math.max(...norms)}`,
  )
})

test('which sides are active, and strictly', async (t) => {
  const text = program(' L r\n', ' x r 1\n', 'RHS\n r 1\nBOUNDS\n FR x\nQUADOBJ\n x x 1\n')
  const form = quadraticProgram(parseQps(text))
  const solution = {
    x: Float64Array.of(1),
    rowMultipliers: Float64Array.of(7),
    boundMultipliers: Float64Array.of(0),
  }
  for (const [slack, force, expected] of [
    [1, 1e-9, []],
    [1e-9, 1, [true]],
    [1e-6, 2e-6, [false]],
    [2e-6, 1e-6, [false]],
    [0, 0, [false]],
  ] as const) {
    const { sides, rows } = activeOf(form, { s: Float64Array.of(slack), z: Float64Array.of(force) }, solution)
    t.strictSame(
      sides,
      expected.map((strict) => ({ side: 'rowUpper', name: 'r', multiplier: 7, strict })),
    )
    t.equal(rows.length, expected.length)
  }
})

test('ranks and uniqueness', async (t) => {
  const rows = (...list: readonly number[][]): Float64Array[] => list.map((row) => Float64Array.from(row))
  t.equal(rankOf([]), 0)
  t.equal(rankOf(rows([0, 0])), 0)
  t.equal(rankOf(rows([1, 2], [2, 4])), 1)
  t.equal(rankOf(rows([0, 1e-3], [1e3, 0])), 2)
  t.equal(rankOf(rows([1, 2, 3], [4, 5, 6], [7, 8, 9])), 2)
  t.equal(rankOf(rows([1, 0], [0, 1], [1, 1])), 2)
  const singular = rows([1, 1], [1, 1])
  t.strictSame(uniquenessOf(singular, []), { multipliers: true, x: false })
  t.strictSame(uniquenessOf(singular, rows([1, 1])), { multipliers: true, x: false })
  t.strictSame(uniquenessOf(singular, rows([1, 0])), { multipliers: true, x: true })
  t.strictSame(uniquenessOf(singular, rows([1, 0], [2, 0])), { multipliers: false, x: true })
  t.strictSame(uniquenessOf(rows([0, 0], [0, 0]), rows([1, 1], [1, 1])), { multipliers: false, x: false })
})

test('in code: many right-hand sides as lanes, each with its gradient', async (t) => {
  const { data } = planted(mixed)
  const form = quadraticProgram(data)
  const solver = interiorPoint({ problem: form.standard, tol: 1e-10, maxSteps: 60 })
  const f = compile(
    valueAndGrad((theta: ProgramVectors) =>
      sumSquares(form.solution(solve(solver, { x0: form.start, theta, strategy: implicit() })).x).mul(0.5),
    ),
  )
  const batch = 24
  const repeated = Object.fromEntries(
    Object.entries(form.theta).map(([name, v]) => [
      name,
      array(
        Float64Array.from(
          { length: batch * v.size },
          (_, i) => v.data[i % v.size]! * (name === 'c' ? 1 + 1e-3 * Math.floor(i / v.size) : 1),
        ),
        [batch, v.size],
      ),
    ]),
  ) as { readonly [K in keyof ProgramVectors]: NDArray }
  const found = f.batch(repeated)
  t.ok(statusNames(found.status).every((status) => status === 'converged'))
  const [values, gradients] = found.value as unknown as readonly [NDArray, ProgramVectors<NDArray>]
  for (const i of [0, 11, 23]) {
    const alone = solveProgram({ ...data, c: data.c.map((v) => v * (1 + 1e-3 * i)) }, { sensitivity: true })
    t.ok(Math.abs(values.data[i]! - halfNorm(alone.x)) < 1e-7 * (1 + halfNorm(alone.x)))
    const own = alone.sensitivity!.halfNorm
    for (const name of ['c', ...sideNames] as const) {
      const size = own[name].length
      const row = gradients[name].data.slice(i * size, (i + 1) * size)
      t.ok(farthest(row, own[name]) <= 1e-6 * (1 + largest(own[name])), `${name}, instance ${i}`)
    }
  }
})
