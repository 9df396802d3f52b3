// Hypergradient descent: the constants are true, the truth is right, the proposition holds, and mistakes are noticed.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { bilevelCurves } from '../../bench/paper/bilevel.js'
import type { BilevelCurve } from '../../bench/paper/bilevel.js'
import { bilevelProblem, readBilevelData, syntheticBilevelData } from '../../bench/paper/bilevelData.js'
import {
  constantsOf,
  descentOf,
  floorOf,
  innerObjective,
  losses,
  newtonOf,
  outerLoss,
} from '../../bench/paper/bilevelProblem.js'
import type { BilevelProblem, Loss } from '../../bench/paper/bilevelProblem.js'
import { showBilevel } from '../../bench/paper/bilevelReport.js'
import type { BilevelResult } from '../../bench/paper/bilevelReport.js'
import { spectralNorm } from '../../bench/paper/matrices.js'
import { inProcess } from '../../bench/paper/runner.js'
import { difference, distance } from '../../bench/paper/spectrum.js'
import { array, compile, concat, grad, implicit, jacobian, solve, stream, zeros } from '../../lib/index.js'
import type { NDArray, Tensor } from '../../lib/index.js'
import { packageRoot } from '../../lib/runtime/native.js'

const problemOf = (loss: Loss, prior = 0.02): BilevelProblem =>
  bilevelProblem(
    syntheticBilevelData(loss, 90, 6),
    { training: 30, validation: 60, groups: 2 },
    { penalty: { least: 0.5, range: 1 }, prior },
  )

/** x̄(θ) and ∇h(θ). */
const solutionOf = (problem: BilevelProblem) => {
  const outer = outerLoss(problem)
  const x = (theta: Tensor): Tensor =>
    solve(newtonOf(problem, 1e-13), { x0: zeros([problem.groups.length]), theta, strategy: implicit() })
  return compile((theta: Tensor) => ({
    x: x(theta),
    value: outer(x(theta), theta),
    gradient: grad((t: Tensor) => outer(x(t), t))(theta),
  }))
}

for (const loss of losses) {
  test(`${loss}: the data are centred and have curvature 1`, async (t) => {
    const { training, validation, groups } = problemOf(loss)
    t.strictSame(
      [training.features.shape, validation.features.shape],
      [
        [30, 6],
        [60, 6],
      ],
    )
    t.strictSame(groups, [0, 0, 0, 1, 1, 1])
    t.ok(Math.abs(spectralNorm(training.features) ** 2 / 30 - 1) < 1e-12)
    if (loss === 'logistic') t.ok([...training.targets.data].every((b) => b === 1 || b === -1))
  })

  test(`${loss}: the constants are true`, async (t) => {
    const problem = problemOf(loss, 0)
    const constants = constantsOf(problem)
    const { rho, LF, LJ, lg, lgg, R, M, Lh, step, mu, L } = constants
    const descent = descentOf(problem, step, 1)
    const F = (x: Tensor, theta: Tensor): Tensor => descent.point(descent.step(descent.init(x, theta), theta))
    const outer = outerLoss(problem)
    const objective = innerObjective(problem)
    const at = compile((x: Tensor, theta: Tensor) => {
      return {
        F: F(x, theta),
        gradient: grad((y: Tensor) => objective(y, theta))(x),
        A: jacobian((y: Tensor) => F(y, theta))(x),
        B: jacobian((s: Tensor) => F(x, s))(theta),
        both: concat([jacobian((y: Tensor) => F(y, theta))(x), jacobian((s: Tensor) => F(x, s))(theta)], 1),
        slope: grad((y: Tensor) => outer(y, theta))(x),
      }
    })
    const truth = solutionOf(problem)
    const random = stream(5, loss)
    const room = 1 + 1e-12
    let [moved, bent, steep] = [0, 0, 0]
    const draw = (i: number) => {
      const theta = array(random.normals(2, 1000 + 2 * i).map((z) => 2 * z))
      const { x, gradient } = truth(theta).value as { x: NDArray; gradient: NDArray }
      const z = random.normals(6, 8 * i)
      const scale = (distance(x.data) * random.uniform(i)) / distance(z)
      const point = array(x.data.map((xi, j) => xi + scale * (z[j] as number)))
      return { theta, x, gradient, point, made: at(point, theta).value as Record<string, NDArray> }
    }
    for (let i = 0; i < 60; i++) {
      const [p, q] = [draw(2 * i), draw(2 * i + 1)]
      const get = (made: Record<string, NDArray>, name: string): NDArray => made[name] as NDArray
      t.ok(distance(p.point.data) <= R * room && 2 * distance(p.x.data) <= R * room, 'R')
      t.ok(spectralNorm(get(p.made, 'A')) <= rho * room, 'ρ')
      t.ok(spectralNorm(get(p.made, 'B')) <= LF * room, 'L_F')
      t.ok(distance(get(p.made, 'slope').data) <= lg * room, 'l_g')
      const start = at(zeros([6]), p.theta).value.F as NDArray
      t.ok(distance(start.data) <= M * room && distance(start.data) >= M / room, 'M')
      const apart = Math.hypot(distance(p.point.data, q.point.data), distance(p.theta.data, q.theta.data))
      moved = Math.max(moved, spectralNorm(difference(get(p.made, 'both'), get(q.made, 'both'))) / apart / LJ)
      bent = Math.max(
        bent,
        distance(p.gradient.data, q.gradient.data) / distance(p.theta.data, q.theta.data) / Lh,
      )
      const other = at(q.point, p.theta).value as Record<string, NDArray>
      const slopes = distance(get(p.made, 'slope').data, get(other, 'slope').data)
      const forces = distance(get(p.made, 'gradient').data, get(other, 'gradient').data)
      const between = distance(p.point.data, q.point.data)
      t.ok(slopes <= lgg * between * room, 'l_∇g')
      t.ok(forces >= (mu * between) / room && forces <= L * between * room, 'μ and L')
      steep = Math.max(steep, slopes / between / lgg)
    }
    t.ok(moved <= 1 && moved > 0.02, `L_J: ${String(moved)}`)
    t.ok(bent <= 1 && bent > 0, `L_h: ${String(bent)}`)
    t.ok(steep > 0.2, 'l_∇g is not far off')
  })

  test(`${loss}: ∇h by differences`, async (t) => {
    const truth = solutionOf(problemOf(loss))
    const theta = [0.3, -0.7]
    const gradient = truth(theta).value.gradient as NDArray
    const h = 1e-5
    theta.forEach((_, j) => {
      const value = (by: number): number =>
        truth(theta.map((x, i) => (i === j ? x + by : x))).value.value as number
      t.ok(Math.abs((value(h) - value(-h)) / (2 * h) - gradient.at(j)) < 1e-9)
    })
  })
}

