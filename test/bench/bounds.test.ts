// The inequalities of the paper: the constants are true on random points, the quick experiment holds, and mistakes are noticed.
import { ok } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import fc from 'fast-check'
import { test } from 'tap'
import { afterSteps } from '../../bench/paper/afterSteps.js'
import { contractionTrials, inequalities, vanishingTrials } from '../../bench/paper/bounds.js'
import type { Fault, Inequality, Trial } from '../../bench/paper/bounds.js'
import { showBounds } from '../../bench/paper/boundsReport.js'
import type { BoundsResult } from '../../bench/paper/boundsReport.js'
import { contraction, contractionFamilies, contractionsOf } from '../../bench/paper/contractions.js'
import type { Contraction, ContractionFamily } from '../../bench/paper/contractions.js'
import { exactly } from '../../bench/paper/exactly.js'
import { longestRow, orthogonal, spectralNorm, transposed } from '../../bench/paper/matrices.js'
import { difference, distance } from '../../bench/paper/spectrum.js'
import { counterexample, inverseStep, stepSizeRow } from '../../bench/paper/stepSize.js'
import { vanishingFamilies, vanishingOf, withSolver } from '../../bench/paper/vanishing.js'
import type { Vanishing, VanishingFamily } from '../../bench/paper/vanishing.js'
import { array, compile, fixedPoint, jacobian, solve, stream } from '../../lib/index.js'
import type { NDArray, Tensor } from '../../lib/index.js'
import { packageRoot } from '../../lib/runtime/native.js'

const normals = (seed: number): ((count: number) => Float64Array) => {
  const random = stream(seed, 'bounds test')
  let used = 0
  return (count) => random.normals(count, (used += count) - count)
}

test('matrices', async (t) => {
  const q = orthogonal(7, normals(1))
  for (let i = 0; i < 7; i++) {
    for (let j = 0; j < 7; j++) {
      let total = 0
      for (let k = 0; k < 7; k++) total += q.at(i, k) * q.at(j, k)
      t.ok(Math.abs(total - (i === j ? 1 : 0)) < 1e-14)
    }
  }
  t.ok(Math.abs(q.at(0, 0)) < 0.99, 'not the identity')
  const tall = array([[3], [0], [4]])
  t.strictSame([spectralNorm(tall), spectralNorm(transposed(tall)), longestRow(tall)], [5, 5, 4])
})

test('k steps, with k a number of the program', async (t) => {
  const map = (x: Tensor, theta: Tensor): Tensor => x.cos().mul(theta)
  const counted = compile((k: Tensor, theta: Tensor) =>
    solve(afterSteps(fixedPoint({ map }), k), { x0: 0.3, theta }),
  )
  const { value, iterations } = counted.batch([0, 1, 2, 7], [0.5, 0.5, 0.9, 0.9])
  const expected = [0, 1, 2, 7].map((k, i) => {
    const fixed = compile((theta: Tensor) => solve(exactly(k, map), { x0: 0.3, theta }))
    return fixed(i < 2 ? 0.5 : 0.9).value as number
  })
  t.strictSame([...value.data], expected)
  t.strictSame([...iterations], [0, 1, 2, 7])
})

/** A point of the ball that holds the iterates. */
const inside = ({ x, radius }: Contraction, draw: (count: number) => Float64Array): NDArray => {
  const z = draw(x.size)
  const scale = (radius * Math.abs(Math.tanh(draw(1)[0] as number))) / distance(z)
  return array(x.data.map((xi, i) => xi + scale * (z[i] as number)))
}

/** F, A and B at a point. */
const derivatives = (family: ContractionFamily, { parts, theta }: Contraction) => {
  const program = compile((x: Tensor, th: Tensor, p: Parameters<typeof contraction>[1]) => {
    const map = contraction(family, p)
    return {
      F: map(x, th),
      A: jacobian((y: Tensor) => map(y, th))(x),
      B: jacobian((y: Tensor) => map(x, y))(th),
    }
  })
  return (x: NDArray) => program(x, theta, parts).value as Record<'F' | 'A' | 'B', NDArray>
}

for (const family of contractionFamilies) {
  test(`${family.name}: the constants are true on the ball, the fixed point and its Jacobian are right`, async (t) => {
    const draw = normals(3)
    for (const size of [
      { n: 2, m: 1, rho: 0.3, seed: 1 },
      { n: 6, m: 3, rho: 0.9, seed: 2 },
    ]) {
      const instance = contractionsOf(family)(size)
      const { rho, LF, LJ, x: xbar, jacobian: exact, radius, theta, parts } = instance
      const at = derivatives(family, instance)
      const room = 1 + 1e-12
      const there = at(xbar)
      t.ok(distance(there.F.data, xbar.data) < 1e-14 * (1 + distance(xbar.data)) * size.n, 'x̄ = F(x̄)')
      let [slope, moves] = [0, 0]
      for (let i = 0; i < 40; i++) {
        const [x, y] = [inside(instance, draw), inside(instance, draw)]
        const [p, q] = [at(x), at(y)]
        const apart = distance(x.data, y.data)
        slope = Math.max(slope, spectralNorm(p.A))
        const moved = Math.max(spectralNorm(difference(p.A, q.A)), spectralNorm(difference(p.B, q.B)))
        moves = Math.max(moves, moved - LJ * apart)
        t.ok(distance(p.F.data, xbar.data) <= radius * room, 'F maps the ball into itself')
        t.ok(spectralNorm(p.B) <= LF * room)
      }
      t.ok(slope <= rho * room && slope > rho / 10, `‖A‖ ≤ ρ: ${String(slope)}`)
      t.ok(moves <= 1e-12, 'L_J')
      // Central differences of the solution, which know nothing of the closed form.
      const solution = compile((th: Tensor, p: Parameters<typeof contraction>[1]) =>
        solve(fixedPoint({ map: contraction(family, p), tol: 1e-14, maxSteps: 2000 }), {
          x0: xbar,
          theta: th,
        }),
      )
      const h = 1e-5
      for (let j = 0; j < instance.m; j++) {
        const moved = (by: number): Float64Array => {
          const near = theta.data.map((value, i) => (i === j ? value + by : value))
          return (solution(near, parts).value as NDArray).data
        }
        const [up, down] = [moved(h), moved(-h)]
        up.forEach((value, i) => {
          const slopeOf = (value - (down[i] as number)) / (2 * h)
          t.ok(Math.abs(slopeOf - exact.at(i, j)) < 1e-6 * (1 + spectralNorm(exact)), 'Jx̄ by differences')
        })
      }
    }
  })
}

for (const family of vanishingFamilies) {
  test(`${family.name}: ∂ₓF vanishes at x̄, and Jx̄ is ∂θF`, async (t) => {
    for (const size of [
      { n: 1, m: 1, seed: 1 },
      { n: 5, m: 2, seed: 2 },
    ]) {
      const { x, theta, parts, jacobian: exact }: Vanishing = vanishingOf(family)(size)
      const program = compile((y: Tensor, th: Tensor, p: Parameters<typeof withSolver>[1]) => {
        const step = (z: Tensor, s: Tensor): Tensor =>
          withSolver(family, p, (solver) => solver.point(solver.step(solver.init(z, s), s)))
        return {
          F: step(y, th),
          A: jacobian((z: Tensor) => step(z, th))(y),
          B: jacobian((s: Tensor) => step(y, s))(th),
        }
      })
      const { F, A, B } = program(x, theta, parts).value as Record<'F' | 'A' | 'B', NDArray>
      t.ok(distance(F.data, x.data) < 1e-14 * (1 + distance(x.data)))
      t.ok(spectralNorm(A) < 1e-13, `‖A‖ = ${String(spectralNorm(A))}`)
      t.ok(spectralNorm(difference(B, exact)) < 1e-13 * (1 + spectralNorm(exact)))
    }
  })
}

const ks = [1, 2, 4, 8, 32, 128]
const worst = (trials: readonly Trial[], inequality: Inequality): number =>
  Math.max(
    ...trials.flatMap(({ rows }) =>
      rows.filter((row) => row.inequality === inequality).map(({ ratio }) => ratio),
    ),
  )

test('paper bounds --quick --json: every inequality holds, the floor is attained', async (t) => {
  const main = join(packageRoot(), 'dist', 'bench', 'paper', 'main.js')
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'bounds', '--quick', '--json'], {
    encoding: 'utf8',
  })
  t.equal(status, 0, stderr)
  const result = JSON.parse(stdout) as BoundsResult
  const { rows, summary, vanishing: limits, stepSize } = result
  t.strictSame(
    [...new Set(summary.map(({ inequality }) => inequality))].sort(),
    [...inequalities].sort(),
    'no inequality is left out',
  )
  t.equal(summary.length, 4 * contractionFamilies.length + vanishingFamilies.length)
  for (const { inequality, family, worst: ratio, count, holds } of summary) {
    t.ok(holds && ratio <= 1 && ratio > 0, `${inequality}, ${family}: ${String(ratio)}`)
    t.ok(count >= 60)
  }
  const floor = summary.find(({ inequality, family }) => inequality === 'one-step' && family === 'worst case')
  t.ok((floor?.last ?? 0) > 0.99, 'the floor of one-step')
  const hyper = summary.find(
    ({ inequality, family }) => inequality === 'hypergradient' && family === 'worst case',
  )
  t.ok((hyper?.last ?? 0) > 0.99, 'the floor of ε')
  for (const { family, first, last, atSolution } of limits)
    t.ok(last < 1e-10 * first && atSolution < 1e-13, `${family}: Jᴼˢ → Jx̄`)
  t.ok(
    rows.every(
      ({ measured, bound, worst: ratio, n }) => n === 10 && measured >= 0 && bound >= 0 && ratio <= 1,
    ),
  )
  t.strictSame(
    stepSize.map(({ condition }) => condition),
    ['published', 'safe'],
  )
  t.match(showBounds(result), /one-step +worst case .* holds/)
  t.notMatch(showBounds(result), /VIOLATED/)
})