/** The curves of a small problem. */
const small = async (loss: Loss, withoutFloor: boolean): Promise<readonly BilevelCurve[]> => {
  const { curves } = await bilevelCurves(inProcess, problemOf(loss), {
    ...{ k: 60, K: 3, steps: 1000, withoutFloor },
  })
  return curves
}

for (const loss of losses) {
  test(`${loss}: an ε without its floor is noticed`, async (t) => {
    const byDescent = (curves: readonly BilevelCurve[]): BilevelCurve =>
      curves.find(({ estimator, inner }) => estimator === 'one-step' && inner !== 'Newton') as BilevelCurve
    t.equal(byDescent(await small(loss, false)).holds, true)
    t.equal(byDescent(await small(loss, true)).holds, false)
  })
}

test('paper bilevel --quick --json: the proposition holds, gradient descent leaves a floor, Newton leaves none', async (t) => {
  const main = join(packageRoot(), 'dist', 'bench', 'paper', 'main.js')
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'bilevel', '--quick', '--json'], {
    encoding: 'utf8',
  })
  t.equal(status, 0, stderr)
  const result = JSON.parse(stdout) as BilevelResult
  t.strictSame(
    result.runs.map(({ loss, data }) => [loss, data]),
    losses.map((loss) => [loss, 'synthetic']),
  )
  for (const { curves, constants, floor, K, steps } of result.runs) {
    t.equal(floor, floorOf(constants))
    t.strictSame(
      curves.map(({ estimator, inner }) => [estimator, inner]),
      [
        ['one-step', 'gradient descent'],
        [`truncated-${String(K)}`, 'gradient descent'],
        [`neumann-${String(K)}`, 'gradient descent'],
        ['implicit (CG)', 'gradient descent'],
        ['one-step', 'Newton'],
      ],
    )
    t.strictSame(
      curves.map(({ holds }) => holds),
      [true, null, null, null, true],
    )
    for (const { points } of curves) {
      t.strictSame([points[0]?.l, points.at(-1)?.l], [0, steps - 1])
      t.ok(points.every(({ gradient, least }) => least <= gradient && gradient >= 0))
    }
    const least = curves.map(({ points }) => points.at(-1)?.least ?? NaN)
    const [oneStep, truncated, series, conjugate, newton] = least as [number, number, number, number, number]
    t.ok(newton < 1e-16 && conjugate < 1e-16, 'no floor')
    t.ok(truncated < 1e-3 * oneStep && series < 1e-3 * oneStep, 'K steps leave much less than one')
    const { bias = NaN, local = NaN } = curves[0]?.points.at(-1) ?? {}
    t.ok(
      (local as number) < floor && bias > 0.01 * (local as number),
      'the bound at θ is of the order of the error',
    )
    t.ok(oneStep > 1e-9 && Math.abs(bias / Math.sqrt(oneStep) - 1) < 1e-3, 'at the floor ‖∇h‖ is the bias')
  }
  t.match(showBilevel(result), /one-step, Newton .* holds/)
  t.notMatch(showBilevel(result), /VIOLATED/)
})

/** Contents of a LIBSVM file, and what its error says. */
const unusable: readonly (readonly [string, string, RegExp])[] = [
  ['one class', '1 1:2\n1 1:3\n1 1:1\n1 2:2\n', /two different labels.*received 1 and 2/],
  ['three classes', '1 1:2\n2 1:3\n3 1:1\n', /received 3 and 1/],
  ['features that are constant', '1 1:2\n2 1:2\n1 1:2\n2 1:2\n', /a feature that varies/],
  ['too few rows', '1 1:2\n2 1:3\n', /at least four rows/],
  ['too many features', '1 1:2\n2 9999:3\n', /at most 2000 features/],
]

test('data files', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bilevel-'))
  const problemAt = async (text: string): Promise<BilevelProblem> => {
    const path = join(folder, 'data.svm')
    writeFileSync(path, text)
    const split = { training: 4, validation: 4, groups: 3 }
    return bilevelProblem(await readBilevelData(path), split, { penalty: { least: 1, range: 1 }, prior: 0 })
  }
  try {
    for (const [name, text, message] of unusable)
      await t.rejects(problemAt(text), { code: 'ERR_DATA', message }, name)
    const { loss, training, validation, groups } = await problemAt(
      '2 1:1 2:5\n1 1:3\n2 2:2\n1 1:4 2:1\n2 1:9\n1 2:7\n',
    )
    t.strictSame([loss, groups], ['logistic', [0, 1]])
    t.strictSame(
      [training.features.shape, validation.features.shape],
      [
        [3, 2],
        [3, 2],
      ],
    )
    t.strictSame([...training.targets.data, ...validation.targets.data].sort(), [-1, -1, -1, 1, 1, 1])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