const extreme = contractionFamilies.filter((family) => family.extreme)
const newton = vanishingFamilies.filter(({ inequality, separate }) => inequality === 'quadratic' && !separate)
const threeHalves = vanishingFamilies.filter(({ inequality }) => inequality === 'superlinear')

const contractions = (families: readonly ContractionFamily[]) => (fault: Fault) =>
  families.map((family) => contractionTrials(family, fault)({ n: 5, m: 5, rho: 0.5, seed: 1 }, ks))
const vanishing = (families: readonly VanishingFamily[]) => (fault: Fault) =>
  families.map((family) => vanishingTrials(family, fault)({ n: 5, m: 2, seed: 1 }, [2, 3, 4, 5]))

const understated = { name: 'ρ understated by 20 %', fault: { statedRho: 0.8 } }
const misplaced = { name: 'the error at x₍k₎ for that at x₍k₋₁₎', fault: { errorAt: 'last' } } as const

/** A mistake, on which maps it is made, and the inequality that notices it. */
const faults: readonly {
  readonly name: string
  readonly fault: Fault
  readonly on: (fault: Fault) => readonly Trial[]
  readonly inequality: Inequality
}[] = [
  { ...understated, on: contractions(extreme), inequality: 'one-step' },
  { ...understated, on: contractions(extreme), inequality: 'hypergradient' },
  { ...understated, on: contractions(extreme), inequality: 'truncated' },
  { ...misplaced, on: vanishing(newton), inequality: 'quadratic' },
  { ...misplaced, on: vanishing(threeHalves), inequality: 'superlinear' },
]

for (const { name, fault, on, inequality } of faults) {
  test(`${name} is noticed: ${inequality}`, async (t) => {
    const [right, wrong] = [worst(on({}), inequality), worst(on(fault), inequality)]
    t.ok(right <= 1 && right > 0, 'without it the inequality holds')
    t.ok(wrong > 1.05, `with it, it does not: ${String(wrong)}`)
  })
}

for (const family of contractionFamilies) {
  test(`${family.name}: the inequalities hold on any instance`, async (t) => {
    const measure = contractionTrials(family)
    const sizes = fc.constantFrom([1, 1], [2, 3], [7, 2])
    const rates = fc.double({ min: 0.01, max: 0.98, noNaN: true })
    fc.assert(
      fc.property(sizes, rates, fc.nat(1e6), ([n, m], rho, seed) => {
        const { rows } = measure({ n: n, m: m, rho, seed }, ks)
        for (const { inequality, k, ratio } of rows)
          ok(ratio <= 1, `${inequality}, k = ${String(k)}: ${String(ratio)}`)
      }),
      { numRuns: 40 },
    )
    t.pass('they hold')
  })
}

test('the published condition on the step size is too weak, the safe one is not', async (t) => {
  t.ok(Math.abs(inverseStep('published', counterexample) - 0.11) < 1e-15)
  t.ok(Math.abs(inverseStep('safe', counterexample) - 1.01) < 1e-15)
  const published = stepSizeRow('published', 32, 100)
  const safe = stepSizeRow('safe', 32, 100)
  t.ok(published.broken > 0.5 && published.worst > 5, 'descent fails, and so does the proposition')
  t.ok(published.gap > 1e-3, 'and it goes nowhere')
  t.equal(safe.broken, 0)
  t.ok(safe.worst <= 1 && safe.worst > 0.9, 'the true smoothness is 1, the safe constant 1.01')
  t.ok(safe.gap < 1e-12)
  // They agree at J = 1.
  const atOne = { rho: 0.5, LF: 0.5, LJ: 2, lg: 3, lgg: 4 }
  t.equal(inverseStep('published', atOne), inverseStep('safe', atOne))
})
